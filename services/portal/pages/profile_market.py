"""What would a business profile have met? Counts of asked words, and the recent requests that it fits.

Looks at the newest requests of a month, a bounded number, read once a minute for everybody. What is shown of a request
that did not reach the partner is what it asked for and where, never its texts or who asked.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.core.ids import referral_id
from services.core.partner import Profile
from services.core.rfi import Rfi
from services.core.stores import ReferralStore, RfiStore
from services.matching.asked import read
from services.matching.keywords import LANGUAGES, phrase
from services.matching.reference import ReferenceMatcher
from services.matching.regions import ParentOf

#: How far back, how many requests, for how long they are kept, and how many are shown.
PERIOD = timedelta(days=30)
MOST = 1000
KEPT = timedelta(seconds=60)
SHOWN = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitting:
    """A recent request that the profile fits; `referral_id` is set if the partner got it."""

    rfi: Rfi
    referral_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a profile would have met among the requests looked at."""

    looked_at: int
    fitting: int
    reached: int
    shown: tuple[Fitting, ...]
    keywords: tuple[tuple[str, int], ...]
    #: Each keyword, and how many requests asked for it outright.


class _AlwaysFree:
    """Nobody is full: a preview asks who fits."""

    def open_count(self, _profile_id: str) -> int:
        """None open."""
        return 0


@dataclass(frozen=True, slots=True)
class _Recent:
    """Requests read at one moment."""

    at: datetime
    rfis: Sequence[Rfi]
    counts: Counter[str]


class RecentRequests:
    """Answers for every partner from one reading of the newest requests."""

    def __init__(self, rfis: RfiStore, referrals: ReferralStore, parent_of: ParentOf) -> None:
        self._rfis, self._referrals, self._parent_of = rfis, referrals, parent_of
        self._recent: _Recent | None = None
        self._reading = asyncio.Lock()

    async def preview(self, profile: Profile, now: datetime) -> Preview:
        """What this profile would have met, were it active.

        Raises:
            DependencyUnavailable: the database does not answer.
        """
        recent = await self._read(now)
        fitting = await asyncio.to_thread(fits, profile, recent.rfis, now, self._parent_of)
        ids = {referral_id(rfi.id, profile.partner_id): rfi.id for rfi in fitting}
        got = {ids[id_]: id_ for id_ in await self._referrals.load(list(ids))}
        return Preview(
            looked_at=len(recent.rfis),
            fitting=len(fitting),
            reached=len(got),
            shown=tuple(Fitting(rfi=rfi, referral_id=got.get(rfi.id)) for rfi in fitting[:SHOWN]),
            keywords=tuple((word, _asked_for(word, recent.counts)) for word in profile.keywords),
        )

    async def _read(self, now: datetime) -> _Recent:
        async with self._reading:
            kept = self._recent
            if kept is None or not kept.at <= now < kept.at + KEPT:
                rfis = await self._rfis.recent(MOST, since=now - PERIOD)
                # What a customer picked itself says nothing of who fits.
                open_to_all = [rfi for rfi in rfis if not rfi.selected_partners]
                counts = await asyncio.to_thread(_counts, open_to_all, self._parent_of)
                kept = self._recent = _Recent(now, open_to_all, counts)
            return kept


def fits(profile: Profile, rfis: Sequence[Rfi], now: datetime, parent_of: ParentOf) -> list[Rfi]:
    """Those of the requests that the profile fits by region, size and what is asked; pauses and capacity aside."""
    matcher = ReferenceMatcher(_AlwaysFree(), parent_of)
    matcher.put(replace(profile, active=True, paused_until=None, capacity=None))
    return [rfi for rfi, routing in zip(rfis, matcher.match(rfis, now), strict=True) if routing.chosen]


def _counts(rfis: Sequence[Rfi], parent_of: ParentOf) -> Counter[str]:
    """How many requests ask for each term outright, by the term's key."""
    return Counter(key for rfi in rfis for key in {said.key for said in read(rfi, parent_of).offers})


def _asked_for(word: str, counts: Counter[str]) -> int:
    """A word is one thing in every language it is read in."""
    return sum(counts[key] for key in {phrase(word, language) for language in LANGUAGES} if key)
