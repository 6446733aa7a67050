"""Which profiles of a list could still enter the best? Those are scored, the rest is passed over.

A list is read from its highest impact down. What a posting can be worth at most is known from its impact; then from
the profile's signature, which tells what else of the request it may have. Only what still could enter is scored on its
row. `s` is the state of the search, see `fields`.
"""
# ruff: noqa: PLR0917
# Kernels take arrays by position.

from __future__ import annotations

import numpy as np

from services.matching.index import fields as f
from services.matching.index.compiled import compiled
from services.matching.index.layout import (
    BY_LOAD,
    BY_PAUSE,
    BY_SIZE,
    CLASSES,
    CLOSED,
    GRAINS,
    LEVELS,
    NUMBER,
    PAUSED,
    STALE,
)
from services.matching.index.memory import i32, i64, prefetch, put, u8, u32
from services.matching.index.score import (
    ELSEWHERE,
    bounds_of,
    groups_hold,
    left_out,
    partner_of,
    reach,
    terms_of,
    tongue,
)
from services.matching.index.top import floor_of, mix, offer

#: The lists of the best: open to the request, all that match, those that match but serve elsewhere.
OPEN, ANY, OUTSIDE = 0, 1, 2

#: How many postings ahead a signature is fetched.
AHEAD = 12

_CLASS_BOUNDS = np.array(CLASSES, np.int64)


@compiled
def why_closed(ix: int, q: int, n: int, number: int) -> int:
    """The bit of why a profile can't have the request, 0 if it can."""
    size = i64(i64(q, f.SIZE), n)
    if size and not i64(i64(ix, f.SIGNATURES), number) & 255 & size:
        return BY_SIZE
    flags = u8(i64(ix, f.FLAGS), number)
    if not flags & CLOSED:
        return 0
    return BY_PAUSE if flags & PAUSED else BY_LOAD


@compiled
def enter(ix: int, q: int, s: int, number: int, which: int, score: int) -> None:
    """Offer a profile to one of the lists."""
    n = i64(s, f.REQUEST)
    room = i64(i64(q, f.WANTED), 3 * n + which)
    if score < i64(s, f.FLOOR + which) or room == 0:
        return
    top = i64(s, f.LISTS) + which * i64(s, f.STEP)
    tie = mix(i64(i64(q, f.TIE), n), i64(i64(ix, f.TIES), number))
    count = offer(top, i64(s, f.COUNT + which), room, score, tie, number, partner_of(ix, number))
    put(s, f.COUNT + which, count)
    put(s, f.FLOOR + which, floor_of(top, count, room))


@compiled
def consider(ix: int, q: int, s: int, number: int) -> None:
    """Score a profile, and offer it to the lists where it belongs."""
    n = i64(s, f.REQUEST)
    regions, terms, end = bounds_of(ix, number)
    put(s, f.SCORED, i64(s, f.SCORED) + 1)
    grains, matches = terms_of(ix, q, n, terms, end)
    if not matches and i64(s, f.LENGTH) > 0:
        return
    points = reach(ix, q, n, regions, terms)
    if not groups_hold(ix, q, n, terms, end) or left_out(ix, q, n, number):
        return
    grains += i32(i64(ix, f.ADJUST), number)
    if points == ELSEWHERE:
        enter(ix, q, s, number, OUTSIDE, grains)
        return
    grains += points * GRAINS + tongue(ix, q, n, number)
    why = why_closed(ix, q, n, number)
    put(s, f.WHY, i64(s, f.WHY) | why)
    enter(ix, q, s, number, ANY, grains)
    if why == 0:
        enter(ix, q, s, number, OPEN, grains)


@compiled
def needed(s: int, outside: int) -> int:
    """What a profile must reach at least to be of interest."""
    if outside:
        return i64(s, f.FLOOR + OUTSIDE)
    return min(i64(s, f.FLOOR + OPEN), i64(s, f.FLOOR + ANY))


