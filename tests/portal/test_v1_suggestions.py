"""/v1/suggestions: what a partner's own answers suggest, made by one POST, which can be repeated."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from services.core import commands as c
from services.core.codes import CloseReason
from services.core.ids import profile_id
from services.core.partner import Profile
from services.core.rfi import Place
from tests.builders import make_need, make_partner, make_profile, make_rfi
from tests.portal.world import Browser, PortalWorld

PATH = "/v1/suggestions"
PROFILE = make_profile(1, serves=(Place(country="ES"), Place(country="PT")))


@pytest.fixture
async def crm(world: PortalWorld) -> Browser:
    """A partner that twice found a request to lie outside its region, and its skills."""
    await world.stores.partners.put_partners([make_partner(1), make_partner(2)])
    lisbon = make_need(place=Place(country="PT"))
    for n, reason in enumerate([CloseReason.OUTSIDE_REGION] * 2 + [CloseReason.OUTSIDE_SKILLS] * 2, 1):
        referral = await world.add_referral(n, why={"score": 1.0, "reasons": ["keyword|backup|2.10"]})
        if reason is CloseReason.OUTSIDE_REGION:
            world.stores.rfis.stored[referral.rfi_id] = replace(make_rfi(n), need=lisbon)
        await world.ports.commands.execute(referral.id, c.Decline(by="partner:ana", reason=reason))
        settled = replace(await world.referral(referral.id), undo=None)
        world.stores.referrals.stored[referral.id] = settled
    await world.stores.partners.put_profiles([replace(PROFILE, version=2)])
    return await world.program(1, ("profiles.write",))


async def stored(world: PortalWorld) -> Profile:
    id_ = profile_id(make_partner(1).id, "ES")
    return (await world.stores.partners.load_profiles([id_]))[id_]  # type: ignore[no-any-return]


async def suggested(crm: Browser) -> dict[tuple[str, str], str]:
    """Ids by what is suggested."""
    return {(each["code"], each["value"]): each["id"] for each in (await crm.get(PATH)).json()["value"]}


async def test_what_its_answers_suggest_is_listed_with_how_much_it_rests_on(crm: Browser) -> None:
    told = (await crm.get(PATH)).json()["value"]
    assert [(each["code"], each["value"], each["count"], each["country"]) for each in told] == [
        ("remove_region", "PT", 2, "ES"),
        ("remove_words", "backup", 2, "ES"),
    ]
    assert all(each["applicable"] for each in told)
    assert "rfi" not in str(told)


async def test_a_suggestion_is_made_once_however_often_it_is_asked_for(world: PortalWorld, crm: Browser) -> None:
    ids = await suggested(crm)
    at = f"{PATH}/{ids['remove_region', 'PT']}/apply"
    first, again = [await crm.post(at) for _ in range(2)]
    assert (first.status_code, first.headers["etag"]) == (200, '"3"')
    assert (again.status_code, again.headers["etag"], again.json()) == (200, '"3"', first.json())
    assert await stored(world) == replace(PROFILE, serves=(Place(country="ES"),), version=3)
    assert ("remove_region", "PT") not in await suggested(crm)
    assert (await crm.post(f"{PATH}/{ids['remove_words', 'backup']}/apply")).headers["etag"] == '"4"'
    assert (await stored(world)).keywords == ("cloud migration",)


async def test_it_is_made_of_the_version_that_was_read(world: PortalWorld, crm: Browser) -> None:
    at = f"{PATH}/{(await suggested(crm))['remove_region', 'PT']}/apply"
    assert (await crm.post(at, headers={"If-Match": '"1"'})).status_code == 412
    assert (await stored(world)).version == 2
    assert (await crm.post(at, headers={"If-Match": '"2"'})).status_code == 200


async def test_one_that_nobody_suggested_or_that_is_anothers_is_not_there(world: PortalWorld, crm: Browser) -> None:
    id_ = (await suggested(crm))["remove_region", "PT"]
    other, reader = await world.program(2, ("profiles.write",)), await world.program(1, ("profiles.read",))
    for wrong in ("x", "a.b", id_[:-2] + "AA", world.ports.signer.sign("customer", "x")):
        assert (await crm.post(f"{PATH}/{wrong}/apply")).status_code == 404
    assert (await other.post(f"{PATH}/{id_}/apply")).status_code == 404
    assert (await other.get(PATH)).json() == {"value": []}
    assert (await reader.post(f"{PATH}/{id_}/apply")).status_code == 403
    assert await stored(world) == replace(PROFILE, version=2)


async def test_one_that_came_and_went_is_gone(world: PortalWorld, crm: Browser) -> None:
    id_ = (await suggested(crm))["remove_region", "PT"]
    world.stores.referrals.stored.clear()
    await world.stores.partners.put_profiles([replace(PROFILE, version=3, capacity=4)])
    world.clock.advance(timedelta(minutes=2))
    assert (await crm.post(f"{PATH}/{id_}/apply")).status_code == 404
    assert (await stored(world)).serves == PROFILE.serves
