"""Which are the best so far, one profile for each partner?

A list is unordered and short. Its worst entry is what a newcomer has to beat.
"""
# ruff: noqa: PLR0917
# Kernels take arrays by position.

from __future__ import annotations

from services.matching.index.compiled import compiled
from services.matching.index.layout import I64

#: Beaten by every score.
NOTHING = -(1 << 62)
#: Beats every score: the floor of a list that nobody asked for.
EVERYTHING = 1 << 62


@compiled
def mix(left: int, right: int) -> int:
    """Where a profile stands among its equals for one request: splitmix64 of both keys, 63 bits."""
    x = left ^ right
    x = (x ^ ((x >> 30) & 0x3FFFFFFFF)) * -4658895280553007687
    x = (x ^ ((x >> 27) & 0x1FFFFFFFFF)) * -7723592293110705685
    x = x ^ ((x >> 31) & 0x1FFFFFFFF)
    return (x >> 1) & 0x7FFFFFFFFFFFFFFF


@compiled
def better(score: int, tie: int, entry: I64) -> bool:
    """True if this comes before the entry."""
    return bool(score > entry[0] or (score == entry[0] and tie < entry[1]))


@compiled
def write(entry: I64, score: int, tie: int, number: int, partner: int) -> None:
    """Fill an entry."""
    entry[0], entry[1], entry[2], entry[3] = score, tie, number, partner


@compiled
def offer(top: I64, count: int, room: int, score: int, tie: int, number: int, partner: int) -> int:
    """Let a profile compete for a place among `room`; returns how many are in the list."""
    worst = 0
    for i in range(count):
        if top[i, 3] == partner:
            if better(score, tie, top[i]):
                write(top[i], score, tie, number, partner)
            return count
        if i and better(top[worst, 0], top[worst, 1], top[i]):
            worst = i
    if count < room:
        write(top[count], score, tie, number, partner)
        return count + 1
    if room and better(score, tie, top[worst]):
        write(top[worst], score, tie, number, partner)
    return count


@compiled
def floor_of(top: I64, count: int, room: int) -> int:
    """What a score must reach to enter; an equal one may still win by its tie."""
    if room == 0:
        return EVERYTHING
    if count < room:
        return NOTHING
    lowest = top[0, 0]
    for i in range(1, count):
        lowest = min(lowest, top[i, 0])
    return int(lowest)


@compiled
def order(top: I64, count: int) -> None:
    """Sort a list, the best first."""
    for i in range(1, count):
        score, tie, number, partner = top[i, 0], top[i, 1], top[i, 2], top[i, 3]
        j = i
        while j > 0 and better(score, tie, top[j - 1]):
            write(top[j], top[j - 1, 0], top[j - 1, 1], top[j - 1, 2], top[j - 1, 3])
            j -= 1
        write(top[j], score, tie, number, partner)
