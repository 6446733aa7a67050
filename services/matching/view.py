"""Which profiles does this router know, and how does it keep up with their changes?

At the start it notes where `partner.profiles` ends, then loads every profile from the store, then follows the topic
from the noted place: a change is either in the store already or comes later on the topic, so none is missed. Seeing one
twice does no harm, the highest version holds.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from typing import Protocol

import structlog

from services.core.errors import Invalid
from services.core.partner import RoutableProfile
from services.core.ports import Record
from services.core.stores import PartnerStore

log = structlog.get_logger("router")

Offsets = Mapping[tuple[str, int], int]


class Feed(Protocol):
    """Reads topics without a consumer group."""

    async def end_offsets(self, topics: Collection[str]) -> Offsets:
        """The offset behind the last record of each partition."""

    def follow(self, topics: Collection[str], start: Offsets) -> AsyncIterator[list[Record]]:
        """Batches as they come, for ever."""


class Profiles(Protocol):
    """Takes profiles in; a matcher does."""

    def put(self, profile: RoutableProfile) -> bool:
        """Take in a version; False when this or a higher one was there."""


class ProfileView:
    """Keeps a matcher's profiles up to date.

    Args:
        partners: where all profiles are.
        feed: reads the topic.
        decode: makes a profile of a record.
        profiles: what is kept up to date.
        topic: the topic of profile changes.
    """

    def __init__(
        self,
        *,
        partners: PartnerStore,
        feed: Feed,
        decode: Callable[[Record], RoutableProfile],
        profiles: Profiles,
        topic: str,
    ) -> None:
        self._partners, self._feed, self._decode = partners, feed, decode
        self._profiles, self._topic = profiles, topic
        self._from: Offsets | None = None

    @property
    def ready(self) -> bool:
        """True once every profile that was stored before the start is known; only then may RFIs be routed."""
        return self._from is not None

    async def load(self) -> int:
        """Take in every stored profile; returns how many. May be repeated.

        Raises:
            DependencyUnavailable: Kafka or the store does not answer; the view is not ready.
        """
        noted = await self._feed.end_offsets([self._topic])
        profiles = await self._partners.all_profiles()
        for profile in profiles:
            self._profiles.put(profile)
        self._from = noted
        log.info("profiles_loaded", profiles=len(profiles))
        return len(profiles)

    async def follow(self, stop: asyncio.Event) -> None:
        """Take in changes until stopped.

        Raises:
            RuntimeError: `load` has not succeeded yet.
        """
        if self._from is None:
            raise RuntimeError("load the profiles before following their changes")
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
                log.info("profiles_changed", profiles=changed)

    def _take(self, record: Record) -> bool:
        # A tombstone says that a profile's records may go, not that the profile has changed.
        if record.value is None:
            return False
        try:
            return self._profiles.put(self._decode(record))
        except Invalid as error:
            # Every instance would meet it, and for ever: the older version stays, and operators see why.
            log.warning("profile_unreadable", record=record.where, error=str(error))
            return False
