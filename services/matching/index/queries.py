"""How does a batch of requests become the arrays that a search reads?"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from services.matching.index.layout import I64, U8, Queries

#: Terms or regions with their points.
Pairs = Sequence[tuple[int, int]]
#: A circle that leaves nobody out.
ANYWHERE = (0.0, 0.0, 0.0)


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
    alone: Pairs = ()
    #: (term, points) of those that make a match alone.
    besides: Pairs = ()
    #: Those that only add. With neither kind everybody around the place matches.
    near: Pairs = ()
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
    circle: tuple[float, float, float] = ANYWHERE
    #: Latitude, longitude, radius in kilometres; a radius of 0 is none.
    open: int = 5
    #: Partners wanted of those that could have the request,
    any: int = 0
    #: of all that match,
    outside: int = 0
    #: and of those that match but serve elsewhere.


def pack(queries: Sequence[Query], tongues: U8 | None = None) -> Queries:
    """The arrays of a batch. `tongues` says by (row, set of languages) what is spoken, as bytes of 0 and 1."""
    term_at, terms, points = _ranked([q.alone for q in queries], [q.besides for q in queries])
    near_at, regions, bonus = _ranked([q.near for q in queries])
    within_at, within = _flat([q.within for q in queries])
    without_at, without = _flat([q.without for q in queries])
    group_at, groups, group_terms = _groups(queries)
    heads, circle = array("q"), np.zeros(3 * len(queries))
    for n, q in enumerate(queries):
        wanted = (q.open, q.any, q.outside)
        heads.extend((len(q.alone), q.market, q.within_points, q.size, q.tongue, q.tongue_points, q.tie, *wanted))
        if q.circle is not ANYWHERE:
            circle[3 * n : 3 * n + 3] = q.circle
    columns = as_array(heads).reshape(len(queries), 10).T.copy()
    spoken = np.zeros((1, 1), np.uint8) if tongues is None else tongues
    return Queries(
        term_at=term_at,
        terms=terms,
        points=points,
        alone=columns[0],
        near_at=near_at,
        regions=regions,
        bonus=bonus,
        within_at=within_at,
        within=within,
        group_at=group_at,
        groups=groups,
        group_terms=group_terms,
        without_at=without_at,
        without=without,
        market=columns[1],
        within_bonus=columns[2],
        size=columns[3],
        tongue=columns[4],
        tongues=spoken,
        tongue_sets=spoken.shape[1],
        tongue_bonus=columns[5],
        tie=columns[6],
        circle=circle,
        wanted=columns[7:].T.reshape(-1),
    )


def as_array(values: array[int]) -> I64:
    """The same memory as an array."""
    return np.frombuffer(values, np.int64) if len(values) else np.zeros(0, np.int64)


def _flat(lists: Sequence[Sequence[int]]) -> tuple[I64, I64]:
    """Where each list begins, and all values."""
    at = np.zeros(len(lists) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, lists), np.int64, len(lists)), out=at[1:])
    return at, np.fromiter(chain.from_iterable(lists), np.int64, int(at[-1]))


def _ranked(*kinds: Sequence[Pairs]) -> tuple[I64, I64, I64]:
    """Where each request's pairs begin; their numbers, and their points: kind by kind, the most points first."""
    counts = [np.fromiter(map(len, lists), np.int64, len(lists)) for lists in kinds]
    flat = np.fromiter(chain.from_iterable(chain.from_iterable(chain(*kinds))), np.int64, 2 * sum(map(np.sum, counts)))
    owners = np.concatenate([np.repeat(np.arange(each.size), each) for each in counts])
    kind = np.repeat(np.arange(len(kinds)), [int(each.sum()) for each in counts])
    order = np.lexsort((-flat[1::2], kind, owners))
    at = np.zeros(counts[0].size + 1, np.int64)
    np.cumsum(sum(counts), out=at[1:])
    return at, flat[::2][order], flat[1::2][order]


def _groups(queries: Sequence[Query]) -> tuple[I64, I64, I64]:
    at, lines, terms = array("q", [0]), array("q"), array("q")
    for q in queries:
        for group in q.groups:
            begin = len(terms)
            terms.extend(group.terms)
            lines.extend((group.fewest, group.most, begin, len(terms)))
        at.append(len(lines) // 4)
    return as_array(at), as_array(lines), as_array(terms)
