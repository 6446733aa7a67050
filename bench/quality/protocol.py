"""What would a router have known, and where did it put the real winner? The rolling rule, with no look ahead.

Requests of one source are ordered by date; the last fifth are tests. Before a request of date d, a ranker has been told
of the awards that were known before d (an award is known at the later of the request's and the award's dates), and of
nothing else. A test counts if its winner has won before. Ties get their expected value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from bench.quality.data import Request

#: The share of requests, from the earliest, that may be tuned on.
TRAIN = 0.8


class Ranker(Protocol):
    """Ranks suppliers by what it has been told so far."""

    def learn(self, request: Request) -> None:
        """An award has become known."""

    def scores(self, request: Request) -> Mapping[str, float]:
        """Suppliers with their scores, the higher the better; who is left out is last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Hits and mean reciprocal rank over `tests` requests."""

    tests: int
    hit1: float
    hit10: float
    mrr: float


def split(requests: Sequence[Request], train: float = TRAIN) -> int:
    """The number of the first test among requests in order of date."""
    return int(len(requests) * train)


def run(
    requests: Sequence[Request], first: int, ranker: Ranker, progress: Callable[[int, int], None] = lambda _n, _of: None
) -> Figures:
    """Walk through the requests by date and ask for a ranking from number `first` on."""
    known = sorted(requests, key=lambda r: r.known)
    told = 0
    visible: set[str] = set()
    places: list[tuple[float, float, float]] = []
    for number, request in enumerate(requests[first:]):
        while told < len(known) and known[told].known < request.date:
            ranker.learn(known[told])
            visible.update(known[told].winners)
            told += 1
        if any(winner in visible for winner in request.winners):
            scores = ranker.scores(request)
            places.append(place_of(request.winners, {s: scores.get(s, float("-inf")) for s in visible}))
        progress(number + 1, len(requests) - first)
    return _mean(places)


def place_of(winners: Sequence[str], scores: Mapping[str, float]) -> tuple[float, float, float]:
    """Expected hit@1, hit@10 and reciprocal rank of the best placed winner; equals stand in any order."""
    best = max(scores[w] for w in winners if w in scores)
    above = sum(score > best for score in scores.values())
    equal = sum(score == best for score in scores.values())
    return (
        min(1.0, max(0.0, (1 - above) / equal)),
        min(1.0, max(0.0, (10 - above) / equal)),
        sum(1 / (above + n) for n in range(1, equal + 1)) / equal,
    )


def _mean(places: Sequence[tuple[float, float, float]]) -> Figures:
    count = len(places) or 1
    hit1, hit10, mrr = (sum(p[i] for p in places) / count for i in range(3))
    return Figures(tests=len(places), hit1=hit1, hit10=hit10, mrr=mrr)
