"""What time is it? Every process follows the database's clock, so that none of them is early.

Business time may be shifted in a sandbox (demo, tests), by an offset that all its processes read from the database.
Instants are cut to milliseconds, which is what documents keep: what is derived from an instant before it was stored and
after it was read must be the same.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog

from services.adapters.mongo.driver import Mongo
from services.core.errors import DependencyUnavailable, Misconfigured
from services.core.stores import SandboxClockStore

log = structlog.get_logger("clock")

#: How often the database is asked for its time, and how often a sandbox's offset is read, seconds.
MEASURE_EVERY_S, OFFSET_EVERY_S = 30.0, 0.5

#: The database's clock and this machine's may part by so much between two measurements before it is told.
JUMP = timedelta(seconds=5)


def whole_ms(at: datetime) -> datetime:
    """The instant cut to milliseconds."""
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


class SystemClock:
    """The clock of this machine; for tools that have no database."""

    def now(self) -> datetime:
        """The time of this machine."""
        return whole_ms(datetime.now(UTC))

    def real_now(self) -> datetime:
        """The same: nothing shifts it."""
        return self.now()


class DatabaseClock:
    """The database's time, carried on by this machine's monotonic clock; never goes back.

    Start it before use, then `run` it beside the process's work.
    """

    def __init__(
        self,
        mongo: Mongo,
        offsets: SandboxClockStore,
        *,
        sandbox: bool,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._mongo, self._offsets, self._sandbox, self._monotonic = mongo, offsets, sandbox, monotonic
        self._measured: tuple[datetime, float] | None = None
        self.skew_s, self.jumps = 0.0, 0
        #: The database's clock minus this machine's, and how often the former jumped, as far as measured.
        self._offset = timedelta()
        self._latest_real = self._latest = datetime.min.replace(tzinfo=UTC)

    async def start(self) -> None:
        """Measure the clock, and refuse a shifted one in production.

        Raises:
            DependencyUnavailable: the database does not answer.
            Misconfigured: an offset is stored though this is no sandbox.
        """
        offset = await self._offsets.offset()
        if offset and not self._sandbox:
            raise Misconfigured(
                f"this database belongs to a sandbox: its clock is shifted by {offset}. Use another database "
                "(REFERRALS_MONGO_DATABASE), or start as a sandbox (REFERRALS_SANDBOX=true). To make this one a "
                "production database, where deadlines set meanwhile lie in the future, remove the offset in mongosh: "
                'db.settings.deleteOne({_id: "sandbox_clock"})'
            )
        await self.refresh()

    async def refresh(self) -> None:
        """Measure now, and read the sandbox's offset."""
        await self._measure()
        await self._read_offset()

    async def _measure(self) -> None:
        asked = self._monotonic()
        there: datetime = (await self._mongo.hello())["localTime"]
        answered = self._monotonic()
        # The answer was given somewhere between question and answer: half-way is wrong by half the trip at most.
        measured = there, (asked + answered) / 2
        self._notice_a_jump(measured, trip_s=answered - asked)
        self._measured = measured
        self.skew_s = (there - datetime.now(UTC)).total_seconds() + (answered - asked) / 2

    def _notice_a_jump(self, measured: tuple[datetime, float], *, trip_s: float) -> None:
        """Tell when the database's clock was set, or a new primary's clock is another: what is due depends on it.

        It is followed all the same: processes that disagree about the time would take each other's leases.
        """
        if self._measured is None:
            return
        there, then = self._measured
        by = measured[0] - there - timedelta(seconds=measured[1] - then)
        if abs(by) > JUMP + timedelta(seconds=trip_s):
            self.jumps += 1
            log.warning("database_clock_jumped", by_s=round(by.total_seconds(), 1), follows="it")

    async def _read_offset(self) -> None:
        if self._sandbox:
            self._offset = await self._offsets.offset()

    async def run(self, stop: asyncio.Event) -> None:
        """Keep up with the database until stopped. While it is away the last measurement is carried on."""
        every = OFFSET_EVERY_S if self._sandbox else MEASURE_EVERY_S
        measured_at = self._monotonic()
        while not stop.is_set():
            try:
                if self._monotonic() - measured_at >= MEASURE_EVERY_S:
                    measured_at = self._monotonic()
                    await self._measure()
                await self._read_offset()
            except DependencyUnavailable as error:
                log.warning("clock_not_measured", reason=str(error))
            try:
                await asyncio.wait_for(stop.wait(), every)
            except TimeoutError:
                continue

    def now(self) -> datetime:
        """Business time: the database's, shifted in a sandbox."""
        self._latest = max(self._latest, self.real_now() + self._offset)
        return self._latest

    def real_now(self) -> datetime:
        """The database's time.

        Raises:
            DependencyUnavailable: the database has not told its time yet, at the start of a process.
        """
        if self._measured is None:
            raise DependencyUnavailable("mongo", "has not told the time yet")
        there, then = self._measured
        self._latest_real = max(self._latest_real, whole_ms(there + timedelta(seconds=self._monotonic() - then)))
        return self._latest_real
