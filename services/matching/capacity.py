"""How many open referrals does each limited profile have, as far as this process knows?

A soft cap: counted up at once for what this process routes, set right from the store every few seconds. What other
processes route in between is not seen, so a capacity may be exceeded by what is in flight.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from services.core.stores import ReferralStore


class Capacity:
    """Port `CapacityView`, kept in memory; `referrals` is where open referrals are counted."""

    def __init__(self, referrals: ReferralStore) -> None:
        self._referrals = referrals
        self._counts: Counter[str] = Counter()
        self._since: Counter[str] = Counter()
        #: Given out since the last refresh began: its answer may or may not have them.

    def open_count(self, profile_id: str) -> int:
        """Open referrals of a profile."""
        return self._counts[profile_id]

    def took(self, profile_ids: Iterable[str]) -> None:
        """Count referrals that are about to be stored."""
        for profile_id in profile_ids:
            self._counts[profile_id] += 1
            self._since[profile_id] += 1

    async def refresh(self, profile_ids: Sequence[str]) -> None:
        """Count anew for these profiles. What is routed meanwhile is added on top: rather one too many for a while.

        Raises:
            DependencyUnavailable: the store does not answer; the old counts stay.
        """
        self._since.clear()
        counts = await self._referrals.open_counts(profile_ids)
        self._counts = Counter(counts) + self._since
