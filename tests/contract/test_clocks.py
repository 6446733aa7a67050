"""What must every Clock do? Asked of the twin that a test turns, and of the one that follows the database."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from datetime import UTC, timedelta

import pytest

from services.adapters.clock import DatabaseClock, whole_ms
from services.adapters.memory.clock import TurnableClock
from services.adapters.memory.sandbox_clock import MemorySandboxClock
from services.adapters.mongo.driver import Mongo
from services.core.ports import Clock
from tests.builders import START

HOUR, FORTNIGHT = timedelta(hours=1), timedelta(days=14)


class Turned(ABC):
    """A clock, and hands that turn it."""

    clock: Clock

    @abstractmethod
    async def pass_(self, by: timedelta) -> None:
        """Let time pass."""

    @abstractmethod
    async def shift(self, by: timedelta) -> None:
        """Shift business time, as a sandbox does."""


class TurnedTwin(Turned):
    def __init__(self) -> None:
        self.clock: TurnableClock = TurnableClock(START)

    async def pass_(self, by: timedelta) -> None:
        assert self.clock.advance(by) == self.clock.now()

    async def shift(self, by: timedelta) -> None:
        assert self.clock.shift(by) == self.clock.now()


class TurnedDatabase(Turned):
    """Between two measurements time is what this machine's monotonic clock says; the test has its hands on that one."""

    def __init__(self, mongo: Mongo) -> None:
        self.seconds, self.offsets = 1000.0, MemorySandboxClock()
        self.clock: DatabaseClock = DatabaseClock(mongo, self.offsets, sandbox=True, monotonic=lambda: self.seconds)

    async def pass_(self, by: timedelta) -> None:
        self.seconds += by.total_seconds()

    async def shift(self, by: timedelta) -> None:
        await self.offsets.advance(by)
        await self.clock.refresh()


@pytest.fixture(params=["twin", "database"])
async def turned(request: pytest.FixtureRequest) -> AsyncIterator[Turned]:
    if request.param == "twin":
        yield TurnedTwin()
        return
    server, name = request.getfixturevalue("mongo_server"), request.getfixturevalue("mongo_database")
    with Mongo(server, name) as mongo:
        made = TurnedDatabase(mongo)
        await made.clock.start()
        yield made


async def test_instants_are_utc_and_whole_milliseconds(turned: Turned) -> None:
    await turned.pass_(HOUR)
    for at in (turned.clock.now(), turned.clock.real_now()):
        assert (at.tzinfo, at) == (UTC, whole_ms(at))


async def test_time_that_passes_passes_for_both_times(turned: Turned) -> None:
    clock = turned.clock
    assert clock.now() == clock.real_now()
    before = clock.now()
    await turned.pass_(HOUR)
    assert clock.now() == clock.real_now() == before + HOUR


async def test_a_shift_is_business_time_s_alone_and_time_passes_on_from_there(turned: Turned) -> None:
    clock = turned.clock
    await turned.shift(FORTNIGHT)
    await turned.shift(HOUR)
    assert clock.now() - clock.real_now() == FORTNIGHT + HOUR
    before = clock.now(), clock.real_now()
    await turned.pass_(HOUR)
    assert (clock.now(), clock.real_now()) == (before[0] + HOUR, before[1] + HOUR)


async def test_asking_makes_no_time_pass(turned: Turned) -> None:
    assert len({turned.clock.now() for _ in range(3)}) == 1
