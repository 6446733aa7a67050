"""Which profiles of a list could still enter the best? Those are scored, the rest is passed over.

A list is read from its highest impact down. What a posting can be worth at most is known from its impact; then from
the profile's signature, which tells what else of the request it may have. Only what still could enter is scored on its
row. `s` is the state of the search, see `fields`.

Rows lie all over the memory. So a profile that is to be scored waits a little while its row is fetched, and others are
compared meanwhile; when its turn comes, it may have been beaten.
"""
# ruff: noqa: PLR0917
# Kernels take arrays by position.

from __future__ import annotations

import numpy as np

from services.matching.index import fields as f
from services.matching.index.compiled import compiled
from services.matching.index.layout import (
    BY_DISTANCE,
    BY_LOAD,
    BY_PAUSE,
    BY_SIZE,
    CLASSES,
    CLOSED,
    FLAGS_AT,
    GRAINS,
    LEVELS,
    NUMBER,
    PAUSED,
    STALE,
)
from services.matching.index.memory import i64, prefetch, put, u32
from services.matching.index.score import (
    ELSEWHERE,
    adjust_of,
    bounds_of,
    groups_hold,
    left_out,
    partner_of,
    reach,
    row_of,
    tie_of,
    tongue,
    too_far,
    weight_in,
)
from services.matching.index.top import floor_of, mix, offer

#: The lists of the best: open to the request, all that match, those that match but serve elsewhere.
OPEN, ANY, OUTSIDE = 0, 1, 2

#: How many postings ahead a signature is fetched, and how many profiles wait for their rows (a power of two).
AHEAD, WAITING = 16, 8

_CLASS_BOUNDS = np.array(CLASSES, np.int64)
_STALE = STALE << FLAGS_AT


@compiled
def signature_of(ix: int, number: int) -> int:
    """What a profile wants, its flags, and which terms it may have."""
    return i64(i64(ix, f.HOT), 2 * number)


@compiled
def shut(size: int, signature: int) -> bool:
    """True if a profile can't have a request of this size now."""
    return bool((size != 0 and not signature & size) or signature & (CLOSED << FLAGS_AT))


@compiled
def why_closed(q: int, n: int, signature: int) -> int:
    """The bit of why a profile can't have the request, 0 if it can."""
    size = i64(i64(q, f.SIZE), n)
    if size and not signature & size:
        return BY_SIZE
    if not signature & (CLOSED << FLAGS_AT):
        return 0
    return BY_PAUSE if signature & (PAUSED << FLAGS_AT) else BY_LOAD


@compiled
def enter(ix: int, q: int, s: int, number: int, which: int, score: int) -> None:
    """Offer a profile to one of the lists."""
    n = i64(s, f.REQUEST)
    room = i64(i64(q, f.WANTED), 3 * n + which)
    if score < i64(s, f.FLOOR + which) or room == 0:
        return
    top = i64(s, f.LISTS) + which * i64(s, f.STEP)
    tie = mix(i64(i64(q, f.TIE), n), tie_of(ix, number))
    count = offer(top, i64(s, f.COUNT + which), room, score, tie, number, partner_of(ix, number))
    put(s, f.COUNT + which, count)
    put(s, f.FLOOR + which, floor_of(top, count, room))


@compiled
def earned(ix: int, q: int, s: int, number: int, term: int, begin: int, end: int) -> tuple[int, bool]:
    """Grains for the terms of a row, and whether it matches by one of them and was not met in an earlier term's list.

    Who has an earlier term was scored from that list, or could not enter even then; the floors only rise.
    """
    words, first, signature = i64(ix, f.WORDS), i64(s, f.FIRST), signature_of(ix, number)
    grains, matches, singles = 0, False, i64(s, f.SINGLES)
    for j in range(i64(s, f.LENGTH)):
        if signature & i64(s, f.BITS + j):
            weight = weight_in(words, begin, end, i64(i64(q, f.TERMS), first + j))
            grains += i64(i64(q, f.POINTS), first + j) * weight
            if weight > 0 and j < singles:
                matches = True
                if j < term:
                    return 0, False
    return grains, matches


