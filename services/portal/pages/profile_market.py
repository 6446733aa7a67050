"""What would a business profile have met? Counts of asked words, the recent requests it fits and would have got.

Fitting is judged by the rules that hold now. Whether a request would have come is judged against those who were asked
first, by the scores that they had then. Looks at the newest requests of a month, a bounded number, read once a minute
for everybody. What is shown of a request that did not reach the partner is what it asked for and where, never its texts
or who asked.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.core.ids import referral_id
from services.core.partner import Profile
from services.core.rfi import Rfi
from services.core.rules import Rules
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
    would_come: bool
    #: Whether it would have been among those who were asked first.


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a profile would have met among the requests looked at."""

    looked_at: int
    fitting: int
    would_come: int
    #: Of those that fit.
    reached: int
    #: Of those that fit, how many came to the partner.
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
    rules: Rules


class RecentRequests:
    """Answers for every partner from one reading of the newest requests and of the rules that hold."""

    def __init__(
        self, rfis: RfiStore, referrals: ReferralStore, parent_of: ParentOf, rules: Callable[[], Awaitable[Rules]]
    ) -> None:
        self._rfis, self._referrals, self._parent_of, self._rules = rfis, referrals, parent_of, rules
        self._recent: _Recent | None = None
        self._reading = asyncio.Lock()

    async def preview(self, profile: Profile, now: datetime) -> Preview:
        """What this profile would have met, were it active.

        Raises:
            DependencyUnavailable: the database does not answer.
        """
        recent = await self._read(now)
        matcher = ReferenceMatcher(_AlwaysFree(), self._parent_of, recent.rules)
        found = await asyncio.to_thread(fits, matcher, profile, recent.rfis, now)
        ids = {referral_id(rfi.id, profile.partner_id): rfi.id for rfi, _ in found}
        got = {ids[id_]: id_ for id_ in await self._referrals.load(list(ids), partner_id=profile.partner_id)}
        fitting = [
            Fitting(
                rfi=rfi,
                referral_id=got.get(rfi.id),
                would_come=would_come(rfi, profile.partner_id, score, recent.rules),
            )
            for rfi, score in found
        ]
        return Preview(
            looked_at=len(recent.rfis),
            fitting=len(fitting),
            would_come=sum(each.would_come for each in fitting),
            reached=len(got),
            shown=tuple(fitting[:SHOWN]),
            keywords=tuple((word, _asked_for(word, recent.counts)) for word in profile.keywords),
        )

    async def _read(self, now: datetime) -> _Recent:
        async with self._reading:
            kept = self._recent
            if kept is None or not kept.at <= now < kept.at + KEPT:
                rfis = await self._rfis.recent(MOST, since=now - PERIOD)
                # What a customer picked itself says nothing of who fits.
                open_to_all = [_anywhere(rfi) for rfi in rfis if not rfi.selected_partners]
                counts = await asyncio.to_thread(_counts, open_to_all, self._parent_of)
                kept = self._recent = _Recent(now, open_to_all, counts, await self._rules())
            return kept


def _anywhere(rfi: Rfi) -> Rfi:
    """The request without what a profile could feel out of it.

    Who tries one place after another must not learn the point of a circle, and no partner that it was left out by name.
    """
    return replace(rfi, need=replace(rfi.need, coordinate=None, within_km=None), excluded_partners=())


def fits(matcher: ReferenceMatcher, profile: Profile, rfis: Sequence[Rfi], now: datetime) -> list[tuple[Rfi, float]]:
    """Those of the requests that the profile fits by region, size and what is asked, each with the profile's score.

    Pauses, capacity, distance and what its past taught aside. The matcher knows nobody else.
    """
    matcher.put(replace(profile, active=True, paused_until=None, capacity=None))
    routings = zip(rfis, matcher.match(rfis, now), strict=True)
    return [(rfi, routing.chosen[0].score) for rfi, routing in routings if routing.chosen]


def would_come(rfi: Rfi, partner_id: str, score: float, rules: Rules) -> bool:
    """Whether a profile of this score would have been among those asked first: there was room, or it beats one of them.

    Who has the same score as the last of them is left out: which of the two was asked is decided for each request anew.
    """
    chosen = rfi.routing.chosen if rfi.routing else ()
    others = sorted((each.score for each in chosen if each.round == 1 and each.partner_id != partner_id), reverse=True)
    room = rules.room(rfi.max_partners)
    return len(others) < room or score > others[room - 1]


def _counts(rfis: Sequence[Rfi], parent_of: ParentOf) -> Counter[str]:
    """How many requests ask for each term outright, by the term's key."""
    return Counter(key for rfi in rfis for key in {said.key for said in read(rfi, parent_of).offers})


def _asked_for(word: str, counts: Counter[str]) -> int:
    """A word is one thing in every language it is read in."""
    return sum(counts[key] for key in {phrase(word, language) for language in LANGUAGES} if key)
