"""Has this text, or place, been met before? Whatever is said again and again has the number of its bytes.

A hash table over a heap of the bytes. Numbers count from 0 in the order in which things are met, so what is new since
some moment is what has a higher number.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from services.matching.index.compiled import compiled
from services.matching.index.layout import I32, I64, U8
from services.matching.index.memory import i32, i64, near64, put, put8, put32, u8

#: The number when there is no room for one more.
FULL = -1
#: Bytes of a thing on average, as far as the room for the first ones is concerned.
_USUAL = 24


class Met(NamedTuple):
    """The table; `made` makes one, `grown` makes a larger one of it."""

    marks: I64
    #: By place in the table: the hash of what is there, 0 where nothing is.
    mask: int
    #: Places in the table less one.
    numbers: I32
    #: By place in the table.
    kinds: U8
    #: By number.
    begins: I64
    #: By number: where its bytes begin in the heap; one more says where the last one's end.
    heap: U8
    used: I64
    #: How many there are.
    most: int
    #: How many there is room for,
    heap_size: int
    #: and for how many bytes.
    seed: int
    #: What hashes begin with: whoever knew it could make a thousand texts that share one, each to be compared with all.

    @property
    def size(self) -> int:
        """How many things have been met."""
        return int(self.used[0])

    def since(self, number: int) -> Iterator[tuple[int, bytes]]:
        """The things that have this number or a higher one: kind and bytes."""
        begins = self.begins[number : self.size + 1].tolist()
        heap = self.heap[begins[0] : begins[-1]].tobytes()
        places = pairwise([begin - begins[0] for begin in begins])
        return ((kind, heap[a:b]) for kind, (a, b) in zip(self.kinds[number : self.size].tolist(), places, strict=True))


#: Where a kernel finds each of them.
(MARKS, MASK, NUMBERS, KINDS, BEGINS, HEAP, USED, MOST, HEAP_SIZE, SEED) = range(len(Met._fields))


def made(room: int, heap_size: int = 0, seed: int | None = None) -> Met:
    """A table for so many things, a power of two, and so many bytes; without a seed it gets one that nobody knows."""
    size = max(heap_size, _USUAL * room)
    return Met(
        marks=np.zeros(2 * room, np.int64),
        mask=2 * room - 1,
        numbers=np.zeros(2 * room, np.int32),
        kinds=np.zeros(room, np.uint8),
        begins=np.zeros(room + 1, np.int64),
        heap=np.zeros(size, np.uint8),
        used=np.zeros(1, np.int64),
        most=room,
        heap_size=size,
        seed=secrets.randbits(62) if seed is None else seed,
    )


def grown(met: Met, need: int) -> Met:
    """The same things with the same numbers in twice the room, with that for `need` bytes more."""
    count = met.size
    end = int(met.begins[count])
    wider = made(2 * met.most, 2 * (end + need), met.seed)
    wider.heap[:end], wider.used[0] = met.heap[:end], count
    wider.kinds[:count], wider.begins[: count + 1] = met.kinds[:count], met.begins[: count + 1]
    place(met.marks, met.numbers, wider.marks, wider.numbers)
    return wider


@compiled
def place(marks: I64, numbers: I32, wider: I64, wider_numbers: I32) -> None:
    """Put what a table holds into a larger one."""
    mask = wider.size - 1
    for old in range(marks.size):
        if marks[old] != 0:
            slot = marks[old] & mask
            while wider[slot] != 0:
                slot = (slot + 1) & mask
            wider[slot], wider_numbers[slot] = marks[old], numbers[old]


@compiled
def number_of(met: int, kind: int, base: int, at: int, size: int) -> int:
    """The number of some bytes (`size` of them, `at` bytes behind the address `base`) of a kind; FULL is none."""
    mark, marks, mask = mark_of(i64(met, SEED) ^ kind, base, at, size), i64(met, MARKS), i64(met, MASK)
    kinds, begins, heap = i64(met, KINDS), i64(met, BEGINS), i64(met, HEAP)
    slot = mark & mask
    while i64(marks, slot) != 0:
        if i64(marks, slot) == mark:
            known = i32(i64(met, NUMBERS), slot)
            begin = i64(begins, known)
            alike = u8(kinds, known) == kind and i64(begins, known + 1) - begin == size
            if alike and same(heap + begin, base + at, size):
                return known
        slot = (slot + 1) & mask
    number = i64(i64(met, USED), 0)
    begin = i64(begins, number)
    if number == i64(met, MOST) or begin + size > i64(met, HEAP_SIZE):
        return FULL
    for i in range(size):
        put8(heap, begin + i, u8(base, at + i))
    put(marks, slot, mark)
    put32(i64(met, NUMBERS), slot, number)
    put8(kinds, number, kind)
    put(begins, number + 1, begin + size)
    put(i64(met, USED), 0, number + 1)
    return number


@compiled
def room_for(met: int, size: int) -> int:
    """Where in the heap the next new thing begins; FULL if there is no room for so many bytes."""
    begin = i64(i64(met, BEGINS), i64(i64(met, USED), 0))
    return begin if begin + size <= i64(met, HEAP_SIZE) else FULL


@compiled
def same(one: int, other: int, size: int) -> bool:
    """Whether the same bytes stand at two addresses."""
    i = 0
    while i + 8 <= size:
        if near64(one, i) != near64(other, i):
            return False
        i += 8
    while i < size:
        if u8(one, i) != u8(other, i):
            return False
        i += 1
    return True


@compiled
def mark_of(seed: int, base: int, at: int, size: int) -> int:
    """A hash, never 0."""
    mark, i = mixed(seed + size), 0
    while i + 8 <= size:
        mark = mixed(mark ^ near64(base, at + i))
        i += 8
    rest = 0
    while i < size:
        rest = rest << 8 | u8(base, at + i)
        i += 1
    return mixed(mark ^ rest) | 1 << 62


@compiled
def mixed(mark: int) -> int:
    """Every bit of a number spread over all of them."""
    mark = (mark ^ (mark >> 32)) * -7046029254386353131
    mark = (mark ^ (mark >> 29)) * -4658895280553007687
    return mark ^ (mark >> 32)
