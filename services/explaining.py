"""Why would a request go to a partner, or not, as things are now? A matcher of the moment, as routers have one.

Part of the composition root: the portal knows the port `Explainer`, commands call `matcher_of`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Protocol

from services.adapters.regions import parent_of
from services.core.pasts import PastStore
from services.core.ports import Clock
from services.core.rfi import Rfi
from services.core.rules import DEFAULT_RULES, Rules, RuleStore
from services.core.stores import PartnerStore, ReferralStore
from services.matching.explanation import Explanation
from services.matching.growing import GrowingMatcher
from services.matching.pasts import stored_standings

#: For how long a matcher is kept: making one reads every profile.
KEPT = timedelta(seconds=60)


class MatchingStores(Protocol):
    """The stores that a matcher is made of."""

    @property
    def partners(self) -> PartnerStore:
        """Profiles."""

    @property
    def referrals(self) -> ReferralStore:
        """Open counts."""

    @property
    def pasts(self) -> PastStore:
        """Standings."""

    @property
    def rules(self) -> RuleStore:
        """Published rules."""


class _Counts:
    """Open referrals by profile, as counted when the matcher was made."""

    def __init__(self, counts: Mapping[str, int]) -> None:
        self._counts = counts

    def open_count(self, profile_id: str) -> int:
        """Open referrals of a profile."""
        return self._counts.get(profile_id, 0)


async def rules_in_force(rules: RuleStore) -> Rules:
    """The published rules, else the default ones."""
    published = await rules.current()
    return published.rules if published else DEFAULT_RULES


async def matcher_of(stores: MatchingStores, now: datetime) -> GrowingMatcher:
    """A matcher with the rules, profiles, standings and open referrals of now.

    Raises:
        DependencyUnavailable: the database does not answer.
    """
    profiles = await stores.partners.all_profiles()
    limited = [profile.id for profile in profiles if profile.capacity is not None]
    counts = _Counts(await stores.referrals.open_counts(limited))
    matcher = GrowingMatcher(counts, parent_of, await rules_in_force(stores.rules))
    for profile in profiles:
        matcher.put(profile)
    await matcher.ready()
    async for standings in stored_standings(stores.pasts, now):
        for standing in standings:
            matcher.learn(standing.profile_id, standing)
    return matcher


class Explaining:
    """Port `Explainer`: one matcher at a time, made anew after a minute."""

    def __init__(self, stores: MatchingStores, clock: Clock) -> None:
        self._stores, self._clock = stores, clock
        self._lock = asyncio.Lock()
        self._made: tuple[datetime, GrowingMatcher] | None = None

    async def explain(self, rfi: Rfi, partner_id: str | None) -> Explanation:
        """As the port says."""
        now = self._clock.now()
        async with self._lock:
            if self._made is None or not self._made[0] <= now < self._made[0] + KEPT:
                self._made = now, await matcher_of(self._stores, now)
            # It reads words by the thousand: others are answered meanwhile.
            return await asyncio.to_thread(self._made[1].explain, rfi, partner_id, now)
