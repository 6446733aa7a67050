"""What every test of the portal may ask for."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.portal.world import PortalWorld, portal_world


@pytest.fixture
async def world() -> AsyncIterator[PortalWorld]:
    """A portal over twins."""
    made = portal_world()
    yield made
    await made.close()
