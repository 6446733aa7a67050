"""What is said in the documents of stored profiles? Found in their bytes; no value is made of what nobody asks for.

Documents are BSON (bsonspec.org), their fields are named as those of `RoutableProfile`, in any order. Fields that are
not known are passed over where their type alone says how long they are. Anything else, damaged or written by a later
version, makes a document odd: it is read one by one by those who know more.
"""
# ruff: noqa: PLR0917
# Kernels take arrays by position.

from __future__ import annotations

from services.matching.index.compiled import compiled
from services.matching.index.elements import (
    ARRAY,
    DOCUMENT,
    EMPTY,
    FLAG,
    INSTANT,
    LAST_LETTER,
    LONG,
    SHORT,
    STRING,
    known_as,
    member,
    name_at,
    packed,
    passable,
    readable,
    size_of,
)
from services.matching.index.layout import I64
from services.matching.index.memory import i64, near32, near64, put, put8, u8
from services.matching.index.met import FULL, number_of
from services.matching.index.said import (
    ACTIVE,
    AT,
    BEGINS,
    COUNT,
    COUNTRY,
    ENDS,
    FINE,
    FLAGS,
    IDS,
    INDUSTRY,
    LANGUAGES,
    LIMITED,
    ODD,
    PARTNERS,
    PAUSED,
    PAUSES,
    POLICY,
    SERVING,
    SIZES,
    STATE,
    TEXT,
    VERSIONS,
    flag,
    told,
)
from services.matching.index.whereabouts import offices, places

#: Fields of a profile, as they are written one after the other. The first five must be there.
FIELDS = (
    "_id",
    "partner_id",
    "country",
    "serves",
    "locations",
    "keywords",
    "industries",
    "products",
    "services",
    "sizes",
    "languages",
    "capacity",
    "paused_until",
    "active",
    "version",
    "policy",
)
#: The least that a document takes in an array: its type, the end of an empty name, itself.
SHORTEST = 2 + EMPTY
_ID, _PARTNER, _COUNTRY, _SERVES, _LOCATIONS = range(5)
_NEEDED = 0b11111
_INDUSTRIES, _SERVICES, _SIZES, _LANGUAGES, _CAPACITY, _PAUSED, _ACTIVE, _VERSION, _POLICY = 6, *range(8, 16)
_FIELDS = packed(FIELDS)


@compiled
def split(base: int, size: int, begins: I64) -> int:
    """Note where each document of an array begins; returns how many there are, -1 if it holds anything else."""
    count, at, end = 0, 4, size - 1
    while at < end and u8(base, at) == DOCUMENT:
        while at < end and u8(base, at) != 0:
            at += 1
        at += 1
        length = near32(base, at) if at + EMPTY <= end else 0
        if not EMPTY <= length <= end - at:
            return -1
        begins[count] = at
        at += length
        count += 1
    return count if at == end else -1


@compiled
def walk(base: int, first: int, said: int, met: int) -> int:
    """Read documents from the first on; returns which is next when `met` has no room, else how many there are.

    `said` and `met` are addresses of a `Table` of `Said`, and of `Met`.
    """
    at, ends, count = i64(said, AT), i64(said, ENDS), i64(said, COUNT)
    for n in range(first, count):
        put(at, n + 1, i64(at, n))
        ids, partners, begin = i64(ends, 0), i64(ends, 1), i64(i64(said, BEGINS), n)
        end = begin + near32(base, begin)
        outcome = document(base, begin, end, n, said, met) if u8(base, end - 1) == 0 else ODD
        if outcome != FINE:
            put(at, n + 1, i64(at, n))
            put(ends, 0, ids)
            put(ends, 1, partners)
        if outcome == FULL:
            return n
        if outcome == ODD:
            end_name(said, IDS, 0)
            end_name(said, PARTNERS, 1)
        put8(i64(said, STATE), n, outcome)
    return count


@compiled
def end_name(said: int, names: int, which: int) -> None:
    """Put a zero byte behind the ids."""
    end = i64(i64(said, ENDS), which)
    put8(i64(said, names), end, 0)
    put(i64(said, ENDS), which, end + 1)


