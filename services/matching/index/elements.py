"""How is a document cut into its fields? The parts of BSON (bsonspec.org) that documents of ours are made of."""

from __future__ import annotations

import numpy as np

from services.matching.index.compiled import compiled
from services.matching.index.layout import I64
from services.matching.index.memory import near32, near64, u8

#: Types of values.
REAL, STRING, DOCUMENT, ARRAY, FLAG, INSTANT, NOTHING, SHORT, LONG = 1, 2, 3, 4, 8, 9, 10, 16, 18
#: By type: how many bytes a value has, -1 where it tells that itself, or where we write none. `size_of` sees whether
#: what stands there can be one.
FIXED = (-1, 8, -1, -1, -1, -1, -1, -1, 1, 8, 0, -1, -1, -1, -1, -1, 4, -1, 8)
#: The first and the last instant of the calendar, in milliseconds since 1970: nobody reads others.
EARLIEST, LATEST = -62_135_596_800_000, 253_402_300_799_999
#: The length of an empty text, document or array.
EMPTY = 5
#: The highest letter that takes one byte.
LAST_LETTER = 127
#: Letters of a name that are told apart, and how many of them are in the first number.
LETTERS, FIRST = 15, 8


def packed(names: tuple[str, ...]) -> I64:
    """Names of at most 15 letters as two numbers each, so that they are compared at once."""
    written = b"".join(name.encode().ljust(2 * FIRST, b"\0") for name in names)
    return np.frombuffer(written, np.int64).reshape(-1, 2)


@compiled
def known_as(low: int, high: int, names: I64, guess: int) -> int:
    """Which of some names this is, -1 for none. Most come in their order, so that they are compared from `guess` on."""
    for _ in range(len(names)):
        guess = guess if guess < len(names) else 0
        if names[guess, 0] == low and names[guess, 1] == high:
            return guess
        guess += 1
    return -1


@compiled
def name_at(base: int, at: int, end: int) -> tuple[int, int, int]:
    """The name of a field as two numbers, and where its value begins.

    A longer name is none of ours. What is no plain letter makes the value seem to lie at the end, where none is.
    """
    low, high, length = 0, 0, 0
    while at < end:
        letter = u8(base, at)
        at += 1
        if letter == 0:
            break
        if letter > LAST_LETTER:
            return end, -1, -1
        if length < FIRST:
            low |= letter << (8 * length)
        elif length < LETTERS:
            high |= letter << (8 * (length - FIRST))
        else:
            low = -1
        length += 1
    return at, low, high


@compiled
def size_of(base: int, kind: int, at: int, end: int) -> int:
    """How many bytes a value has; -1 when it does not end before its document does, or can't be read."""
    size = FIXED[kind] if kind < len(FIXED) else -1
    if size < 0 and kind in (STRING, DOCUMENT, ARRAY) and at + 4 <= end:
        size = near32(base, at) + (4 if kind == STRING else 0)
        if not EMPTY <= size <= end - at or u8(base, at + size - 1) != 0:
            size = -1
    # Behind every value there is at least the zero byte that ends the document.
    if at + size >= end or (kind == FLAG and u8(base, at) > 1):
        return -1
    if kind == INSTANT and not EARLIEST <= near64(base, at) <= LATEST:
        return -1
    return size


@compiled
def member(base: int, at: int, end: int) -> tuple[int, int, int]:
    """A member of an array, whatever its name: its type, where its value begins, and how many bytes that has."""
    kind = u8(base, at)
    at = name_at(base, at + 1, end)[0]
    return kind, at, size_of(base, kind, at, end)


@compiled
def passable(kind: int) -> bool:
    """Whether a field that is not known may be passed over: one of these types is whole whatever it says."""
    return kind < len(FIXED) and FIXED[kind] >= 0


@compiled
def readable(base: int, at: int) -> bool:
    """Whether the text of a value is UTF-8 (RFC 3629)."""
    end = at + 3 + near32(base, at)
    at += 4
    while at < end:
        letter = u8(base, at)
        at += 1
        if letter > LAST_LETTER:
            more = 1 if 0xC2 <= letter < 0xE0 else 2 if 0xE0 <= letter < 0xF0 else 3 if 0xF0 <= letter < 0xF5 else 0  # noqa: PLR2004 - as in the standard
            if more == 0 or at + more > end:
                return False
            # No letter is written longer than it need be, none is half of a pair, none lies beyond the last one.
            low = 0xA0 if letter == 0xE0 else 0x90 if letter == 0xF0 else 0x80  # noqa: PLR2004 - as in the standard
            high = 0x9F if letter == 0xED else 0x8F if letter == 0xF4 else 0xBF  # noqa: PLR2004 - as in the standard
            for _ in range(more):
                if not low <= u8(base, at) <= high:
                    return False
                low, high, at = 0x80, 0xBF, at + 1
    return True
