"""When may a consumer fetch, when must it wait, and may the batch in hand still be committed?"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection
from typing import Any

import structlog
from aiokafka.abc import ConsumerRebalanceListener

from services.adapters.kafka.progress import Progress

log = structlog.get_logger(__name__)


class Steering(ConsumerRebalanceListener):  # type: ignore[misc, unused-ignore]  # aiokafka is not typed
    """The state that one consumer, its rebalances and its worker share.

    Args:
        progress: what /live and /ready look at.
        revoke_wait_s: how long a rebalance waits for the batch in hand; then the batch may not be committed any more.
    """

    def __init__(self, progress: Progress, *, revoke_wait_s: float = 25.0) -> None:
        self.progress = progress
        self.halted = False
        #: Stopped for good; nothing is fetched or committed any more.
        self.stale = False
        #: The batch in hand belongs to somebody else by now.
        self.owed: dict[Any, int] = {}
        #: Where what is done ends in partitions of ours, as far as Kafka could not be told yet.
        self.assigned: Callable[[Collection[Any]], None] = lambda _partitions: None
        #: Told which partitions are ours from now on.
        self._revoke_wait_s = revoke_wait_s
        self._idle = asyncio.Event()
        self._idle.set()
        self._resume_at = 0.0

    # -- the batch in hand

    def took(self) -> None:
        """A batch was fetched."""
        self._idle.clear()
        self.stale = False
        self.progress.took()

    def done(self, records: int = 0) -> None:
        """The batch was committed or put back."""
        self._idle.set()
        self.progress.done(records)

    # -- waiting

    def hold(self, delay_s: float, waiting_on: str) -> None:
        """Fetch nothing for `delay_s` seconds, because `waiting_on` does not answer."""
        self._resume_at = time.monotonic() + delay_s
        self.progress.waiting_on = waiting_on

    def release(self) -> None:
        """What was waited for answers again."""
        self._resume_at = 0.0
        self.progress.waiting_on = None

    def halt(self, reason: str) -> None:
        """Fetch nothing ever again."""
        self.halted = True
        self.progress.stopped = reason

    def held_for_s(self) -> float:
        """Seconds until fetching may go on; 0 when it may now."""
        return max(0.0, self._resume_at - time.monotonic())

    # -- rebalances, called by aiokafka

    async def on_partitions_revoked(self, revoked: set[Any]) -> None:
        """Wait for the batch in hand, so that whoever gets the partitions next does not handle it again."""
        self.progress.joining()
        try:
            async with asyncio.timeout(self._revoke_wait_s):
                await self._idle.wait()
        except TimeoutError:
            self.stale = True
            log.warning("kafka.batch_outlived_rebalance", consumer=self.progress.name, partitions=len(revoked))

    async def on_partitions_assigned(self, assigned: set[Any]) -> None:
        """The group has shared out its partitions: all begin at their last commit."""
        self.owed.clear()
        self.progress.joined()
        self.assigned(assigned)
        log.info("kafka.assigned", consumer=self.progress.name, partitions=len(assigned))
