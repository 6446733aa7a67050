"""How are the postings made of the rows? By counting and by radix sort, without comparing; nothing shared is written.

Entries of a region are put down in the order of their levels, then sorted stably by (term, class): so each list is in
the order of its impacts.
"""
# ruff: noqa: PLR0917
# Kernels take arrays by position.

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate, pairwise
from typing import NamedTuple

import numpy as np

from services.matching.index.compiled import compiled
from services.matching.index.fresh import class_of, level_of, row_bounds
from services.matching.index.layout import ADJUST, ALL, HEAD, HOT, I32, I64, LEVELS, NO_WEIGHT, ROW, SMALL, U8, U32, U64
from services.matching.index.memory import get

#: Bits sorted in one pass, and passes for a term (24 bits) with its class (2).
RADIX, PASSES = 9, 3
_BUCKETS = 1 << RADIX
#: Entries below which insertion is quicker.
FEW = 48


class Postings(NamedTuple):
    """What `build` makes; see `Index`."""

    region_at: I64
    list_terms: U32
    list_at: U32
    postings: U32
    ceilings: I64
    posted: U8
    #: By profile: the level that its postings have.


def build(hot: I32, words: U32, count: int, threads: int = 1) -> Postings:
    """The postings of all profiles with numbers below `count`. Takes seconds for a million; needs no lock of Python.

    Where nothing else is to be done meanwhile, several threads share the regions.
    """
    ceilings = ceilings_of(hot[ADJUST : HOT * count : HOT][hot[ROW : HOT * count : HOT] > 0])
    order = np.empty(count, np.int64)
    levels = sort_levels(hot, ceilings, order)
    members = count_members(hot, words, count)
    starts = np.zeros(members.size + 1, np.int64)
    np.cumsum(count_entries(hot, words, count, members), out=starts[1:])
    entries = np.empty(int(starts[-1]), np.uint64)
    places, parts = starts.copy(), shared(starts, threads)
    with ThreadPoolExecutor(threads, "postings") as pool:
        list(pool.map(lambda part: fill(hot, words, order, levels, members, places, entries, *part), parts))
        lists = [0, *accumulate(pool.map(lambda part: sort_regions(entries, starts, *part), parts))]
        region_at = np.zeros(members.size + 1, np.int64)
        terms, at = np.empty(lists[-1], np.uint32), np.empty(lists[-1] + 1, np.uint32)
        postings = np.empty(entries.size, np.uint32)
        begun = [(*part, before) for part, before in zip(parts, lists, strict=False)]
        list(pool.map(lambda part: finish(entries, starts, region_at, terms, at, postings, *part), begun))
    region_at[-1], at[-1] = lists[-1], entries.size
    return Postings(region_at, terms, at, postings, ceilings, (LEVELS - 1 - levels).astype(np.uint8))


