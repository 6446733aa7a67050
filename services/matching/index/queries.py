"""How does a batch of requests become the arrays that a search reads?"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain
from operator import itemgetter

import numpy as np

from services.matching.index.layout import I64, U8, Queries

#: Terms or regions with their points.
Pairs = Sequence[tuple[int, int]]
#: A circle that leaves nobody out.
ANYWHERE = (0, 0, 0, 0)
#: So few requests are answered in the order in which they come.
FEW = 8
_UNSPOKEN = np.zeros((1, 1), np.uint8)
_points_of = itemgetter(1)


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
    circle: tuple[int, int, int, int] = ANYWHERE
    #: The point in the middle, and the greatest square of a straight line from there (see `distance`); 0 is none.
    open: int = 5
    #: Partners wanted of those that could have the request,
    any: int = 0
    #: of all that match,
    outside: int = 0
    #: and of those that match but serve elsewhere.


def pack(queries: Sequence[Query], tongues: U8 | None = None) -> Queries:
    """The arrays of a batch. `tongues` says by (row, set of languages) what is spoken, as bytes of 0 and 1."""
    # Plain lists and arrays: numpy takes longer to begin than a request takes here, and gains nothing in a batch.
    spoken = _UNSPOKEN if tongues is None else tongues
    term_at, terms, points = _ranked([pairs for q in queries for pairs in (q.alone, q.besides)], 2)
    near_at, regions, bonus = _ranked([q.near for q in queries], 1)
    within_at, within = _joined([q.within for q in queries])
    without_at, without = _joined([q.without for q in queries])
    group_at, groups, group_terms = _groups(queries)
    wanted = [room for q in queries for room in (q.open, q.any, q.outside)]
    return Queries(
        turns=_turns(term_at, terms, near_at, regions),
        term_at=term_at,
        terms=terms,
        points=points,
        alone=array("q", [len(q.alone) for q in queries]),
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
        market=array("q", [q.market for q in queries]),
        within_bonus=array("q", [q.within_points for q in queries]),
        size=array("q", [q.size for q in queries]),
        tongue=array("q", [q.tongue for q in queries]),
        tongues=spoken,
        tongue_sets=spoken.shape[1],
        tongue_bonus=array("q", [q.tongue_points for q in queries]),
        tie=array("q", [q.tie for q in queries]),
        circle=array("q", [number for q in queries for number in q.circle]),
        wanted=array("q", wanted),
        most_wanted=max(wanted, default=0),
        most_terms=max([len(q.alone) + len(q.besides) for q in queries], default=0),
    )


def in_packed_order(query: Query) -> list[int]:
    """The terms of a request in the order in which `pack` lays them down: their places are those of `Hits.matched`."""
    return [number for pairs in (query.alone, query.besides) for number, _ in _heaviest_first(pairs)]


def _heaviest_first(pairs: Pairs) -> Pairs:
    return sorted(pairs, key=_points_of, reverse=True) if len(pairs) > 1 else pairs


def _turns(term_at: array[int], terms: array[int], near_at: array[int], regions: array[int]) -> array[int] | I64:
    """Requests of one wide region together, and among them those whose first term is the same.

    What one of them has read, and where, is at hand for the next; nothing else depends on the order.
    """
    if len(term_at) <= FEW:
        return array("q", range(len(term_at) - 1))
    first = np.append(terms, 0)[term_at[:-1]]
    wide = np.append(regions, 0)[np.array(near_at[1:]) - 1]
    return np.lexsort((first, wide))


def _ranked(kinds: Iterable[Pairs], each: int) -> tuple[array[int], array[int], array[int]]:
    """Where each request's pairs begin; their numbers, and their points: kind by kind, the most points first.

    `each` kinds belong to one request.
    """
    ranked = [_heaviest_first(pairs) for pairs in kinds]
    flat = array("q", chain.from_iterable(chain.from_iterable(ranked)))
    return array("q", accumulate(map(len, ranked), initial=0))[::each], flat[::2], flat[1::2]


def _joined(lists: Sequence[Sequence[int]]) -> tuple[array[int], array[int]]:
    """Where each list begins, and all values."""
    return array("q", accumulate(map(len, lists), initial=0)), array("q", chain.from_iterable(lists))


def _groups(queries: Sequence[Query]) -> tuple[array[int], array[int], array[int]]:
    at, lines, terms = array("q", [0]), array("q"), array("q")
    for q in queries:
        for group in q.groups:
            begin = len(terms)
            terms.extend(group.terms)
            lines.extend((group.fewest, group.most, begin, len(terms)))
        at.append(len(lines) // 4)
    return at, lines, terms
