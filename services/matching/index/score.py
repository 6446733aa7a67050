"""What is one profile worth to one request? Read from its row. `ix` and `q` are tables of `Index` and `Queries`."""
# Kernels take arrays by position.

from __future__ import annotations

from services.matching.index import fields as f
from services.matching.index.compiled import compiled
from services.matching.index.layout import ADJUST, GRAINS, HEAD, HOT, NO_WEIGHT, ROW
from services.matching.index.memory import i32, i64, u8, u16, u32

#: How a profile stands to the place asked for, when it is none of the points it earns.
ELSEWHERE = -1
#: Rows with more terms are searched, shorter ones are read through.
LONG = 24


@compiled
def row_of(ix: int, number: int) -> int:
    """Where a profile's row begins, 0 if it has none."""
    return u32(i64(ix, f.HOT), HOT * number + ROW)


@compiled
def adjust_of(ix: int, number: int) -> int:
    """The grains added to every score of a profile."""
    return i32(i64(ix, f.HOT), HOT * number + ADJUST)


@compiled
def bounds_of(ix: int, number: int) -> tuple[int, int, int]:
    """Where the regions, the terms and the end of a row are in the words."""
    at, words = row_of(ix, number), i64(ix, f.WORDS)
    regions = at + HEAD
    terms = regions + (u32(words, at) >> 8)
    return regions, terms, terms + u16(words, 2 * at + 3)


@compiled
def partner_of(ix: int, number: int) -> int:
    """Whose profile it is."""
    return u32(i64(ix, f.WORDS), row_of(ix, number) + 2)


@compiled
def tie_of(ix: int, number: int) -> int:
    """Its part in the order of equals."""
    words, at = i64(ix, f.WORDS), row_of(ix, number)
    return u32(words, at + 3) | u32(words, at + 4) << 32


@compiled
def weight_in(words: int, begin: int, end: int, term: int) -> int:
    """The weight of a term in a row, in hundredths; 0 when it isn't there."""
    wanted, stop = term << 8, end
    if end - begin > LONG:
        while begin < end:
            middle = (begin + end) >> 1
            if u32(words, middle) < wanted:
                begin = middle + 1
            else:
                end = middle
    else:
        while begin < end and u32(words, begin) < wanted:
            begin += 1
    if begin < stop and u32(words, begin) >> 8 == term:
        return (u32(words, begin) & 255) - NO_WEIGHT
    return 0


@compiled
def terms_of(ix: int, q: int, n: int, begin: int, end: int) -> tuple[int, bool]:
    """Grains for the terms of a row, and whether one of them makes a match alone."""
    words, terms, points = i64(ix, f.WORDS), i64(q, f.TERMS), i64(q, f.POINTS)
    grains, matches = 0, False
    first = i64(i64(q, f.TERM_AT), n)
    alone = first + i64(i64(q, f.ALONE), n)
    for i in range(first, i64(i64(q, f.TERM_AT), n + 1)):
        weight = weight_in(words, begin, end, i64(terms, i))
        grains += i64(points, i) * weight
        if weight > 0 and i < alone:
            matches = True
    return grains, matches


@compiled
def within(q: int, n: int, region: int) -> bool:
    """True if the region lies within the place asked for."""
    begin, stop, regions = i64(i64(q, f.WITHIN_AT), n), i64(i64(q, f.WITHIN_AT), n + 1), i64(q, f.WITHIN)
    end = stop
    while begin < end:
        middle = (begin + end) >> 1
        if i64(regions, middle) < region:
            begin = middle + 1
        else:
            end = middle
    return bool(begin < stop and i64(regions, begin) == region)


@compiled
def reach(ix: int, q: int, n: int, begin: int, end: int) -> int:
    """Points for the narrowest of a row's regions around the place asked for, `ELSEWHERE` when there is none."""
    words, best = i64(ix, f.WORDS), ELSEWHERE
    for at in range(begin, end):
        region = u32(words, at)
        for i in range(i64(i64(q, f.NEAR_AT), n), i64(i64(q, f.NEAR_AT), n + 1)):
            if i64(i64(q, f.REGIONS), i) == region:
                best = max(best, i64(i64(q, f.BONUS), i))
    if best == ELSEWHERE and i64(i64(q, f.WITHIN_AT), n) < i64(i64(q, f.WITHIN_AT), n + 1):
        for at in range(begin, end):
            if within(q, n, u32(words, at)):
                return i64(i64(q, f.WITHIN_BONUS), n)
    return best


@compiled
def groups_hold(ix: int, q: int, n: int, begin: int, end: int) -> bool:
    """True if the row has as many terms of each group as it must and may."""
    words, groups = i64(ix, f.WORDS), i64(q, f.GROUPS)
    for g in range(i64(i64(q, f.GROUP_AT), n), i64(i64(q, f.GROUP_AT), n + 1)):
        had = 0
        for i in range(i64(groups, 4 * g + 2), i64(groups, 4 * g + 3)):
            had += weight_in(words, begin, end, i64(i64(q, f.GROUP_TERMS), i)) > 0
        if had < i64(groups, 4 * g) or had > i64(groups, 4 * g + 1):
            return False
    return True


@compiled
def too_far(ix: int, q: int, n: int, number: int) -> bool:
    """True if the profile has points, and all of them lie outside the circle asked for."""
    circle, points = i64(q, f.CIRCLE) + 32 * n, i64(ix, f.POINTS_OF)
    limit = i64(circle, 3)
    if limit == 0 or i64(ix, f.PLACED) == 0:
        return False
    at = u32(i64(ix, f.POINT_AT), number)
    count = i32(points, at)
    for place in range(at + 1, at + 1 + 3 * count, 3):
        line = 0
        for axis in range(3):
            line += (i32(points, place + axis) - i64(circle, axis)) ** 2
        if line <= limit:
            return False
    return bool(count)


@compiled
def left_out(ix: int, q: int, n: int, number: int) -> bool:
    """True if the request names the partner among those it is not for."""
    for i in range(i64(i64(q, f.WITHOUT_AT), n), i64(i64(q, f.WITHOUT_AT), n + 1)):
        if i64(i64(q, f.WITHOUT), i) == partner_of(ix, number):
            return True
    return False


@compiled
def tongue(ix: int, q: int, n: int, number: int) -> int:
    """Grains for working in the language of the request."""
    row = i64(i64(q, f.TONGUE), n) * i64(q, f.TONGUE_SETS)
    speaks = u16(i64(ix, f.WORDS), 2 * row_of(ix, number) + 2)
    return i64(i64(q, f.TONGUE_BONUS), n) * GRAINS * u8(i64(q, f.TONGUES), row + speaks)
