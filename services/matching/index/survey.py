"""How does everybody in question stand to one request? For explanations; nothing is passed over."""

from __future__ import annotations

import numpy as np

from services.matching.index import fields as f
from services.matching.index.compiled import compiled
from services.matching.index.layout import I64
from services.matching.index.memory import i64, u32
from services.matching.index.score import (
    adjust_of,
    bounds_of,
    groups_hold,
    left_out,
    reach,
    row_of,
    terms_of,
    tongue,
    too_far,
)

#: Columns: number, grains for terms, points for the region or ELSEWHERE, grains for language, grains adjusted.
COLUMNS = 5


@compiled
def survey(ix: int, q: int, n: int, last: int) -> I64:
    """A line for each profile of the market that matches, or that merely serves the place if nothing is asked.

    Profiles are those with numbers below `last`.
    """
    found, count = np.empty((64, COLUMNS), np.int64), 0
    asked = i64(i64(q, f.TERM_AT), n) < i64(i64(q, f.TERM_AT), n + 1)
    for number in range(last):
        if row_of(ix, number) == 0:
            continue
        regions, terms, end = bounds_of(ix, number)
        if not has(ix, regions, terms, i64(i64(q, f.MARKET), n)):
            continue
        grains, matches = terms_of(ix, q, n, terms, end)
        points = reach(ix, q, n, regions, terms)
        if (asked and not matches) or (not asked and points < 0):
            continue
        if not groups_hold(ix, q, n, terms, end) or left_out(ix, q, n, number):
            continue
        if too_far(ix, q, n, number):
            continue
        if count == found.shape[0]:
            wider = np.empty((2 * count, COLUMNS), np.int64)
            wider[:count] = found
            found = wider
        found[count, 0], found[count, 1], found[count, 2] = number, grains, points
        found[count, 3], found[count, 4] = tongue(ix, q, n, number), adjust_of(ix, number)
        count += 1
    return found[:count]


@compiled
def has(ix: int, begin: int, end: int, region: int) -> bool:
    """True if the region is among those of a row."""
    found = False
    for at in range(begin, end):
        found |= u32(i64(ix, f.WORDS), at) == region
    return found
