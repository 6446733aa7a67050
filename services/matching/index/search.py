"""Which profiles answer a batch of requests? One call for all of them, without Python's lock."""
# ruff: noqa: PLR0917
# Kernels take arrays by position.

from __future__ import annotations

from services.matching.index import fields as f
from services.matching.index.compiled import compiled
from services.matching.index.fresh import hashed
from services.matching.index.layout import ALL, BLOOM_AT, GRAINS, LEVELS, NUMBER
from services.matching.index.memory import i32, i64, put, u32
from services.matching.index.scan import (
    ANY,
    OPEN,
    OUTSIDE,
    ceiling,
    needed,
    promise,
    rest_of,
    scan,
    score_next,
    signature_of,
    try_posting,
)
from services.matching.index.score import bounds_of, weight_in
from services.matching.index.top import floor_of, order


@compiled
def bit_of(term: int) -> int:
    """The bit of a term in a signature, above those of sizes and flags."""
    return 1 << (BLOOM_AT + ((((term * 2654435761) & 0xFFFFFFFF) * (64 - BLOOM_AT)) >> 32))


@compiled
def list_of(ix: int, region: int, term: int) -> tuple[int, int, int]:
    """Where a list begins and ends in the postings, and 1 if the region has no other than that of everybody."""
    if region < 0 or region >= i64(ix, f.REGION_COUNT):
        return 0, 0, 0
    terms, at = i64(ix, f.LIST_TERMS), i64(ix, f.LIST_AT)
    begin, stop = i64(i64(ix, f.REGION_AT), region), i64(i64(ix, f.REGION_AT), region + 1)
    single, end = int(stop - begin == 1), stop
    while begin < end:
        middle = (begin + end) >> 1
        if u32(terms, middle) < term:
            begin = middle + 1
        else:
            end = middle
    if begin < stop and u32(terms, begin) == term:
        return u32(at, begin), u32(at, begin + 1), single
    return 0, 0, single


@compiled
def first_change(ix: int, region: int, term: int) -> int:
    """The newest change of a key, -1 for none."""
    keys, mask, key = i64(ix, f.FRESH_KEYS), i64(ix, f.FRESH_MASK), (region << 24) | term
    slot = hashed(key) & mask
    while i64(keys, slot) != key:
        if i64(keys, slot) < 0:
            return -1
        slot = (slot + 1) & mask
    return i32(i64(ix, f.FRESH_HEADS), slot)


@compiled
def scan_fresh(ix: int, q: int, s: int, term: int, base: int, outside: int, region: int, key: int) -> None:
    """Read the changes that the postings do not know yet."""
    if i64(ix, f.PENDING) == 0:
        return
    fresh, stamps, at = i64(ix, f.FRESH), i64(ix, f.STAMPS), first_change(ix, region, key)
    while at >= 0:
        posting = i64(fresh, 3 * at)
        number = posting & NUMBER
        if i64(fresh, 3 * at + 1) == u32(stamps, number):
            put(s, f.READ, i64(s, f.READ) + 1)
            bound = ceiling(ix, q, s, term, base, posting >> 24)
            if bound + rest_of(s, term) >= needed(s, outside):
                bound += promise(s, signature_of(ix, number), term)
                try_posting(ix, q, s, term, outside, number, bound)
        at = i64(fresh, 3 * at + 2)


@compiled
def read_region(ix: int, q: int, s: int, region: int, term: int, base: int, outside: int) -> None:
    """Read what a region has for a term of the request; `term` -1 is everybody, as far as nothing else finds them."""
    key = ALL if term < 0 else i64(i64(q, f.TERMS), i64(s, f.FIRST) + term)
    begin, end, single = list_of(ix, region, key)
    everybody = term >= 0 or i64(s, f.LENGTH) == 0
    if everybody or single:
        scan(ix, q, s, term, base, outside, begin, end)
    if everybody:
        scan_fresh(ix, q, s, term, base, outside, region, key)


@compiled
def sweep(ix: int, q: int, s: int, regions: int, bonus: int, count: int, outside: int) -> None:
    """Read all lists of these regions that can still matter: of everybody first, then term by term."""
    n = i64(s, f.REQUEST)
    language = 0 if outside else i64(i64(q, f.TONGUE_BONUS), n) * GRAINS
    top = i64(i64(ix, f.CEILINGS), LEVELS - 1)
    for term in range(-1, i64(i64(q, f.ALONE), n)):
        for r in range(count):
            base = language + (0 if outside else i64(bonus, r) * GRAINS)
            if base + top + rest_of(s, max(term, 0) - 1) >= needed(s, outside):
                read_region(ix, q, s, i64(regions, r), term, base, outside)
    while i64(s, f.GONE) < i64(s, f.COME):
        score_next(ix, q, s, outside)


