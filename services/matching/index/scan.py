"""Which profiles of a list could still enter the best? Those are scored, the rest is passed over.

A list is read from its highest impact down. What a posting can be worth at most is known from its impact; then from the
profile's signature, which tells what else of the request it may have. Only what still could enter is scored on its row.
"""
# ruff: noqa: PLR0917
# Kernels take arrays by position.

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from services.matching.index.compiled import compiled
from services.matching.index.layout import (
    BY_LOAD,
    BY_PAUSE,
    BY_SIZE,
    CLASSES,
    CLOSED,
    GRAINS,
    I64,
    LEVELS,
    PAUSED,
    STALE,
    U64,
    Index,
    Queries,
)
from services.matching.index.score import (
    ELSEWHERE,
    bounds_of,
    groups_hold,
    left_out,
    reach,
    terms_of,
    tongue,
)
from services.matching.index.top import floor_of, mix, offer

#: The lists of the best: open to the request, all that match, those that match but serve elsewhere.
OPEN, ANY, OUTSIDE = 0, 1, 2
#: What `state` holds after the three counts and the three floors.
COUNT, FLOOR, WHY, READ, SCORED = 0, 3, 6, 7, 8

_CLASS_BOUNDS = np.array(CLASSES, np.int64)


class Sweep(NamedTuple):
    """One request while it is being answered."""

    n: int
    tops: I64
    state: I64
    bits: U64
    #: By term: its bit in a signature.
    after: I64
    #: By term: grains that it and all after it earn at most.


class Run(NamedTuple):
    """One list to be read."""

    term: int
    #: Which of the request's terms; -1 when the list is of a whole region.
    base: int
    #: Grains for region and language that a posting earns at most.
    outside: bool
    #: True when only those who serve elsewhere are sought.


@compiled
def why_closed(ix: Index, q: Queries, n: int, number: int) -> int:
    """The bit of why a profile can't have the request, 0 if it can."""
    if q.size[n] and not np.int64(ix.signatures[number] & np.uint64(255)) & q.size[n]:
        return BY_SIZE
    flags = np.int64(ix.flags[number])
    if not flags & CLOSED:
        return 0
    return BY_PAUSE if flags & PAUSED else BY_LOAD


@compiled
def enter(ix: Index, q: Queries, s: Sweep, number: int, which: int, score: int) -> None:
    """Offer a profile to one of the lists."""
    room = q.wanted[3 * s.n + which]
    if score < s.state[FLOOR + which] or room == 0:
        return
    partner = np.int64(ix.words[np.int64(ix.row_at[number]) + 2])
    tie = mix(q.tie[s.n], ix.ties[number])
    s.state[COUNT + which] = offer(s.tops[which], s.state[COUNT + which], room, score, tie, number, partner)
    s.state[FLOOR + which] = floor_of(s.tops[which], s.state[COUNT + which], room)


@compiled
def consider(ix: Index, q: Queries, s: Sweep, number: int) -> None:
    """Score a profile, and offer it to the lists where it belongs."""
    n = s.n
    regions, terms, end = bounds_of(ix, number)
    s.state[SCORED] += 1
    grains, matches = terms_of(ix, q, n, terms, end)
    if not matches and q.term_at[n] < q.term_at[n + 1]:
        return
    points = reach(ix, q, n, regions, terms)
    if not groups_hold(ix, q, n, terms, end) or left_out(ix, q, n, number):
        return
    grains += np.int64(ix.adjust[number])
    if points == ELSEWHERE:
        enter(ix, q, s, number, OUTSIDE, grains)
        return
    grains += points * GRAINS + tongue(ix, q, n, number)
    why = why_closed(ix, q, n, number)
    s.state[WHY] |= why
    enter(ix, q, s, number, ANY, grains)
    if not why:
        enter(ix, q, s, number, OPEN, grains)


@compiled
def needed(s: Sweep, outside: bool) -> int:
    """What a profile must reach at least to be of interest."""
    if outside:
        return int(s.state[FLOOR + OUTSIDE])
    return int(min(s.state[FLOOR + OPEN], s.state[FLOOR + ANY]))


@compiled
def ceiling(ix: Index, q: Queries, s: Sweep, run: Run, impact: int) -> int:
    """The most grains that a posting with this impact can be worth, before what comes after its term."""
    grains = run.base + ix.ceilings[LEVELS - 1 - (impact & (LEVELS - 1))]
    if run.term >= 0:
        grains += q.points[q.term_at[s.n] + run.term] * _CLASS_BOUNDS[impact >> 6]
    return int(grains)


@compiled
def promise(ix: Index, q: Queries, s: Sweep, number: int, first: int) -> int:
    """The most grains that a profile can earn with the terms from this one on, by its signature."""
    signature, at, grains = ix.signatures[number], q.term_at[s.n], 0
    for j in range(first, q.term_at[s.n + 1] - at):
        if signature & s.bits[j]:
            grains += q.points[at + j] * GRAINS
    return int(grains)


@compiled
def try_posting(ix: Index, q: Queries, s: Sweep, run: Run, number: int, bound: int) -> None:
    """Score a profile if its signature leaves it a chance."""
    bound += promise(ix, q, s, number, run.term + 1)
    low = needed(s, run.outside)
    if bound < low:
        return
    # Who can't have it competes with all that match only; unless nobody has it yet, when the reason counts.
    closed = not run.outside and s.state[COUNT + OPEN] > 0 and why_closed(ix, q, s.n, number) != 0
    if closed and bound < s.state[FLOOR + ANY]:
        return
    consider(ix, q, s, number)


@compiled
def scan(ix: Index, q: Queries, s: Sweep, run: Run, begin: int, end: int) -> None:
    """Read a list of the postings."""
    impact, bound = -1, 0
    rest = s.after[run.term + 1]
    at = begin
    while at < end:
        posting = np.int64(ix.postings[at])
        if posting >> 24 != impact:
            impact = posting >> 24
            bound = ceiling(ix, q, s, run, impact)
        if bound + rest < needed(s, run.outside):
            at = next_class(ix, at, end, impact)
            continue
        at += 1
        s.state[READ] += 1
        number = posting & 0xFFFFFF
        if not ix.flags[number] & STALE:
            try_posting(ix, q, s, run, number, bound)


@compiled
def next_class(ix: Index, begin: int, end: int, impact: int) -> int:
    """Where the postings of the next class of weights begin; within one class nothing better follows."""
    limit = ((impact >> 6) + 1) << 30
    while begin < end:
        middle = (begin + end) >> 1
        if np.int64(ix.postings[middle]) < limit:
            begin = middle + 1
        else:
            end = middle
    return begin
