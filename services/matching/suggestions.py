"""Which changes of its profile do a partner's own answers, and the requests it missed, suggest? Pure.

A partner that declines because a request lies outside its region, its skills, its sizes or its capacity says what its
profile should say; a near miss says what a change would have brought. Each suggestion names the requests it rests on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.core.codes import CloseReason, Status, Substatus
from services.core.partner import RoutableProfile
from services.core.reasons import ReasonCode, parse
from services.core.referral import Referral
from services.core.rfi import Rfi
from services.matching.asked import read
from services.matching.market import offer_of
from services.matching.regions import ParentOf, flat
from services.matching.suggested import Suggestion, SuggestionCode, region_code

#: Requests that a suggestion must rest on.
LEAST = 2
#: Requests named with a suggestion, the newest.
MOST_NAMED = 5

_WORDS = frozenset({ReasonCode.KEYWORD, ReasonCode.PRODUCT, ReasonCode.SERVICE, ReasonCode.TITLE, ReasonCode.ASKED})


@dataclass(frozen=True, slots=True)
class Answered:
    """A request that went to the profile, and its answer so far."""

    rfi: Rfi
    referral: Referral


@dataclass(frozen=True, slots=True)
class Missed:
    """A request that came near the profile, and the code of why it went past."""

    rfi: Rfi
    because: str


class _Evidence:
    """Requests by what they suggest."""

    def __init__(self) -> None:
        self._found: defaultdict[tuple[SuggestionCode, str], dict[str, None]] = defaultdict(dict)

    def add(self, code: SuggestionCode, value: str, rfi: Rfi) -> None:
        """Note a request."""
        self._found[code, value][rfi.id] = None

    def count(self, code: SuggestionCode, value: str) -> int:
        """How many requests."""
        return len(self._found.get((code, value), ()))

    def suggestions(self, profile_id: str) -> Iterator[Suggestion]:
        """What rests on enough of them."""
        for (code, value), rfis in self._found.items():
            if len(rfis) >= LEAST:
                yield Suggestion(
                    profile_id=profile_id,
                    code=code,
                    value=value,
                    count=len(rfis),
                    rfi_ids=tuple(rfis)[:MOST_NAMED],
                )


def suggest(
    profile: RoutableProfile,
    answered: Sequence[Answered],
    missed: Sequence[Missed],
    now: datetime,
    parent_of: ParentOf = flat,
) -> list[Suggestion]:
    """What the profile might say differently, what rests on most requests first.

    Args:
        profile: as it is.
        answered: requests that it got, newest first.
        missed: requests that it came near, newest first.
        now: business time, for pauses.
        parent_of: which subdivision lies in which.
    """
    evidence = _Evidence()
    declined = [each for each in answered if _declined(each.referral)]
    for each in declined:
        _from_decline(evidence, profile, each)
    full = _from_full(evidence, profile, answered, declined)
    for miss in missed:
        # Who declines for want of room is not to be sent more.
        if not (full and miss.because == "at_capacity"):
            _from_miss(evidence, profile, miss, now, parent_of)
    kept = _words_taken_on(answered)
    found = [
        each
        for each in evidence.suggestions(profile.id)
        if not (each.code is SuggestionCode.REMOVE_WORDS and kept.get(each.value, 0) >= each.count)
    ]
    return sorted(found, key=lambda each: (-each.count, each.code, each.value))


def _declined(referral: Referral) -> bool:
    # Who may still undo it has not said it yet.
    return referral.status is Status.CLOSED and referral.substatus is Substatus.DECLINED and referral.undo is None


def _from_decline(evidence: _Evidence, profile: RoutableProfile, each: Answered) -> None:
    rfi, reason = each.rfi, each.referral.details.reason
    if reason == CloseReason.OUTSIDE_REGION:
        served = {region_code(place) for place in profile.serves}
        region = region_code(rfi.need.place)
        remove = region in served and len(served) > 1
        evidence.add(SuggestionCode.REMOVE_REGION if remove else SuggestionCode.NARROW_REGION, region, rfi)
    elif reason == CloseReason.OUTSIDE_SKILLS:
        offered = set(_texts(profile))
        for words in _matched(each.referral) & offered:
            evidence.add(SuggestionCode.REMOVE_WORDS, words, rfi)
    elif reason == CloseReason.SIZE and (size := rfi.customer.size) is not None and size in (profile.sizes or (size,)):
        evidence.add(SuggestionCode.EXCLUDE_SIZE, size.value, rfi)


def _from_miss(evidence: _Evidence, profile: RoutableProfile, miss: Missed, now: datetime, parent_of: ParentOf) -> None:
    rfi = miss.rfi
    if miss.because == "outside_region":
        if region_code(rfi.need.place) not in {region_code(place) for place in profile.serves}:
            evidence.add(SuggestionCode.ADD_REGION, region_code(rfi.need.place), rfi)
    elif miss.because == "size_excluded" and rfi.customer.size is not None:
        if profile.sizes and rfi.customer.size not in profile.sizes:
            evidence.add(SuggestionCode.INCLUDE_SIZE, rfi.customer.size.value, rfi)
    elif miss.because == "paused":
        if profile.paused_until is not None and profile.paused_until > now:
            evidence.add(SuggestionCode.END_PAUSE, profile.paused_until.isoformat(), rfi)
    elif miss.because == "at_capacity":
        if profile.capacity is not None:
            evidence.add(SuggestionCode.RAISE_CAPACITY, str(profile.capacity + max(1, profile.capacity // 2)), rfi)
    elif miss.because == "below_cut":
        asked = read(rfi, parent_of)
        offered = offer_of(profile, parent_of).phrases[asked.language]
        for said in asked.offers:
            if said.key not in offered:
                evidence.add(SuggestionCode.ADD_KEYWORD, said.words, rfi)


def _from_full(
    evidence: _Evidence, profile: RoutableProfile, answered: Sequence[Answered], declined: Sequence[Answered]
) -> bool:
    """Whether requests were declined for want of room."""
    full = [each for each in declined if each.referral.details.reason == CloseReason.NO_CAPACITY]
    # As many as it works on now: that is when it said that it has no room for more.
    wanted = max(1, sum(each.referral.status is Status.ACTIVE for each in answered))
    if profile.capacity is None or profile.capacity > wanted:
        for each in full:
            evidence.add(SuggestionCode.SET_CAPACITY, str(wanted), each.rfi)
    return bool(full)


def _words_taken_on(answered: Sequence[Answered]) -> dict[str, int]:
    """How many requests with these words were accepted."""
    found: defaultdict[str, int] = defaultdict(int)
    for each in answered:
        if each.referral.accepted_at is not None:
            for words in _matched(each.referral):
                found[words] += 1
    return found


def _matched(referral: Referral) -> set[str]:
    """The partner's own words that the request was matched by."""
    reasons = referral.why.get("reasons", ())
    parsed = [parse(str(text)) for text in reasons] if isinstance(reasons, list | tuple) else []
    return {reason.value for reason in parsed if reason is not None and reason.code in _WORDS}


def _texts(profile: RoutableProfile) -> tuple[str, ...]:
    return (*profile.keywords, *profile.products, *profile.services)
