"""What does a profile's past teach? A pure fold of outcomes into a state, and from the state into a standing.

What a partner won or took on adds the signs of that RFI to its learned terms, what it declined for its own reasons
takes them away; all of it fades with time. Outcomes may come twice (nothing happens) and in any order (the result is
the same, but for what falls off the end of a full state). A referral closed as an error is no outcome.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from heapq import nlargest
from math import exp2
from statistics import median

from services.core.codes import CloseReason
from services.core.standing import Counts, Standing
from services.matching.signals import Kind

#: After this time an outcome counts half.
HALF_LIFE = timedelta(days=1000)
#: Bounds of a state: learned terms, answer times, ids of outcomes that were folded in.
MOST_TERMS, MOST_RESPONSES, MOST_EVENTS = 400, 31, 256
#: Ids of what was told within this time are kept beyond that: what a crash leaves unmarked is told again after a
#: restart, and of one profile hundreds may have expired at that moment.
TOLD_AGAIN_WITHIN, MOST_TOLD = timedelta(hours=1), 5000
#: An answer after this time is worth half of one at once.
GOOD_RESPONSE = timedelta(hours=24)
#: A prior starts at a half and moves as if this many middling outcomes had come before.
DOUBT = 20.0
#: The shares of results and of speed in the prior.
_RESULTS, _SPEED = 0.8, 0.2
#: A term's weight is this power of its strength (having done it at all says most), over how much the profile does.
_POWER, _BREADTH = 0.25, 0.2


_Kept = Mapping[str, tuple[float, float]]


class Result(StrEnum):
    """What became of a referral, as far as the partner decides it; an undone decision is none."""

    ACCEPTED = "accepted"
    DECLINED = "declined"
    WON = "won"
    LOST = "lost"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One thing that happened to one referral, once it can't be undone any more."""

    event_id: str
    result: Result
    at: datetime
    terms: Mapping[str, float] = field(default_factory=dict)
    #: The RFI's signs with their weights: `{s.key: s.weight for s in signals(rfi)}`.
    reason: str | None = None
    #: The code of a decline's or a loss's reason.
    response: timedelta | None = None
    #: From delivery to this answer; only with the first answer (accepted or declined).
    told: datetime | None = None
    #: When the record came to be (broker's time); as `at` when it is not known.


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """All that is kept of a profile's outcomes, of bounded size. Amounts that fade are as of `at`."""

    version: int = 0
    at: datetime | None = None
    counts: Counts = field(default_factory=Counts)
    results: tuple[float, float] = (0.0, 0.0)
    #: Outcomes, and how good they were together; both fade.
    speed: tuple[float, float] = (0.0, 0.0)
    #: The same of first answers.
    done: float = 0.0
    #: How much it has done (won, in the end); fades.
    terms: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    #: What results taught of each sign, and how often it was taken on; both fade.
    responses: tuple[float, ...] = ()
    #: Seconds of the last first answers.
    told: tuple[int, ...] = ()
    #: When the last of these were told (Unix time), as far as they may be told again.
    events: tuple[str, ...] = ()


#: How much of an RFI's signs each result adds or takes.
_TEACHES = {Result.ACCEPTED: 0.0, Result.WON: 0.8, Result.LOST: -0.01, Result.DECLINED: -0.5, Result.EXPIRED: -0.1}
#: What taking something on is worth, however often: it shows the line of work. Not more with each time, or accepting
#: everything would teach a profile what it can't do; while it goes on losing, even this goes.
_TRACE = 0.2
#: How good a result is for the prior, from 0 to 1. Accepting alone proves nothing; an honest no is better than a loss.
_WORTH = {Result.WON: 1.0, Result.LOST: 0.2, Result.DECLINED: 0.4, Result.EXPIRED: 0.0}
#: The kinds of signs that a decline says something about, by its reason; other reasons are the customer's.
_DECLINED_FOR = {
    CloseReason.OUTSIDE_SKILLS: (Kind.WORD, Kind.PAIR, Kind.CODE),
    CloseReason.REQUIREMENT: (Kind.WORD, Kind.PAIR, Kind.CODE),
    CloseReason.OUTSIDE_REGION: (Kind.REGION, Kind.CITY),
    CloseReason.BUDGET: (Kind.BUDGET,),
    CloseReason.CONFLICT: (Kind.CUSTOMER, Kind.CUSTOMER_WORD),
}


