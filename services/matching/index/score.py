"""What is one profile worth to one request? Read from its row."""

from __future__ import annotations

from math import asin, cos, radians, sin, sqrt

import numpy as np

from services.matching.index.compiled import compiled
from services.matching.index.layout import GRAINS, HEAD, U32, Index, Queries

#: How a profile stands to the place asked for, when it is none of the points it earns.
ELSEWHERE = -1
#: Rows with more terms are searched, shorter ones are read through.
LONG = 24
EARTH_KM = 6371.0088


@compiled
def bounds_of(ix: Index, number: int) -> tuple[int, int, int]:
    """Where the regions, the terms and the end of a row are in `words`."""
    at = np.int64(ix.row_at[number])
    regions = at + HEAD
    terms = regions + (np.int64(ix.words[at]) >> 8)
    return regions, terms, terms + np.int64(ix.words[at + 1])


@compiled
def weight_in(words: U32, begin: int, end: int, term: int) -> int:
    """The weight of a term in a row, in hundredths; 0 when it isn't there."""
    wanted, stop = term << 8, end
    if end - begin > LONG:
        while begin < end:
            middle = (begin + end) >> 1
            if np.int64(words[middle]) < wanted:
                begin = middle + 1
            else:
                end = middle
    else:
        while begin < end and np.int64(words[begin]) < wanted:
            begin += 1
    if begin < stop and (np.int64(words[begin]) >> 8) == term:
        return (np.int64(words[begin]) & 255) - 128
    return 0


@compiled
def terms_of(ix: Index, q: Queries, n: int, begin: int, end: int) -> tuple[int, bool]:
    """Grains for the terms of a row, and whether one of them makes a match alone."""
    grains, matches = 0, False
    first = q.term_at[n]
    for i in range(first, q.term_at[n + 1]):
        weight = weight_in(ix.words, begin, end, q.terms[i])
        grains += q.points[i] * weight
        if weight > 0 and i - first < q.alone[n]:
            matches = True
    return grains, matches


@compiled
def within(q: Queries, n: int, region: int) -> bool:
    """True if the region lies within the place asked for."""
    begin, end = q.within_at[n], q.within_at[n + 1]
    while begin < end:
        middle = (begin + end) >> 1
        if q.within[middle] < region:
            begin = middle + 1
        else:
            end = middle
    return bool(begin < q.within_at[n + 1] and q.within[begin] == region)


@compiled
def reach(ix: Index, q: Queries, n: int, begin: int, end: int) -> int:
    """Points for the narrowest of a row's regions around the place asked for, `ELSEWHERE` when there is none."""
    best = ELSEWHERE
    for at in range(begin, end):
        region = np.int64(ix.words[at])
        for i in range(q.near_at[n], q.near_at[n + 1]):
            if q.regions[i] == region:
                best = max(best, q.bonus[i])
                break
    if best < q.within_bonus[n] and q.within_at[n] < q.within_at[n + 1]:
        for at in range(begin, end):
            if within(q, n, np.int64(ix.words[at])):
                return int(q.within_bonus[n])
    return int(best)


@compiled
def groups_hold(ix: Index, q: Queries, n: int, begin: int, end: int) -> bool:
    """True if the row has as many terms of each group as it must and may."""
    for g in range(q.group_at[n], q.group_at[n + 1]):
        had = 0
        for i in range(q.groups[4 * g + 2], q.groups[4 * g + 3]):
            had += weight_in(ix.words, begin, end, q.group_terms[i]) > 0
        if had < q.groups[4 * g] or had > q.groups[4 * g + 1]:
            return False
    return True


@compiled
def too_far(ix: Index, q: Queries, n: int, number: int) -> bool:
    """True if the profile is known to lie outside the circle asked for (haversine)."""
    radius = q.circle[3 * n + 2]
    if radius <= 0 or ix.coordinates.size == 0 or np.isnan(ix.coordinates[2 * number]):
        return False
    north, east = radians(q.circle[3 * n]), radians(q.circle[3 * n + 1])
    own_north, own_east = radians(ix.coordinates[2 * number]), radians(ix.coordinates[2 * number + 1])
    half = sin((own_north - north) / 2) ** 2
    half += cos(north) * cos(own_north) * sin((own_east - east) / 2) ** 2
    return bool(2 * EARTH_KM * asin(min(1.0, sqrt(half))) > radius)


@compiled
def left_out(ix: Index, q: Queries, n: int, number: int) -> bool:
    """True if the request names the partner among those it is not for, or the profile lies too far away."""
    partner = np.int64(ix.words[np.int64(ix.row_at[number]) + 2])
    for i in range(q.without_at[n], q.without_at[n + 1]):
        if q.without[i] == partner:
            return True
    return too_far(ix, q, n, number)


@compiled
def tongue(ix: Index, q: Queries, n: int, number: int) -> int:
    """Grains for working in the language of the request."""
    spoken = q.tongues[q.tongue[n], ix.speaks[number]]
    return int(q.tongue_bonus[n]) * GRAINS * np.int64(spoken)