@compiled
def document(base: int, at: int, end: int, n: int, said: int, met: int) -> int:
    """Read a document."""
    have, country, last = 0, 0, -1
    flag(said, n, ACTIVE, 255 - ACTIVE)
    at += 4
    while u8(base, at) != 0:
        kind = u8(base, at)
        at, low, high = name_at(base, at + 1, end)
        size, known = size_of(base, kind, at, end), known_as(low, high, _FIELDS, last + 1)
        if size < 0 or (have >> known & 1 if known >= 0 else not passable(kind)):
            return ODD
        if known >= 0:
            have, last = have | 1 << known, known
            country = at if known == _COUNTRY else country
            outcome = field(base, known, kind, at, size, n, said, met)
            if outcome != FINE:
                return outcome
        at += size
    if at + 1 != end or have & _NEEDED != _NEEDED:
        return ODD
    if u8(i64(said, FLAGS), n) & SERVING:
        flag(said, n, 0, SERVING)
        return FINE
    return told(said, n, number_of(met, COUNTRY, base, country + 4, near32(base, country) - 1))


@compiled
def field(base: int, known: int, kind: int, at: int, size: int, n: int, said: int, met: int) -> int:
    """Read a field that is known."""
    outcome = ODD
    if known == _ID:
        outcome = named(base, kind, at, said, IDS, 0)
    elif known == _PARTNER:
        outcome = named(base, kind, at, said, PARTNERS, 1)
    elif known == _COUNTRY:
        outcome = FINE if kind == STRING and readable(base, at) else ODD
    elif known == _SERVES:
        outcome = places(base, kind, at, size, n, said, met)
    elif known == _LOCATIONS:
        outcome = offices(base, kind, at, size, n, said, met)
    elif known <= _SERVICES:
        outcome = texts(base, kind, at, size, INDUSTRY if known == _INDUSTRIES else TEXT, n, said, met)
    elif known <= _LANGUAGES:
        outcome = whole(base, kind, at, size, SIZES if known == _SIZES else LANGUAGES, n, said, met)
    elif known < _POLICY:
        outcome = number(base, known, kind, at, n, said)
    elif kind == STRING:
        outcome = told(said, n, number_of(met, POLICY, base, at + 4, near32(base, at) - 1))
    return outcome


@compiled
def number(base: int, known: int, kind: int, at: int, n: int, said: int) -> int:
    """Read a field that is a number, an instant or a flag."""
    if known == _ACTIVE:
        if kind != FLAG:
            return ODD
        if u8(base, at) == 0:
            flag(said, n, 0, ACTIVE)
    elif known == _PAUSED:
        if kind != INSTANT:
            return ODD
        flag(said, n, PAUSED, 0)
        put(i64(said, PAUSES), n, near64(base, at))
    elif kind not in (SHORT, LONG):
        return ODD
    elif known == _VERSION:
        put(i64(said, VERSIONS), n, near32(base, at) if kind == SHORT else near64(base, at))
    else:
        flag(said, n, LIMITED, 0)
    return FINE


@compiled
def named(base: int, kind: int, at: int, said: int, names: int, which: int) -> int:
    """Copy an id; one with a letter that takes more than a byte, or a zero byte, is odd."""
    if kind != STRING:
        return ODD
    end, to = i64(i64(said, ENDS), which), i64(said, names)
    length = near32(base, at) - 1
    for i in range(length):
        letter = u8(base, at + 4 + i)
        if letter == 0 or letter > LAST_LETTER:
            return ODD
        put8(to, end + i, letter)
    put(i64(said, ENDS), which, end + length)
    end_name(said, names, which)
    return FINE


@compiled
def texts(base: int, kind: int, at: int, size: int, what: int, n: int, said: int, met: int) -> int:
    """Read a list of texts, each with a number of its own."""
    if kind != ARRAY:
        return ODD
    end = at + size
    at += 4
    while u8(base, at) != 0:
        each, at, length = member(base, at, end)
        if each != STRING or length < 0:
            return ODD
        outcome = told(said, n, number_of(met, what, base, at + 4, length - EMPTY))
        if outcome != FINE:
            return outcome
        at += length
    return FINE if at + 1 == end else ODD


@compiled
def whole(base: int, kind: int, at: int, size: int, what: int, n: int, said: int, met: int) -> int:
    """Read a list of texts that has a number as a whole."""
    if kind != ARRAY:
        return ODD
    inside, end = at + 4, at + size
    while u8(base, inside) != 0:
        each, inside, length = member(base, inside, end)
        if each != STRING or length < 0:
            return ODD
        inside += length
    if inside + 1 != end:
        return ODD
    return told(said, n, number_of(met, what, base, at, size)) if size > EMPTY else FINE
