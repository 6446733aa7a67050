"""What every test of the portal may ask for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from services.adapters.memory.clock import TurnableClock
from services.adapters.mongo.driver import Mongo
from services.adapters.mongo.stores import stores_of
from tests.builders import START
from tests.photographs import PHOTOGRAPHS
from tests.portal.browser import Desk, NotingFrame
from tests.portal.windows import Windows, opened
from tests.portal.world import PortalWorld, portal_world


@pytest.fixture
async def world() -> AsyncIterator[PortalWorld]:
    """A portal over twins."""
    made = portal_world()
    yield made
    await made.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests with a browser share one event loop, and so one browser: starting it takes longer than most journeys."""
    for item in items:
        if "windows" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def windows() -> AsyncIterator[Windows]:
    """One browser and one address for all journeys."""
    async with opened() as made:
        yield made


@pytest_asyncio.fixture(loop_scope="session")
async def real_world(mongo_server: str, indexed_database: str) -> AsyncIterator[PortalWorld]:
    """A portal over a real database, for journeys in a browser."""
    with Mongo(mongo_server, indexed_database) as mongo:
        # The server drops what has expired by its own clock, so real time is the real one; business time is START's.
        now = datetime.now(UTC)
        clock = TurnableClock(now)
        clock.shift(START + timedelta(hours=1) - now)
        made = portal_world(stores_of(mongo, retention=timedelta(days=36_500)), clock=clock)
        yield made
        await made.close()


@pytest_asyncio.fixture(params=["en", "en-without-js", "es", "es-without-js"], loop_scope="session")
async def desk(request: pytest.FixtureRequest, real_world: PortalWorld, windows: Windows) -> AsyncIterator[Desk]:
    """A person in front of a real browser and a real database, once for each language with and without JavaScript."""
    PHOTOGRAPHS.mkdir(parents=True, exist_ok=True)
    language, scripts = request.param[:2], not request.param.endswith("without-js")
    name = request.node.originalname.removeprefix("test_")
    async with windows.stage.shows(real_world.app):
        frame = real_world.app.state.frame = NotingFrame(real_world.options)
        made = Desk(real_world, windows, language, scripts, name, frame)
        yield made
        await made.close()
