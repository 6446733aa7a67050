"""What has changed since the postings were made? A small table from (region, term) to the changed profiles.

Changes of one key hang together as a chain, the newest first. A profile that changed twice stands there twice; the
stamp tells which entry holds.
"""
# ruff: noqa: PLR0917
# Kernels take arrays by position.

from __future__ import annotations

import numpy as np

from services.matching.index.compiled import compiled
from services.matching.index.layout import ADJUST, ALL, CLASSES, HEAD, HOT, I32, I64, LEVELS, ROW, U8, U32
from services.matching.index.memory import get

_CLASS_BOUNDS = np.array(CLASSES, np.int64)


@compiled
def hashed(key: int) -> int:
    """Where to begin to look for a key."""
    return (key * -7046029254386353131) >> 20


@compiled
def slot_of(keys: I64, key: int) -> int:
    """Where a key is or would be; the table is never full."""
    mask = keys.size - 1
    slot = hashed(key) & mask
    while keys[slot] != key and keys[slot] >= 0:
        slot = (slot + 1) & mask
    return int(slot)


@compiled
def level_of(ceilings: I64, adjust: int) -> int:
    """The lowest level whose ceiling is not below what is adjusted."""
    level = 0
    while level < LEVELS - 1 and ceilings[level] < adjust:
        level += 1
    return level


@compiled
def class_of(weight: int) -> int:
    """The class of a positive weight: the last whose bound is not below it."""
    chosen = 0
    for i in range(_CLASS_BOUNDS.size):
        if _CLASS_BOUNDS[i] >= weight:
            chosen = i
    return chosen


@compiled
def add(keys: I64, heads: I32, fresh: I64, used: int, key: int, posting: int, stamp: int) -> int:
    """Put a change in front of its chain; returns how many there are."""
    slot = slot_of(keys, key)
    fresh[used, 0], fresh[used, 1] = posting, stamp
    fresh[used, 2] = heads[slot] if keys[slot] >= 0 else -1
    keys[slot], heads[slot] = key, used
    return used + 1


@compiled
def row_bounds(words: U32, at: int) -> tuple[int, int]:
    """Where the terms and the end of a row are."""
    terms = at + HEAD + (get(words, at) >> 8)
    return terms, terms + (get(words, at + 1) >> 16)


@compiled
def entries_of(hot: I32, words: U32, numbers: I64) -> int:
    """How many entries these profiles need at most."""
    total = 0
    for number in numbers:
        at = get(hot, HOT * number + ROW)
        if at:
            total += (get(words, at) >> 8) * (1 + (get(words, at + 1) >> 16))
    return total


@compiled
def add_rows(
    hot: I32,
    words: U32,
    stamps: U32,
    posted: U8,
    ceilings: I64,
    numbers: I64,
    keys: I64,
    heads: I32,
    fresh: I64,
    used: int,
) -> int:
    """Put changed profiles into the table; returns how many entries it has then."""
    for number in numbers:
        at = get(hot, HOT * number + ROW)
        if at == 0:
            continue
        terms, end = row_bounds(words, at)
        adjust = get(hot, HOT * number + ADJUST)
        # Bounds may rise, never fall: the postings under the highest level promise a little more then.
        ceilings[LEVELS - 1] = max(ceilings[LEVELS - 1], adjust)
        posted[number] = level_of(ceilings, adjust)
        level = LEVELS - 1 - get(posted, number)
        for r in range(at + HEAD, terms):
            region, stamp = get(words, r), get(stamps, number)
            used = add(keys, heads, fresh, used, (region << 24) | ALL, (level << 24) | number, stamp)
            for t in range(terms, end):
                term, weight = get(words, t) >> 8, (get(words, t) & 255) - 128
                if weight > 0:
                    posting = ((class_of(weight) << 6 | level) << 24) | number
                    used = add(keys, heads, fresh, used, (region << 24) | term, posting, stamp)
    return used
