"""Which profiles answer a batch of requests? One call for all of them, without Python's lock."""
# ruff: noqa: PLR0917
# Kernels take arrays by position.

from __future__ import annotations

import numpy as np

from services.matching.index.compiled import compiled
from services.matching.index.fresh import first_of
from services.matching.index.layout import ALL, GRAINS, I64, U64, Hits, Index, Queries
from services.matching.index.scan import (
    ANY,
    COUNT,
    FLOOR,
    OPEN,
    OUTSIDE,
    READ,
    SCORED,
    WHY,
    Run,
    Sweep,
    ceiling,
    needed,
    scan,
    try_posting,
)
from services.matching.index.top import floor_of, order


@compiled
def bit_of(term: int) -> np.uint64:
    """The bit of a term in a signature, above the eight bits of sizes."""
    return np.uint64(1) << np.uint64(8 + ((((term * 2654435761) & 0xFFFFFFFF) * 56) >> 32))


@compiled
def list_of(ix: Index, region: int, term: int) -> tuple[int, int, bool]:
    """Where a list begins and ends in `postings`, and whether the region has no other than that of everybody."""
    if region < 0 or region >= ix.region_at.size - 1:
        return 0, 0, False
    begin, end = ix.region_at[region], ix.region_at[region + 1]
    single, stop = end - begin == 1, end
    while begin < end:
        middle = (begin + end) >> 1
        if ix.list_terms[middle] < term:
            begin = middle + 1
        else:
            end = middle
    if begin < stop and ix.list_terms[begin] == term:
        return np.int64(ix.list_at[begin]), np.int64(ix.list_at[begin + 1]), single
    return 0, 0, single


@compiled
def prepare(q: Queries, n: int, bits: U64, after: I64) -> int:
    """Note the bit of each term and what the terms from each on can earn; returns how many there are."""
    first, terms = q.term_at[n], q.term_at[n + 1] - q.term_at[n]
    after[terms] = 0
    for j in range(terms - 1, -1, -1):
        bits[j] = bit_of(q.terms[first + j])
        after[j] = after[j + 1] + q.points[first + j] * GRAINS
    return int(terms)


@compiled
def scan_fresh(ix: Index, q: Queries, s: Sweep, run: Run, region: int, term: int) -> None:
    """Read the changes that the postings do not know yet."""
    if ix.pending == 0:
        return
    at = first_of(ix.fresh_keys, ix.fresh_heads, region, term)
    while at >= 0:
        posting, number = ix.fresh[at, 0], ix.fresh[at, 0] & 0xFFFFFF
        if ix.fresh[at, 1] == ix.stamps[number]:
            s.state[READ] += 1
            bound = ceiling(ix, q, s, run, posting >> 24)
            if bound + s.after[run.term + 1] >= needed(s, run.outside):
                try_posting(ix, q, s, run, number, bound)
        at = ix.fresh[at, 2]


@compiled
def whole_region(ix: Index, q: Queries, s: Sweep, region: int, base: int, outside: bool, only_small: bool) -> None:
    """Read a region's list of everybody."""
    begin, end, single = list_of(ix, region, ALL)
    run = Run(-1, base, outside)
    if single or not only_small:
        scan(ix, q, s, run, begin, end)
    if not only_small:
        scan_fresh(ix, q, s, run, region, ALL)


@compiled
def one_term(ix: Index, q: Queries, s: Sweep, region: int, run: Run) -> None:
    """Read what a region has for one term."""
    term = q.terms[q.term_at[s.n] + run.term]
    begin, end, _ = list_of(ix, region, term)
    scan(ix, q, s, run, begin, end)
    scan_fresh(ix, q, s, run, region, term)


@compiled
def sweep(ix: Index, q: Queries, s: Sweep, regions: I64, bonus: I64, outside: bool) -> None:
    """Read all lists of these regions that can still matter."""
    n = s.n
    tongue = 0 if outside else q.tongue_bonus[n] * GRAINS
    terms = q.term_at[n + 1] - q.term_at[n]
    for r in range(regions.size):
        whole_region(ix, q, s, regions[r], bonus[r] * GRAINS + tongue, outside, terms > 0)
    for j in range(q.alone[n]):
        for r in range(regions.size):
            base = bonus[r] * GRAINS + tongue
            if base + ix.ceilings[-1] + s.after[j] >= needed(s, outside):
                one_term(ix, q, s, regions[r], Run(j, base, outside))


@compiled
def begin(q: Queries, n: int, tops: I64, state: I64) -> None:
    """Empty the lists."""
    state[:] = 0
    for which in range(3):
        state[FLOOR + which] = floor_of(tops[which], 0, q.wanted[3 * n + which])


@compiled
def few_near(s: Sweep, enough: int) -> bool:
    """True if those who match but aren't open to the request are fewer than wanted."""
    near = 0
    for i in range(s.state[COUNT + ANY]):
        had = False
        for j in range(s.state[COUNT + OPEN]):
            had |= s.tops[OPEN, j, 3] == s.tops[ANY, i, 3]
        near += not had
    return bool(near < enough)


@compiled
def answer(ix: Index, q: Queries, s: Sweep, market: I64, bonus: I64) -> None:
    """Answer one request."""
    n = s.n
    a, b = q.near_at[n], q.near_at[n + 1]
    sweep(ix, q, s, q.regions[a:b], q.bonus[a:b], False)
    market[0], bonus[0] = q.market[n], q.within_bonus[n]
    if q.within_at[n] < q.within_at[n + 1]:
        sweep(ix, q, s, market, bonus, False)
    near = q.wanted[3 * n + ANY] - q.wanted[3 * n + OPEN]
    if q.wanted[3 * n + OUTSIDE] and q.term_at[n] < q.term_at[n + 1] and few_near(s, near):
        bonus[0] = 0
        sweep(ix, q, s, market, bonus, True)


@compiled
def search(ix: Index, q: Queries, hits: Hits, first: int, last: int) -> None:
    """Answer the requests from `first` to before `last` into `hits`."""
    longest = 0
    for n in range(first, last):
        longest = max(longest, q.term_at[n + 1] - q.term_at[n])
    bits, after = np.zeros(longest + 1, np.uint64), np.zeros(longest + 2, np.int64)
    market, bonus = np.zeros(1, np.int64), np.zeros(1, np.int64)
    state = np.zeros(SCORED + 1, np.int64)
    for n in range(first, last):
        prepare(q, n, bits, after)
        begin(q, n, hits.tops[n], state)
        answer(ix, q, Sweep(n, hits.tops[n], state, bits, after), market, bonus)
        for which in range(OUTSIDE + 1):
            order(hits.tops[n, which], state[COUNT + which])
            hits.counts[n, which] = state[COUNT + which]
        hits.seen[n, 0], hits.seen[n, 1], hits.seen[n, 2] = state[WHY], state[READ], state[SCORED]
