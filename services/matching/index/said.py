"""What do documents say? Room for it, and the kinds of things that they say again and again."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from services.matching.index.compiled import compiled
from services.matching.index.layout import I32, I64, U8
from services.matching.index.memory import i64, put, put8, put32, u8
from services.matching.index.met import FULL

#: Kinds of things that have a number in `Met`: offered texts, industries, served places, countries of those who name
#: no place, lists of sizes, lists of languages, policies, coordinates.
#: Terms come first, then places: kernels rely on it.
TEXT, INDUSTRY, PLACE, COUNTRY, SIZES, LANGUAGES, POLICY, POINT = range(8)
#: Of a profile, as bits: it is active, has a location, a capacity, is paused until some time.
ACTIVE, LOCATED, LIMITED, PAUSED = 1, 2, 4, 8
#: What became of a document.
ODD, FINE = 0, 1
#: While a document is read: it names a place that is served.
SERVING = 16


class Said(NamedTuple):
    """What is said in a page of documents, by their place in the page."""

    begins: I64
    #: Where each document begins.
    state: U8
    #: ODD or FINE.
    flags: U8
    versions: I64
    paused: I64
    #: Milliseconds since 1970.
    at: I64
    #: Where what it says begins in `numbers`.
    numbers: I32
    #: Numbers of things in `Met`.
    ids: U8
    partners: U8
    #: One after the other, each with a zero byte behind it; nothing of an odd document.
    ends: I64
    #: How much of `ids` and `partners` is used.
    parts: I64
    #: Where the parts of the place are that is just being read.
    documents: int
    #: How many documents there are.


#: Where a kernel finds each of them.
(BEGINS, STATE, FLAGS, VERSIONS, PAUSES, AT, NUMBERS, IDS, PARTNERS, ENDS, PARTS_AT, COUNT) = range(len(Said._fields))


def said_in(size: int, begins: I64) -> Said:
    """Room for what is said in documents that begin there and have so many bytes together."""
    count = begins.size
    return Said(
        begins=begins,
        state=np.zeros(count, np.uint8),
        flags=np.zeros(count, np.uint8),
        versions=np.ones(count, np.int64),
        paused=np.zeros(count, np.int64),
        at=np.zeros(count + 1, np.int64),
        # Nothing that has a number takes less than 7 bytes, but for the country of who names no place.
        numbers=np.empty(size // 7 + count, np.int32),
        ids=np.empty(size, np.uint8),
        partners=np.empty(size, np.uint8),
        ends=np.zeros(2, np.int64),
        parts=np.zeros(4, np.int64),
        documents=count,
    )


@compiled
def told(said: int, n: int, number: int) -> int:
    """Note that a document says something that has this number."""
    if number == FULL:
        return FULL
    end = i64(i64(said, AT), n + 1)
    put32(i64(said, NUMBERS), end, number)
    put(i64(said, AT), n + 1, end + 1)
    return FINE


@compiled
def flag(said: int, n: int, on: int, off: int) -> None:
    """Set some flags of a document, then take some away."""
    flags = i64(said, FLAGS)
    put8(flags, n, (u8(flags, n) | on) & ~off)