@compiled
def prepare(q: int, h: int, s: int, n: int) -> None:
    """Empty the lists, note the bit of each term and what the terms from each on can earn."""
    first = i64(i64(q, f.TERM_AT), n)
    terms = i64(i64(q, f.TERM_AT), n + 1) - first
    for i in range(f.REQUEST):
        put(s, i, 0)
    put(s, f.REQUEST, n)
    put(s, f.FIRST, first)
    put(s, f.LENGTH, terms)
    put(s, f.SINGLES, i64(i64(q, f.ALONE), n))
    groups = i64(i64(q, f.GROUP_AT), n + 1) - i64(i64(q, f.GROUP_AT), n)
    without = i64(i64(q, f.WITHOUT_AT), n + 1) - i64(i64(q, f.WITHOUT_AT), n)
    put(s, f.EXTRAS, int(groups + without > 0 or i64(i64(q, f.CIRCLE), 4 * n + 3) > 0))
    put(s, f.COME, 0)
    put(s, f.GONE, 0)
    step = i64(h, f.ROOM) * 4 * 8
    put(s, f.STEP, step)
    put(s, f.LISTS, i64(h, f.TOPS) + 3 * n * step)
    for which in range(3):
        put(s, f.FLOOR + which, floor_of(0, 0, i64(i64(q, f.WANTED), 3 * n + which)))
    after = f.BITS + i64(s, f.LONGEST)
    put(s, after + terms, 0)
    for j in range(terms - 1, -1, -1):
        put(s, f.BITS + j, bit_of(i64(i64(q, f.TERMS), first + j)))
        put(s, after + j, i64(s, after + j + 1) + i64(i64(q, f.POINTS), first + j) * GRAINS)


@compiled
def few_near(s: int, enough: int) -> bool:
    """True if those who match but aren't open to the request are fewer than wanted."""
    near, lists, step = 0, i64(s, f.LISTS), i64(s, f.STEP)
    for i in range(i64(s, f.COUNT + ANY)):
        had = 0
        for j in range(i64(s, f.COUNT + OPEN)):
            had |= i64(lists, 4 * j + 3) == i64(lists + step, 4 * i + 3)
        near += 1 - had
    return bool(near < enough)


@compiled
def answer(ix: int, q: int, s: int) -> None:
    """Answer one request."""
    n = i64(s, f.REQUEST)
    first = i64(i64(q, f.NEAR_AT), n)
    count = i64(i64(q, f.NEAR_AT), n + 1) - first
    wanted, market, bonus = i64(q, f.WANTED), i64(q, f.MARKET) + 8 * n, i64(q, f.WITHIN_BONUS) + 8 * n
    sweep(ix, q, s, i64(q, f.REGIONS) + 8 * first, i64(q, f.BONUS) + 8 * first, count, 0)
    if i64(i64(q, f.WITHIN_AT), n) < i64(i64(q, f.WITHIN_AT), n + 1):
        sweep(ix, q, s, market, bonus, 1, 0)
    near = i64(wanted, 3 * n + ANY) - i64(wanted, 3 * n + OPEN)
    if i64(wanted, 3 * n + OUTSIDE) and i64(s, f.LENGTH) and few_near(s, near):
        sweep(ix, q, s, market, bonus, 1, 1)


@compiled
def tell(ix: int, q: int, h: int, s: int) -> None:
    """Note which terms those have who are open to the request; see `Hits.matched`."""
    n, words, terms, span = i64(s, f.REQUEST), i64(ix, f.WORDS), i64(q, f.TERMS), i64(h, f.SPAN)
    for place in range(i64(s, f.COUNT + OPEN)):
        number = i64(i64(s, f.LISTS), 4 * place + 2)
        _, begin, end = bounds_of(ix, number)
        signature, bits = signature_of(ix, number), i64(h, f.MATCHED) + 8 * span * (n * i64(h, f.ROOM) + place)
        for j in range(i64(s, f.LENGTH)):
            if signature & i64(s, f.BITS + j) and weight_in(words, begin, end, i64(terms, i64(s, f.FIRST) + j)) > 0:
                put(bits, j >> 6, i64(bits, j >> 6) | 1 << (j & 63))


@compiled
def search(ix: int, q: int, h: int, s: int, first: int, last: int) -> None:
    """Answer those whose turns are from `first` to before `last`: tables of `Index`, `Queries`, `Hits`, and a state."""
    for turn in range(first, last):
        n = i64(i64(q, f.TURNS), turn)
        prepare(q, h, s, n)
        answer(ix, q, s)
        for which in range(OUTSIDE + 1):
            order(i64(s, f.LISTS) + which * i64(s, f.STEP), i64(s, f.COUNT + which))
            put(i64(h, f.COUNTS), 3 * n + which, i64(s, f.COUNT + which))
        if i64(h, f.SPAN):
            tell(ix, q, h, s)
        for i in range(3):
            put(i64(h, f.SEEN), 3 * n + i, i64(s, f.WHY + i))
