"""How does a batch of requests become the arrays that a search reads?"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from services.matching.index.layout import I64, U8, Queries


@dataclass(frozen=True, slots=True)
class Group:
    """A profile must have at least `fewest` and at most `most` of these terms."""

    terms: Sequence[int]
    fewest: int
    most: int


def must(terms: Sequence[int]) -> Group:
    """All of them."""
    return Group(terms, len(terms), len(terms))


def must_not(terms: Sequence[int]) -> Group:
    """None of them."""
    return Group(terms, 0, 0)


def any_of(terms: Sequence[int]) -> Group:
    """At least one of them."""
    return Group(terms, 1, len(terms))


@dataclass(slots=True, kw_only=True)
class Query:
    """One request in numbers."""

    tie: int
    alone: Sequence[tuple[int, int]] = ()
    #: (term, points) of those that make a match alone.
    besides: Sequence[tuple[int, int]] = ()
    #: Those that only add. With neither kind everybody around the place matches.
    near: Sequence[tuple[int, int]] = ()
    #: (region, points) of the regions around the place asked for.
    within: Sequence[int] = ()
    #: Regions that lie within it; `market` must be given with them.
    within_points: int = 0
    market: int = -1
    groups: Sequence[Group] = ()
    without: Sequence[int] = ()
    #: Partners that are left out.
    size: int = 0
    tongue: int = 0
    #: The row of `pack`'s tongues.
    tongue_points: int = 0
    circle: tuple[float, float, float] = (0.0, 0.0, 0.0)
    #: Latitude, longitude, radius in kilometres; a radius of 0 is none.
    open: int = 5
    #: Partners wanted of those that could have the request,
    any: int = 0
    #: of all that match,
    outside: int = 0
    #: and of those that match but serve elsewhere.


def _points(entry: tuple[int, int]) -> int:
    return -entry[1]


@dataclass(slots=True)
class _Column:
    values: array[int] = field(default_factory=lambda: array("q"))
    at: array[int] = field(default_factory=lambda: array("q", [0]))

    def add(self, values: Iterable[int]) -> None:
        self.values.extend(values)
        self.at.append(len(self.values))

    def arrays(self) -> tuple[I64, I64]:
        return as_array(self.at), as_array(self.values)


def as_array(values: array[int]) -> I64:
    """The same memory as an array."""
    return np.frombuffer(values, np.int64) if len(values) else np.zeros(0, np.int64)


def pack(queries: Sequence[Query], tongues: U8 | None = None) -> Queries:
    """The arrays of a batch. `tongues` says by (row, set of languages) what is spoken, as bytes of 0 and 1."""
    terms, near, within, without = _Column(), _Column(), _Column(), _Column()
    points, bonus, heads = array("q"), array("q"), array("q")
    circles: list[float] = []
    for q in queries:
        asked = sorted(q.alone, key=_points) + sorted(q.besides, key=_points)
        terms.add([term for term, _ in asked])
        points.extend([worth for _, worth in asked])
        around = sorted(q.near, key=_points)
        near.add([region for region, _ in around])
        bonus.extend([worth for _, worth in around])
        within.add(q.within)
        without.add(q.without)
        wanted = (q.open, q.any, q.outside)
        heads.extend((len(q.alone), q.market, q.within_points, q.size, q.tongue, q.tongue_points, q.tie, *wanted))
        circles.extend(q.circle)
    columns = as_array(heads).reshape(len(queries), 10)
    group_at, groups, group_terms = _groups(queries)
    spoken = np.zeros((1, 1), np.uint8) if tongues is None else tongues
    term_at, term_values = terms.arrays()
    near_at, regions = near.arrays()
    within_at, within_values = within.arrays()
    without_at, without_values = without.arrays()
    return Queries(
        term_at=term_at,
        terms=term_values,
        points=as_array(points),
        alone=columns[:, 0].copy(),
        near_at=near_at,
        regions=regions,
        bonus=as_array(bonus),
        within_at=within_at,
        within=within_values,
        group_at=group_at,
        groups=groups,
        group_terms=group_terms,
        without_at=without_at,
        without=without_values,
        market=columns[:, 1].copy(),
        within_bonus=columns[:, 2].copy(),
        size=columns[:, 3].copy(),
        tongue=columns[:, 4].copy(),
        tongues=spoken,
        tongue_sets=spoken.shape[1],
        tongue_bonus=columns[:, 5].copy(),
        tie=columns[:, 6].copy(),
        circle=np.array(circles, np.float64),
        wanted=columns[:, 7:].reshape(-1).copy(),
    )


def _groups(queries: Sequence[Query]) -> tuple[I64, I64, I64]:
    lines, terms = _Column(), array("q")
    for q in queries:
        line: list[int] = []
        for group in q.groups:
            begin = len(terms)
            terms.extend(group.terms)
            line += [group.fewest, group.most, begin, len(terms)]
        lines.add(line)
    at, values = lines.arrays()
    return at // 4, values, as_array(terms)