def fold(past: Past, outcome: Outcome) -> Past:
    """The state after one more outcome; the same state when it was folded in before."""
    if outcome.event_id in past.events:
        return past
    at = outcome.at if past.at is None else max(past.at, outcome.at)
    old = 1.0 if past.at is None else _faded(at - past.at)
    new = _faded(at - outcome.at)
    worth, answer = _WORTH.get(outcome.result), outcome.response
    told = _lately(past.told, outcome)
    return Past(
        version=past.version + 1,
        at=at,
        counts=_counted(past.counts, outcome.result),
        results=_added(past.results, old, new, worth),
        speed=_added(past.speed, old, new, None if answer is None else exp2(-max(answer / GOOD_RESPONSE, 0.0))),
        done=past.done * old + (new if outcome.result is Result.WON else 0.0),
        terms=_taught(past.terms, old, new, outcome),
        responses=(*past.responses, *(() if answer is None else (answer.total_seconds(),)))[-MOST_RESPONSES:],
        told=told,
        events=(*past.events, outcome.event_id)[-max(MOST_EVENTS, len(told)) :],
    )


def _lately(told: tuple[int, ...], outcome: Outcome) -> tuple[int, ...]:
    """When the last events were told, this one among them; each belongs to the event as far from the end as it is."""
    both = (*told, int((outcome.told or outcome.at).timestamp()))
    horizon = max(both) - TOLD_AGAIN_WITHIN.total_seconds()
    first = next(number for number, at in enumerate(both) if at >= horizon)
    return both[first:][-MOST_TOLD:]


def standing_of(profile_id: str, past: Past, now: datetime | None = None) -> Standing | None:
    """What matching is told of a profile; None without a past.

    As of its last outcome, or faded on to `now`. A weight halves in four half-lives, so that nobody needs to tell it
    anew every month.
    """
    if past.at is None:
        return None
    idle = 1.0 if now is None else min(1.0, _faded(now - past.at))
    breadth = (1 + past.done * idle) ** _BREADTH
    return Standing(
        profile_id=profile_id,
        version=past.version,
        at=past.at,
        prior=round(_RESULTS * _rate(past.results) + _SPEED * _rate(past.speed), 6),
        terms={key: weight for key, kept in past.terms.items() if (weight := _weight(_strength(kept) * idle, breadth))},
        response=timedelta(seconds=median(past.responses)) if past.responses else None,
        counts=past.counts,
    )


def _strength(kept: tuple[float, float]) -> float:
    taught, taken_on = kept
    return taught + _TRACE * min(1.0, taken_on)


def _weight(strength: float, breadth: float) -> float:
    size = round(min(1.0, float(abs(strength) ** _POWER) / breadth), 4)
    return size if strength > 0 else -size


def _faded(age: timedelta) -> float:
    return float(exp2(-(age / HALF_LIFE)))


def _rate(sums: tuple[float, float]) -> float:
    count, good = sums
    return (0.5 * DOUBT + good) / (DOUBT + count)


def _added(sums: tuple[float, float], old: float, new: float, worth: float | None) -> tuple[float, float]:
    count, good = sums[0] * old, sums[1] * old
    return (count, good) if worth is None else (count + new, good + worth * new)


def _taught(terms: _Kept, old: float, new: float, outcome: Outcome) -> _Kept:
    taught = {key: (one * old, other * old) for key, (one, other) in terms.items()}
    share, taken_on = _TEACHES[outcome.result] * new, new if outcome.result is Result.ACCEPTED else 0.0
    kinds = _kinds(outcome)
    for key, weight in outcome.terms.items():
        if kinds is None or key.partition(":")[0] in kinds:
            one, other = taught.get(key, (0.0, 0.0))
            taught[key] = one + weight * share, other + weight * taken_on
    if len(taught) > MOST_TERMS:
        # Equal strengths are kept in the order of their names, so that every replay keeps the same.
        taught = dict(nlargest(MOST_TERMS, taught.items(), key=lambda item: (abs(_strength(item[1])), item[0])))
    return taught


def _kinds(outcome: Outcome) -> frozenset[str] | None:
    """Letters of the kinds of signs that an outcome is about; None for all."""
    if outcome.result is not Result.DECLINED:
        return None
    try:
        kinds = _DECLINED_FOR.get(CloseReason(outcome.reason or ""), ())
    except ValueError:
        kinds = ()
    return frozenset(kind.letter for kind in kinds)


def _counted(counts: Counts, result: Result) -> Counts:
    first = result in {Result.ACCEPTED, Result.DECLINED, Result.EXPIRED}
    one_more = {result.value: getattr(counts, result.value) + 1}
    return replace(counts, received=counts.received + first, **one_more)
