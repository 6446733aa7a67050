"""Every process follows the database's clock, and only a sandbox shifts it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from services.adapters.clock import DatabaseClock, SystemClock, whole_ms
from services.adapters.memory.sandbox_clock import MemorySandboxClock
from services.adapters.mongo.driver import Mongo
from services.core.errors import DependencyUnavailable, Misconfigured
from services.core.ports import Clock
from tests.kafka_world import until

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def database(mongo_server: str, mongo_database: str) -> AsyncIterator[Mongo]:
    with Mongo(mongo_server, mongo_database) as mongo:
        yield mongo


class Seconds:
    """A monotonic clock that a test turns."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def test_a_clock_tells_the_database_s_time(database: Mongo) -> None:
    clock = DatabaseClock(database, MemorySandboxClock(), sandbox=False)
    await clock.start()
    assert abs(clock.now() - datetime.now(UTC)) < MINUTE
    assert clock.now().tzinfo is UTC


async def test_time_is_carried_on_between_measurements_in_whole_milliseconds(database: Mongo) -> None:
    seconds = Seconds()
    clock = DatabaseClock(database, MemorySandboxClock(), sandbox=False, monotonic=seconds)
    await clock.start()
    before = clock.now()
    seconds.now += 2.0005
    assert clock.now() - before == timedelta(seconds=2)
    assert clock.now() == whole_ms(clock.now())


async def test_time_never_goes_back(database: Mongo) -> None:
    seconds = Seconds()
    clock = DatabaseClock(database, MemorySandboxClock(), sandbox=False, monotonic=seconds)
    await clock.start()
    seconds.now += 3600
    ahead = clock.now()
    await clock.refresh()
    assert clock.now() == clock.real_now() == ahead


async def test_a_database_whose_clock_was_set_is_told_of(database: Mongo) -> None:
    seconds = Seconds()
    clock = DatabaseClock(database, MemorySandboxClock(), sandbox=False, monotonic=seconds)
    with capture_logs() as logs:
        await clock.start()
        seconds.now += 1
        await clock.refresh()
        assert logs == [], "a second is no jump"
        assert clock.jumps == 0
        assert abs(clock.skew_s) < 60
        # An hour passes here and none there: as if its clock had been set back.
        seconds.now += 3600
        await clock.refresh()
    [told] = logs
    assert told["event"] == "database_clock_jumped"
    assert -3605 < told["by_s"] < -3590
    assert clock.jumps == 1


async def test_a_sandbox_shifts_business_time_alone(database: Mongo) -> None:
    offsets, seconds = MemorySandboxClock(), Seconds()
    clock = DatabaseClock(database, offsets, sandbox=True, monotonic=seconds)
    await offsets.advance(timedelta(days=14))
    await clock.start()
    assert clock.now() - clock.real_now() == timedelta(days=14)


async def test_a_running_sandbox_clock_follows_the_stored_offset(database: Mongo) -> None:
    offsets, stop = MemorySandboxClock(), asyncio.Event()
    clock = DatabaseClock(database, offsets, sandbox=True)
    await clock.start()
    running = asyncio.ensure_future(clock.run(stop))
    await offsets.advance(timedelta(days=1))
    await until(lambda: clock.now() - clock.real_now() >= timedelta(days=1), what="the clock follows the offset")
    stop.set()
    await running


async def test_a_database_that_is_away_for_a_while_does_not_stop_the_clock(database: Mongo) -> None:
    offsets, stop = MemorySandboxClock(), asyncio.Event()
    clock = DatabaseClock(database, offsets, sandbox=True)
    await clock.start()
    await offsets.advance(timedelta(days=1))
    offsets.faults.fail_next(2)
    running = asyncio.ensure_future(clock.run(stop))
    await until(lambda: clock.now() - clock.real_now() >= timedelta(days=1), what="the clock follows the offset")
    stop.set()
    await running
    assert offsets.faults.calls.count("MemorySandboxClock.offset") >= 4


async def test_production_refuses_a_shifted_database_and_says_what_to_do(database: Mongo) -> None:
    offsets = MemorySandboxClock()
    await offsets.advance(timedelta(hours=1))
    with pytest.raises(Misconfigured, match=r"REFERRALS_SANDBOX=true.*deleteOne"):
        await DatabaseClock(database, offsets, sandbox=False).start()


def test_a_clock_that_was_not_started_tells_nothing(mongo_server: str) -> None:
    with Mongo(mongo_server, "unused") as mongo, pytest.raises(DependencyUnavailable, match="not told the time"):
        DatabaseClock(mongo, MemorySandboxClock(), sandbox=False).now()


def test_the_system_s_clock_tells_whole_milliseconds() -> None:
    clock: Clock = SystemClock()
    now = clock.now()
    assert now == whole_ms(now)
    assert clock.real_now() >= now
    assert now.tzinfo is UTC
