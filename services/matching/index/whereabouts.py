"""Where are profiles found, and where do they serve? The places in the documents of stored profiles."""
# ruff: noqa: PLR0917
# Kernels take arrays by position.

from __future__ import annotations

from services.matching.index.compiled import compiled
from services.matching.index.elements import (
    ARRAY,
    DOCUMENT,
    REAL,
    STRING,
    known_as,
    member,
    name_at,
    packed,
    passable,
    readable,
    size_of,
)
from services.matching.index.memory import i64, near32, put, put8, u8
from services.matching.index.met import FULL, HEAP, number_of, room_for
from services.matching.index.said import FINE, LOCATED, ODD, PARTS_AT, PLACE, POINT, SERVING, flag, told

#: Parts of a place; the first must be there.
PARTS = ("country", "subdivision", "city", "postal_code")
#: Fields of a location, of which the first two must be there, and of its coordinate.
OFFICE, COORDINATE = ("id", "place", "coordinate"), ("latitude", "longitude")

_ID, _PLACE, _COORDINATE = range(3)
#: As bits: id and place; latitude and longitude.
_NEEDED = _BOTH = 0b11
_PARTS = packed(PARTS)
_OFFICES = packed(OFFICE)
_COORDINATES = packed(COORDINATE)


@compiled
def places(base: int, kind: int, at: int, size: int, n: int, said: int, met: int) -> int:
    """Read the places that are served."""
    if kind != ARRAY:
        return ODD
    end = at + size
    at += 4
    while u8(base, at) != 0:
        each, at, length = member(base, at, end)
        if each != DOCUMENT or length < 0 or not find_parts(base, at, at + length, i64(said, PARTS_AT)):
            return ODD
        begin = room_for(met, length)
        if begin == FULL:
            return FULL
        # The parts are put together where new things are kept, and are a new thing if they are not known.
        written = join_parts(base, i64(said, PARTS_AT), i64(met, HEAP), begin)
        if written < 0:
            return ODD
        outcome = told(said, n, number_of(met, PLACE, i64(met, HEAP), begin, written))
        if outcome != FINE:
            return outcome
        flag(said, n, SERVING, 0)
        at += length
    return FINE if at + 1 == end else ODD


@compiled
def offices(base: int, kind: int, at: int, size: int, n: int, said: int, met: int) -> int:
    """See whether there are locations, and whether each has an id and a place; read where they are."""
    if kind != ARRAY:
        return ODD
    end = at + size
    at += 4
    while u8(base, at) != 0:
        each, at, length = member(base, at, end)
        if each != DOCUMENT or length < 0:
            return ODD
        outcome = office(base, at, at + length, n, said, met)
        if outcome != FINE:
            return outcome
        flag(said, n, LOCATED, 0)
        at += length
    return FINE if at + 1 == end else ODD


@compiled
def office(base: int, at: int, end: int, n: int, said: int, met: int) -> int:
    """Read a location: it has an id and a place, and may have a coordinate."""
    have, outcome, last = 0, FINE, -1
    at += 4
    while outcome == FINE and u8(base, at) != 0:
        kind = u8(base, at)
        at, low, high = name_at(base, at + 1, end)
        length, known = size_of(base, kind, at, end), known_as(low, high, _OFFICES, last + 1)
        if length < 0 or (have >> known & 1 if known >= 0 else not passable(kind)):
            return ODD
        have |= 1 << known if known >= 0 else 0
        last = known
        if known == _ID:
            outcome = FINE if kind == STRING and readable(base, at) else ODD
        elif known >= 0 and kind != DOCUMENT:
            outcome = ODD
        elif known == _PLACE:
            outcome = FINE if find_parts(base, at, at + length, i64(said, PARTS_AT)) else ODD
        elif known == _COORDINATE:
            outcome = coordinate(base, at, at + length, n, said, met)
        at += length
    if outcome == FINE and (at + 1 != end or have & _NEEDED != _NEEDED):
        outcome = ODD
    return outcome


@compiled
def coordinate(base: int, at: int, end: int, n: int, said: int, met: int) -> int:
    """Read where a location is; both numbers together are one thing."""
    begin, have, last = room_for(met, 16), 0, -1
    if begin == FULL:
        return FULL
    at += 4
    while u8(base, at) != 0:
        kind = u8(base, at)
        at, low, high = name_at(base, at + 1, end)
        length, known = size_of(base, kind, at, end), known_as(low, high, _COORDINATES, last + 1)
        if length < 0 or (kind != REAL or have >> known & 1 if known >= 0 else not passable(kind)):
            return ODD
        if known >= 0:
            have, last = have | 1 << known, known
            for i in range(8):
                put8(i64(met, HEAP), begin + 8 * known + i, u8(base, at + i))
        at += length
    if at + 1 != end or have != _BOTH:
        return ODD
    return told(said, n, number_of(met, POINT, i64(met, HEAP), begin, 16))


@compiled
def find_parts(base: int, at: int, end: int, parts: int) -> bool:
    """Note where the parts of a place are, 0 for none; false when it is odd."""
    last = -1
    for part in range(len(PARTS)):
        put(parts, part, 0)
    at += 4
    while u8(base, at) != 0:
        kind = u8(base, at)
        at, low, high = name_at(base, at + 1, end)
        length = size_of(base, kind, at, end)
        if length < 0:
            return False
        known = known_as(low, high, _PARTS, last + 1)
        if known >= 0:
            if kind != STRING or i64(parts, known) != 0 or not readable(base, at):
                return False
            put(parts, known, at)
            last = known
        elif not passable(kind):
            return False
        at += length
    return at + 1 == end and i64(parts, 0) != 0


@compiled
def join_parts(base: int, parts: int, heap: int, to: int) -> int:
    """Write the parts of a place with zero bytes between them; returns how many bytes, -1 when one has a zero byte."""
    begin = to
    for part in range(len(PARTS)):
        if part > 0:
            put8(heap, to, 0)
            to += 1
        text = i64(parts, part)
        for i in range(near32(base, text) - 1 if text != 0 else 0):
            letter = u8(base, text + 4 + i)
            if letter == 0:
                return -1
            put8(heap, to, letter)
            to += 1
    return to - begin
