"""Which are the best so far, one profile for each partner?

A list is unordered while it is filled, and short. Its worst entry is what a newcomer has to beat. Lists are given by
their address; an entry is four numbers: score, tie, number, partner.
"""
# ruff: noqa: PLR0917
# Kernels take arrays by position.

from __future__ import annotations

from services.matching.index.compiled import compiled
from services.matching.index.memory import i64, put

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
def better(score: int, tie: int, top: int, place: int) -> bool:
    """True if this comes before the entry at a place."""
    other = i64(top, 4 * place)
    return bool(score > other or (score == other and tie < i64(top, 4 * place + 1)))


@compiled
def write(top: int, place: int, score: int, tie: int, number: int, partner: int) -> None:
    """Fill an entry."""
    put(top, 4 * place, score)
    put(top, 4 * place + 1, tie)
    put(top, 4 * place + 2, number)
    put(top, 4 * place + 3, partner)


@compiled
def offer(top: int, count: int, room: int, score: int, tie: int, number: int, partner: int) -> int:
    """Let a profile compete for a place among `room`; returns how many are in the list."""
    worst = 0
    for i in range(count):
        if i64(top, 4 * i + 3) == partner:
            if better(score, tie, top, i):
                write(top, i, score, tie, number, partner)
            return count
        if i and better(i64(top, 4 * worst), i64(top, 4 * worst + 1), top, i):
            worst = i
    if count < room:
        write(top, count, score, tie, number, partner)
        return count + 1
    if room and better(score, tie, top, worst):
        write(top, worst, score, tie, number, partner)
    return count


@compiled
def floor_of(top: int, count: int, room: int) -> int:
    """What a score must reach to enter; an equal one may still win by its tie."""
    if room == 0:
        return EVERYTHING
    if count < room:
        return NOTHING
    lowest = i64(top, 0)
    for i in range(1, count):
        lowest = min(lowest, i64(top, 4 * i))
    return lowest


@compiled
def order(top: int, count: int) -> None:
    """Sort a list, the best first."""
    for i in range(1, count):
        score, tie, number, partner = i64(top, 4 * i), i64(top, 4 * i + 1), i64(top, 4 * i + 2), i64(top, 4 * i + 3)
        j = i
        while j > 0 and better(score, tie, top, j - 1):
            k = 4 * (j - 1)
            write(top, j, i64(top, k), i64(top, k + 1), i64(top, k + 2), i64(top, k + 3))
            j -= 1
        write(top, j, score, tie, number, partner)
