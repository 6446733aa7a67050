"""Who says what time it is: one tick for each shard, published by the instance that owns the first partition.

Two tickers for a moment (a rebalance) do no harm: ticks only say that time has come this far.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import structlog

from services.core.errors import DependencyUnavailable
from services.core.ids import SHARDS
from services.core.ports import Clock, Outgoing, Publisher

log = structlog.get_logger("ticker")


class Ticker:
    """Publishes ticks as long as this instance leads."""

    def __init__(
        self,
        *,
        publisher: Publisher,
        clock: Clock,
        encode: Callable[[int, datetime], Outgoing],
        leads: Callable[[], bool],
        every_s: float,
        look_s: float | None = None,
    ) -> None:
        """Take the ports; `look_s`: how often it is seen whether somebody has shifted the clock, where one may."""
        self._publisher, self._clock, self._encode = publisher, clock, encode
        self._leads, self._every_s, self._look_s = leads, every_s, look_s or every_s

    def ticks(self) -> Sequence[Outgoing]:
        """One tick for every shard, now."""
        now = self._clock.now()
        return [self._encode(shard, now) for shard in range(SHARDS)]

    async def run(self, stop: asyncio.Event) -> None:
        """Tick until stopped. Kafka being away costs ticks and nothing else: the next one says all."""
        while not stop.is_set():
            if self._leads():
                try:
                    await self._publisher.publish(self.ticks())
                except DependencyUnavailable as error:
                    log.warning("ticks_not_published", reason=str(error))
            await self._pause(stop)

    async def _pause(self, stop: asyncio.Event) -> None:
        """Wait until the next tick; not for its time when business time has moved on by as much already."""
        began, waited_s = self._clock.now(), 0.0
        while waited_s < self._every_s and not stop.is_set():
            if self._clock.now() - began >= timedelta(seconds=self._every_s):
                return
            try:
                await asyncio.wait_for(stop.wait(), self._look_s)
            except TimeoutError:
                waited_s += self._look_s
