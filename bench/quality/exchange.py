"""How does the product rank? Its own learning, signs and matcher, fed with awards as outcomes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bench.quality.data import Request
from bench.quality.rfis import REGISTERED, instant, outcomes_of, profile_of, rfi_of
from services.core.rules import DEFAULT_RULES, Rules
from services.matching.indexed import IndexedMatcher
from services.matching.learning import Outcome, Past, fold, standing_of
from services.matching.matcher import Matcher

#: How deep a ranking is read; who stands lower counts as last.
DEPTH = 200
#: How long a router runs until it is started anew.
RUNS = timedelta(days=180)


class Idle:
    """Nobody is busy."""

    def open_count(self, profile_id: str) -> int:  # noqa: ARG002 - whoever it is
        """None."""
        return 0


def _as_it_is(outcome: Outcome) -> Outcome | None:
    return outcome


def indexed(rules: Rules = DEFAULT_RULES) -> IndexedMatcher:
    """The production matcher, by these rules, with nobody busy."""
    return IndexedMatcher(Idle(), rules=rules)


class Exchange:
    """The product over suppliers that declare nothing: all it knows of them is learned.

    Args:
        make: makes a matcher: the product's, or its plain twin.
        heard: what is made of an outcome before it is folded in; an ablation leaves parts or all of it out.
    """

    def __init__(
        self, make: Callable[[], Matcher] = indexed, heard: Callable[[Outcome], Outcome | None] = _as_it_is
    ) -> None:
        self._make, self._heard = make, heard
        self._matcher: Matcher | None = None
        self._pasts: defaultdict[str, Past] = defaultdict(Past)
        self._known: dict[str, str] = {}
        self._started = datetime.min.replace(tzinfo=UTC)

    def learn(self, request: Request) -> None:
        """Fold the outcomes of an award in, as the statistics do with events."""
        for supplier, outcome in outcomes_of(request):
            if (heard := self._heard(outcome)) is not None:
                self._pasts[supplier] = fold(self._pasts[supplier], heard)
        new = [winner for winner in request.winners if winner not in self._known]
        self._known |= dict.fromkeys(new, request.country)
        if self._matcher is not None:
            known = [supplier for supplier in (*request.winners, *request.losers) if supplier in self._known]
            self._tell(self._matcher, new, known, None)

    def _started_at(self, now: datetime) -> Matcher:
        """A matcher that is at most so old; a new one reads what was learned as faded by then, as a router does."""
        if self._matcher is None or now - self._started > RUNS:
            self._started, self._matcher = now, self._make()
            self._tell(self._matcher, list(self._known), list(self._known), now)
        return self._matcher

    def _tell(self, matcher: Matcher, new: Sequence[str], changed: Sequence[str], now: datetime | None) -> None:
        for supplier in new:
            matcher.put(profile_of(supplier, self._known[supplier]))
        for supplier in changed:
            standing = standing_of(supplier, self._pasts[supplier], now)
            if standing is not None:
                matcher.learn(supplier, standing)

    def scores(self, request: Request) -> Mapping[str, float]:
        """The best suppliers as the router would choose them."""
        rfi = rfi_of(request)
        rfi = replace(rfi, max_partners=DEPTH, need=replace(rfi.need, keywords=(REGISTERED,)))
        now = instant(request.date)
        (routing,) = self._started_at(now).match([rfi], now)
        return {chosen.partner_id: chosen.score for chosen in routing.chosen}
