"""Regions that a partner serves have bounds, whichever way they come: what is too large could be told to no router."""

from __future__ import annotations

import pytest

from schemas.topics import Topic
from tests.portal.test_profiles_pages import ana, sent, stored
from tests.portal.world import Browser, PortalWorld

__all__ = ["ana"]


@pytest.mark.parametrize(
    ("city", "said"),
    [("c" * 101, "Shorten this text."), ("c" * 1_040_000, "Shorten this text."), ("Sevilla\x01", "cannot be seen")],
)
async def test_a_region_beyond_all_bounds_is_told_beside_its_field_and_nothing_is_stored(
    world: PortalWorld, ana: Browser, city: str, said: str
) -> None:
    before, told = await stored(world), len(world.log.records(str(Topic.PARTNER_PROFILES)))
    answer = await sent(ana, {"serves": f"ES / {city}"})
    assert answer.status_code == 422
    assert said in answer.text
    assert await stored(world) == before
    assert len(world.log.records(str(Topic.PARTNER_PROFILES))) == told