def shared(starts: I64, threads: int) -> list[tuple[int, int]]:
    """The regions in parts, first and last, with about as many entries each."""
    aims = [int(starts[-1]) * n // threads for n in range(1, threads)]
    ends = [*np.searchsorted(starts[:-1], aims).tolist(), starts.size - 1]
    return list(pairwise([0, *ends]))


def ceilings_of(adjust: I32) -> I64:
    """The ceiling of each level: quantiles, finer towards the top, where they decide."""
    if adjust.size == 0:
        return np.zeros(LEVELS, np.int64)
    sample = np.sort(adjust[:: max(1, adjust.size // 200_000)])
    share = 1.0 - np.geomspace(1.0, 1.0 / sample.size, LEVELS - 1)
    inner = sample[np.minimum((share * sample.size).astype(np.int64), sample.size - 1)]
    return np.append(inner, adjust.max()).astype(np.int64)


@compiled
def sort_levels(hot: I32, ceilings: I64, order: I64) -> I64:
    """Fill `order` with the numbers by level, highest first; returns the level of each number, 0 being the highest."""
    levels, sizes = np.empty(order.size, np.int64), np.zeros(LEVELS + 1, np.int64)
    for number in range(order.size):
        levels[number] = LEVELS - 1 - level_of(ceilings, get(hot, HOT * number + ADJUST))
        sizes[levels[number] + 1] += 1
    places = np.cumsum(sizes)
    for number in range(order.size):
        order[places[levels[number]]] = number
        places[levels[number]] += 1
    return levels


@compiled
def count_members(hot: I32, words: U32, count: int) -> I64:
    """How many profiles each region has."""
    members = np.zeros(1, np.int64)
    for number in range(count):
        at = get(hot, HOT * number + ROW)
        if at == 0:
            continue
        for r in range(at + HEAD, row_bounds(words, at)[0]):
            region = get(words, r)
            if region >= members.size:
                wider = np.zeros(max(region + 1, 2 * members.size), np.int64)
                wider[: members.size] = members
                members = wider
            members[region] += 1
    return members


@compiled
def positive(words: U32, begin: int, end: int) -> int:
    """How many terms have a weight above zero."""
    found = 0
    for t in range(begin, end):
        found += (get(words, t) & 255) > NO_WEIGHT
    return found


@compiled
def count_entries(hot: I32, words: U32, count: int, members: I64) -> I64:
    """How many entries each region gets: one for each profile, and where it is not small one for each of its terms."""
    entries = members.copy()
    for number in range(count):
        at = get(hot, HOT * number + ROW)
        if at == 0:
            continue
        terms, end = row_bounds(words, at)
        had = positive(words, terms, end)
        for r in range(at + HEAD, terms):
            if members[get(words, r)] > SMALL:
                entries[get(words, r)] += had
    return entries


@compiled
def entry_of(term: int, class_: int, level: int, number: int) -> np.uint64:
    """Term, class, level, number: from the highest bits down."""
    return np.uint64((((term << 2 | class_) << 6 | level) << 24) | number)


@compiled
def fill(
    hot: I32, words: U32, order: I64, levels: I64, members: I64, places: I64, entries: U64, first: int, last: int
) -> None:
    """Put down the entries of these regions, the highest level first. Their `places` are used up."""
    for number in order:
        at = get(hot, HOT * number + ROW)
        if at == 0:
            continue
        terms, end = row_bounds(words, at)
        for r in range(at + HEAD, terms):
            region = get(words, r)
            if not first <= region < last:
                continue
            entries[places[region]] = entry_of(ALL, 0, levels[number], number)
            places[region] += 1
            if members[region] <= SMALL:
                continue
            for t in range(terms, end):
                weight = (get(words, t) & 255) - 128
                if weight > 0:
                    term = get(words, t) >> 8
                    entries[places[region]] = entry_of(term, class_of(weight), levels[number], number)
                    places[region] += 1


@compiled
def sort_regions(entries: U64, starts: I64, first: int, last: int) -> int:
    """Sort the entries of these regions by term and class, equals as they are; returns how many lists that makes."""
    lists, spare = 0, np.empty(0, np.uint64)
    for region in range(first, last):
        part = entries[starts[region] : starts[region + 1]]
        if part.size > FEW:
            if spare.size < part.size:
                spare = np.empty(2 * part.size, np.uint64)
            radix_sort(part, spare[: part.size])
        else:
            insertion_sort(part)
        for i in range(part.size):
            lists += i == 0 or part[i] >> np.uint64(32) != part[i - 1] >> np.uint64(32)
    return lists


@compiled
def insertion_sort(part: U64) -> None:
    """Sort a short run; entries differ, and their numbers are in order where all else is equal."""
    for i in range(1, part.size):
        entry, j = part[i], i
        while j > 0 and part[j - 1] > entry:
            part[j] = part[j - 1]
            j -= 1
        part[j] = entry


@compiled
def radix_sort(part: U64, spare: U64) -> None:
    """Sort stably by the bits above the level."""
    source, target, swapped = part, spare, False
    for turn in range(PASSES):
        shift, sizes = np.uint64(30 + turn * RADIX), np.zeros(_BUCKETS + 1, np.int64)
        for entry in source:
            sizes[np.int64((entry >> shift) & np.uint64(_BUCKETS - 1)) + 1] += 1
        if sizes.max() == source.size:
            continue
        places = np.cumsum(sizes)
        for entry in source:
            bucket = np.int64((entry >> shift) & np.uint64(_BUCKETS - 1))
            target[places[bucket]] = entry
            places[bucket] += 1
        source, target, swapped = target, source, not swapped
    if swapped:
        part[:] = source


@compiled
def finish(
    entries: U64,
    starts: I64,
    region_at: I64,
    list_terms: U32,
    list_at: U32,
    postings: U32,
    first: int,
    last: int,
    lists: int,
) -> None:
    """Cut the sorted entries of these regions into lists; so many lists come before."""
    for region in range(first, last):
        region_at[region] = lists
        for i in range(starts[region], starts[region + 1]):
            entry = get(entries, i)
            if i == starts[region] or (entry >> 32) != (get(entries, i - 1) >> 32):
                list_terms[lists], list_at[lists] = entry >> 32, i
                lists += 1
            postings[i] = entry & 0xFFFFFFFF
