"""What if other rules had held? Past RFIs are matched again under two sets of rules, side by side.

Both matchers know the profiles as they are now. What was learned they learn again, in the order of time: an RFI is
matched with the outcomes that were known when it came, never with its own. Who is full is not asked: the replay shows
what the rules would choose, not who would have been free.

A partner can only have won what it was asked for, so the rules that held then have an advantage in the figures.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from services.core.codes import Status, Substatus
from services.core.referral import Referral
from services.core.rfi import Rfi
from services.core.rules import Rules
from services.matching.learning import Outcome, Past, Result, fold, standing_of
from services.matching.matcher import Matcher
from services.matching.signals import signals

#: How far down a ranking a partner is looked for.
DEPTH = 50

_RESULTS = {
    Substatus.WON: Result.WON,
    Substatus.LOST: Result.LOST,
    Substatus.DECLINED: Result.DECLINED,
    Substatus.EXPIRED: Result.EXPIRED,
}


@dataclass(frozen=True, slots=True)
class Case:
    """A past RFI and what became of its referrals."""

    rfi: Rfi
    referrals: Sequence[Referral]


@dataclass(frozen=True, slots=True)
class Trial:
    """Rules, and a matcher that ranks by them and leaves the number of partners to the RFI."""

    rules: Rules
    matcher: Matcher


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """An outcome of a profile, and when it was known."""

    at: datetime
    profile_id: str
    outcome: Outcome


@dataclass(slots=True)
class Quality:
    """Where partners of one kind (winners, say) stand in the rankings."""

    tests: int = 0
    first: int = 0
    chosen: int = 0
    reciprocal: float = 0.0

    def add(self, rank: int | None, room: int) -> None:
        """Count a partner at this place of a ranking (from 1; None: not among the best DEPTH)."""
        self.tests += 1
        if rank is not None:
            self.first += rank == 1
            self.chosen += rank <= room
            self.reciprocal += 1 / rank

    def figures(self) -> dict[str, float | int]:
        """Shares of the tests, and the mean reciprocal rank."""
        number = self.tests or 1
        shares = {"first": self.first / number, "chosen": self.chosen / number, "mrr": self.reciprocal / number}
        return {"tests": self.tests, **{name: round(value, 4) for name, value in shares.items()}}


@dataclass(slots=True)
class Side:
    """What one set of rules did with all RFIs."""

    partners: Counter[str] = field(default_factory=Counter)
    #: How often each partner was chosen.
    nobody: int = 0
    won: Quality = field(default_factory=Quality)
    accepted: Quality = field(default_factory=Quality)
    #: Those who accepted, the winners among them.
    dropped_out: Quality = field(default_factory=Quality)
    #: Those who declined or let it lapse: the lower, the better.


@dataclass(slots=True)
class Replayed:
    """Both sides, and how often they differ."""

    before: Side = field(default_factory=Side)
    after: Side = field(default_factory=Side)
    rfis: int = 0
    changed: int = 0
    #: RFIs that would go to other partners.

    def shifts(self) -> list[tuple[str, int, int]]:
        """Partners whose number of RFIs changes, with both numbers; who gains most comes first."""
        names = self.before.partners.keys() | self.after.partners.keys()
        rows = [(name, self.before.partners[name], self.after.partners[name]) for name in names]
        return sorted((r for r in rows if r[1] != r[2]), key=lambda row: (row[1] - row[2], row[0]))


def lessons_of(case: Case) -> Iterator[Lesson]:
    """The outcomes of a case, once they could not be undone any more; in any order."""
    terms = {signal.key: signal.weight for signal in signals(case.rfi)}
    for referral in case.referrals:
        undoable = referral.undo.command if referral.undo is not None else None
        if referral.accepted_at is not None and undoable != "accept":
            answer = referral.accepted_at - referral.created_at
            outcome = Outcome(
                event_id=f"{referral.id} accepted",
                result=Result.ACCEPTED,
                at=referral.accepted_at,
                terms=terms,
                response=answer,
            )
            yield Lesson(at=outcome.at, profile_id=referral.profile_id, outcome=outcome)
        result = _RESULTS.get(referral.substatus)
        if referral.status is Status.CLOSED and undoable is None and result is not None and referral.closed_at:
            declined = result is Result.DECLINED
            outcome = Outcome(
                event_id=f"{referral.id} {result}",
                result=result,
                at=referral.closed_at,
                terms=terms,
                reason=referral.details.reason,
                response=referral.closed_at - referral.created_at if declined else None,
            )
            yield Lesson(at=outcome.at, profile_id=referral.profile_id, outcome=outcome)


class Replay:
    """Goes through cases in the order of time.

    Args:
        before: the rules that hold, with a matcher that knows all profiles and has learned nothing.
        after: the rules to be tried, with another such matcher.
        now: business time, for pauses.
        since: earlier cases only teach.
    """

    def __init__(self, before: Trial, after: Trial, *, now: datetime, since: datetime) -> None:
        self._before, self._after, self._now, self._since = before, after, now, since
        self._pasts: dict[str, Past] = {}
        self.replayed = Replayed()

    def run(self, cases: Sequence[Case]) -> Iterator[int]:
        """Replay the cases; yields how many are done, so that others may run in between."""
        lessons = sorted((each for case in cases for each in lessons_of(case)), key=_when)
        taught = 0
        for done, case in enumerate(sorted(cases, key=lambda c: (c.rfi.accepted_at, c.rfi.id)), 1):
            while taught < len(lessons) and lessons[taught].at <= case.rfi.accepted_at:
                self._teach(lessons[taught])
                taught += 1
            # What the customer picked itself no rule decides.
            if case.rfi.accepted_at >= self._since and not case.rfi.selected_partners:
                self._compare(case)
            yield done

    def _teach(self, lesson: Lesson) -> None:
        past = self._pasts[lesson.profile_id] = fold(self._pasts.get(lesson.profile_id, Past()), lesson.outcome)
        if (standing := standing_of(lesson.profile_id, past)) is not None:
            self._before.matcher.learn(lesson.profile_id, standing)
            self._after.matcher.learn(lesson.profile_id, standing)

    def _compare(self, case: Case) -> None:
        replayed, chosen = self.replayed, []
        for trial, side in ((self._before, replayed.before), (self._after, replayed.after)):
            (deep,) = trial.matcher.match([replace(case.rfi, max_partners=DEPTH)], self._now)
            ranked, room = [each.partner_id for each in deep.chosen], trial.rules.room(case.rfi.max_partners)
            side.partners.update(ranked[:room])
            side.nobody += not ranked
            _judge(side, case, {partner: rank for rank, partner in enumerate(ranked, 1)}, room)
            chosen.append(set(ranked[:room]))
        replayed.rfis += 1
        replayed.changed += chosen[0] != chosen[1]


def _judge(side: Side, case: Case, ranks: Mapping[str, int], room: int) -> None:
    for referral in case.referrals:
        rank = ranks.get(referral.partner_id)
        if referral.substatus is Substatus.WON:
            side.won.add(rank, room)
        if referral.accepted_at is not None:
            side.accepted.add(rank, room)
        elif referral.substatus in {Substatus.DECLINED, Substatus.EXPIRED}:
            side.dropped_out.add(rank, room)


def _when(lesson: Lesson) -> tuple[datetime, str]:
    return lesson.at, lesson.outcome.event_id