@compiled
def ceiling(ix: int, q: int, s: int, term: int, base: int, impact: int) -> int:
    """The most grains that a posting with this impact can be worth, before what comes after its term.

    `term` is the place of the list's term among the request's, -1 when the list is of a whole region; `base` is what
    region and language earn at most.
    """
    grains = base + i64(i64(ix, f.CEILINGS), LEVELS - 1 - (impact & (LEVELS - 1)))
    if term >= 0:
        grains += i64(i64(q, f.POINTS), i64(s, f.FIRST) + term) * _CLASS_BOUNDS[impact >> 6]
    return grains


@compiled
def rest_of(s: int, term: int) -> int:
    """The most grains that the terms behind this one can earn."""
    return i64(s, f.BITS + i64(s, f.LONGEST) + term + 1)


@compiled
def promise(ix: int, q: int, s: int, number: int, term: int) -> int:
    """The most grains that a profile can earn with the terms behind this one, by its signature."""
    signature, points, grains = i64(i64(ix, f.SIGNATURES), number), i64(q, f.POINTS), 0
    first = i64(s, f.FIRST)
    for j in range(term + 1, i64(s, f.LENGTH)):
        if signature & i64(s, f.BITS + j):
            grains += i64(points, first + j) * GRAINS
    return grains


@compiled
def try_posting(ix: int, q: int, s: int, term: int, outside: int, number: int, bound: int) -> None:
    """Score a profile if its signature leaves it a chance."""
    bound += promise(ix, q, s, number, term)
    if bound < needed(s, outside):
        return
    # Who can't have it competes with all that match only; unless nobody has it yet, when the reason counts.
    hopeless = outside == 0 and bound < i64(s, f.FLOOR + ANY) and i64(s, f.COUNT + OPEN) > 0
    if not hopeless or why_closed(ix, q, i64(s, f.REQUEST), number) == 0:
        consider(ix, q, s, number)


@compiled
def later_bits(s: int, term: int) -> int:
    """The bits of all terms behind this one."""
    bits = 0
    for j in range(term + 1, i64(s, f.LENGTH)):
        bits |= i64(s, f.BITS + j)
    return bits


@compiled
def scan(ix: int, q: int, s: int, term: int, base: int, outside: int, begin: int, end: int) -> None:
    """Read a list of the postings."""
    postings, flags, signatures = i64(ix, f.POSTINGS), i64(ix, f.FLAGS), i64(ix, f.SIGNATURES)
    impact, bound, rest, later, low = -1, 0, rest_of(s, term), later_bits(s, term), needed(s, outside)
    at = begin
    while at < end:
        posting = u32(postings, at)
        if posting >> 24 != impact:
            impact = posting >> 24
            bound = ceiling(ix, q, s, term, base, impact)
        if bound + rest < low:
            put(s, f.READ, i64(s, f.READ) + at - begin)
            at = begin = next_class(postings, at, end, impact)
            continue
        # Signatures lie all over the memory: those soon needed come while others are compared.
        prefetch(signatures + 8 * (u32(postings, min(at + AHEAD, end - 1)) & NUMBER))
        at += 1
        number = posting & NUMBER
        # Most have none of the other terms, and are not worth more than their impact says.
        if (i64(signatures, number) & later or bound >= low) and u8(flags, number) & STALE == 0:
            try_posting(ix, q, s, term, outside, number, bound)
            low = needed(s, outside)
    put(s, f.READ, i64(s, f.READ) + at - begin)


@compiled
def next_class(postings: int, begin: int, end: int, impact: int) -> int:
    """Where the postings of the next class of weights begin; within one class nothing better follows."""
    limit = ((impact >> 6) + 1) << 30
    while begin < end:
        middle = (begin + end) >> 1
        if u32(postings, middle) < limit:
            begin = middle + 1
        else:
            end = middle
    return begin