@compiled
def consider(ix: int, q: int, s: int, number: int, term: int) -> None:
    """Score a profile, and offer it to the lists where it belongs."""
    n = i64(s, f.REQUEST)
    regions, terms, end = bounds_of(ix, number)
    put(s, f.SCORED, i64(s, f.SCORED) + 1)
    grains, matches = earned(ix, q, s, number, term, terms, end)
    if not matches and i64(s, f.LENGTH) > 0:
        return
    if i64(s, f.EXTRAS) and (not groups_hold(ix, q, n, terms, end) or left_out(ix, q, n, number)):
        return
    points = reach(ix, q, n, regions, terms)
    if i64(s, f.EXTRAS) and too_far(ix, q, n, number):
        if points != ELSEWHERE:
            put(s, f.WHY, i64(s, f.WHY) | BY_DISTANCE)
        return
    grains += adjust_of(ix, number)
    if points == ELSEWHERE:
        enter(ix, q, s, number, OUTSIDE, grains)
        return
    grains += points * GRAINS + tongue(ix, q, n, number)
    why = why_closed(q, n, signature_of(ix, number))
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
def promise(s: int, signature: int, term: int) -> int:
    """The most grains that a profile can earn with the terms behind this one, by its signature."""
    # Nobody can foretell which terms a profile has: so there is nothing to decide here, only to reckon.
    bits, after, grains = s + 8 * f.BITS, s + 8 * (f.BITS + i64(s, f.LONGEST)), 0
    for j in range(term + 1, i64(s, f.LENGTH)):
        grains += ((signature & i64(bits, j)) != 0) * (i64(after, j) - i64(after, j + 1))
    return grains


@compiled
def hopeless(q: int, s: int, outside: int, signature: int, bound: int) -> bool:
    """True if a profile can't enter any more.

    Who can't have the request competes with all that match only; unless nobody has it yet, when the reason counts.
    """
    if bound < needed(s, outside):
        return True
    beaten = outside == 0 and bound < i64(s, f.FLOOR + ANY) and i64(s, f.COUNT + OPEN) > 0
    return bool(beaten and why_closed(q, i64(s, f.REQUEST), signature) != 0)


@compiled
def try_posting(ix: int, q: int, s: int, term: int, outside: int, number: int, bound: int) -> None:
    """Let a profile wait for being scored, unless it can't enter; whoever waits longest is scored."""
    signature = signature_of(ix, number)
    if hopeless(q, s, outside, signature, bound):
        return
    row = i64(ix, f.WORDS) + 4 * row_of(ix, number)
    prefetch(row)
    prefetch(row + 64)
    come = i64(s, f.COME)
    if come - i64(s, f.GONE) == WAITING:
        score_next(ix, q, s, outside)
    place = f.BITS + 2 * i64(s, f.LONGEST) + 3 * (come & (WAITING - 1))
    put(s, place, number)
    put(s, place + 1, bound)
    put(s, place + 2, term)
    put(s, f.COME, come + 1)


@compiled
def score_next(ix: int, q: int, s: int, outside: int) -> None:
    """Score who waits longest, unless it was beaten meanwhile."""
    gone = i64(s, f.GONE)
    place = f.BITS + 2 * i64(s, f.LONGEST) + 3 * (gone & (WAITING - 1))
    put(s, f.GONE, gone + 1)
    number = i64(s, place)
    if not hopeless(q, s, outside, signature_of(ix, number), i64(s, place + 1)):
        consider(ix, q, s, number, i64(s, place + 2))


@compiled
def only_open(s: int, outside: int, most: int) -> bool:
    """True if those who can't have the request are hopeless with so many grains at most; see `hopeless`."""
    return bool(outside == 0 and most < i64(s, f.FLOOR + ANY) and i64(s, f.COUNT + OPEN) > 0)


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
    postings, hot = i64(ix, f.POSTINGS), i64(ix, f.HOT)
    impact, bound, rest, later, low = -1, 0, rest_of(s, term), later_bits(s, term), needed(s, outside)
    size, strict, at, ahead = i64(i64(q, f.SIZE), i64(s, f.REQUEST)), False, begin, begin
    while at < end:
        posting = u32(postings, at)
        if posting >> 24 != impact:
            impact = posting >> 24
            bound = ceiling(ix, q, s, term, base, impact)
            strict = only_open(s, outside, bound + rest)
        if bound + rest < low:
            put(s, f.READ, i64(s, f.READ) + at - begin)
            at = begin = ahead = next_class(postings, at, end, impact)
            continue
        # Signatures lie all over the memory: those soon needed come while others are compared.
        while ahead < end and ahead <= at + AHEAD:
            prefetch(hot + 16 * (u32(postings, ahead) & NUMBER))
            ahead += 1
        at += 1
        number = posting & NUMBER
        signature = i64(hot, 2 * number)
        if strict and shut(size, signature):
            continue
        # Most have none of the other terms, and are not worth more than their impact says.
        if (signature & later or bound >= low) and not signature & _STALE:
            most = bound + promise(s, signature, term)
            if most >= low:
                try_posting(ix, q, s, term, outside, number, most)
                low, strict = needed(s, outside), only_open(s, outside, bound + rest)
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
