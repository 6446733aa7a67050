"""How does the product rank? Its own learning, signs and matcher, fed with awards as outcomes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace

from bench.quality.data import Request
from bench.quality.rfis import REGISTERED, instant, outcomes_of, profile_of, rfi_of
from services.core.rules import DEFAULT_RULES, Rules
from services.matching.indexed import IndexedMatcher
from services.matching.learning import Outcome, Past, fold, standing_of
from services.matching.matcher import Matcher

#: How deep a ranking is read; who stands lower counts as last.
DEPTH = 200


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
        matcher: the product's, or its plain twin.
        heard: what is made of an outcome before it is folded in; an ablation leaves parts or all of it out.
    """

    def __init__(self, matcher: Matcher | None = None, heard: Callable[[Outcome], Outcome | None] = _as_it_is) -> None:
        self._matcher: Matcher = matcher or indexed()
        self._heard = heard
        self._pasts: defaultdict[str, Past] = defaultdict(Past)
        self._known: set[str] = set()

    def learn(self, request: Request) -> None:
        """Fold the outcomes of an award in, as the statistics do with events."""
        for supplier, outcome in outcomes_of(request):
            if (heard := self._heard(outcome)) is not None:
                self._pasts[supplier] = fold(self._pasts[supplier], heard)
        for supplier in request.winners:
            if supplier not in self._known:
                self._known.add(supplier)
                self._matcher.put(profile_of(supplier, request.country))
        for supplier in (*request.winners, *request.losers):
            standing = standing_of(supplier, self._pasts[supplier])
            if supplier in self._known and standing is not None:
                self._matcher.learn(supplier, standing)

    def scores(self, request: Request) -> Mapping[str, float]:
        """The best suppliers as the router would choose them."""
        rfi = rfi_of(request)
        rfi = replace(rfi, max_partners=DEPTH, need=replace(rfi.need, keywords=(REGISTERED,)))
        (routing,) = self._matcher.match([rfi], instant(request.date))
        return {chosen.partner_id: chosen.score for chosen in routing.chosen}
