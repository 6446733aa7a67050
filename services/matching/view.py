"""What does this router know of profiles (or of their standings), and how does it keep up with changes?

At the start it notes where the topic ends, then loads everything from the store, then follows the topic from the noted
place: a change is either in the store already or comes later on the topic, so none is missed. Seeing one twice does no
harm, the highest version holds.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Mapping
from contextlib import aclosing
from typing import Generic, Protocol, TypeVar

import structlog

from services.core.errors import Invalid
from services.core.ports import Record

log = structlog.get_logger("router")

T = TypeVar("T")

#: After so many values a long start says how far it is.
TELL_EVERY = 100_000

Offsets = Mapping[tuple[str, int], int]


class Feed(Protocol):
    """Reads topics without a consumer group."""

    async def end_offsets(self, topics: Collection[str]) -> Offsets:
        """The offset behind the last record of each partition."""

    def follow(self, topics: Collection[str], start: Offsets) -> AsyncIterator[list[Record]]:
        """Batches as they come, for ever."""


class View(Generic[T]):
    """Keeps a matcher up to date with one compacted topic.

    Args:
        what: what it is about, in the singular, for logs: `profile`, `standing`.
        topic: the topic of changes.
        feed: reads the topic.
        fill: takes in everything that is stored, a page at a time; tells how many were in each.
        decode: makes a value of a record.
        take: takes a value in; False when this or a higher version was there.
    """

    def __init__(
        self,
        *,
        what: str,
        topic: str,
        feed: Feed,
        fill: Callable[[], AsyncGenerator[int, None]],
        decode: Callable[[Record], T],
        take: Callable[[T], bool],
    ) -> None:
        self._what, self._topic, self._feed = what, topic, feed
        self._fill, self._decode, self._take_in_value = fill, decode, take
        self._from: Offsets | None = None

    @property
    def ready(self) -> bool:
        """True once everything that was stored before the start is known; only then may RFIs be routed."""
        return self._from is not None

    async def load(self) -> int:
        """Take in everything stored; returns how many. May be repeated.

        Raises:
            DependencyUnavailable: Kafka or the store does not answer; the view is not ready.
        """
        noted = await self._feed.end_offsets([self._topic])
        number, told = 0, 0
        async with aclosing(self._fill()) as pages:
            async for many in pages:
                number += many
                if number - told >= TELL_EVERY:
                    told = number
                    log.info("view_loading", of=self._what, number=number)
        self._from = noted
        log.info("view_loaded", of=self._what, number=number)
        return number

    async def follow(self, stop: asyncio.Event) -> None:
        """Take in changes until stopped.

        Raises:
            RuntimeError: `load` has not succeeded yet.
        """
        if self._from is None:
            raise RuntimeError(f"load the {self._what}s before following their changes")
        following = asyncio.ensure_future(self._take_in(self._from))
        stopping = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait({following, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            following.cancel()
            (result,) = await asyncio.gather(following, return_exceptions=True)
        if isinstance(result, Exception):
            raise result

    async def _take_in(self, start: Offsets) -> None:
        async for records in self._feed.follow([self._topic], start):
            changed = sum(self._take(record) for record in records)
            if changed:
                log.info("view_changed", of=self._what, number=changed)

    def _take(self, record: Record) -> bool:
        # A tombstone says that the records of a key may go, not that anything has changed.
        if record.value is None:
            return False
        try:
            return self._take_in_value(self._decode(record))
        except Invalid as error:
            # Every instance would meet it, and for ever: the older version stays, and operators see why.
            log.warning("change_unreadable", of=self._what, record=record.where, error=str(error))
            return False
