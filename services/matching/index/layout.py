"""How do profiles, postings and requests lie in memory?

A score is counted in grains, 1e-8 of one: points (1e-6) times hundredths of a weight. Whole numbers throughout.

Row of a profile, in 32-bit words: `regions << 8 | sizes`, `terms << 16 | languages`, its partner, its part in the order
of equals (two words, the lower half first), its regions, its terms. A term is `term << 8 | (weight + 128)` with the
weight in hundredths; terms are in ascending order.

Posting, 32 bits: `impact << 24 | number`. The impact sorts a list, best first: `class << 6 | (63 - level)`. The class
bounds the weight of the term, the level bounds what is adjusted (`Index.ceilings`). So one network holds up to 16.7
million profiles and 16.7 million terms.

What is asked of nearly every profile that is met lies together in 16 bytes (`Index.hot`), so that it comes from memory
at once: its signature, where its row begins (0: it has none), and the grains added to every score. The signature tells
almost always, without a look at the row, which other terms a profile can't have: from the lowest bit up the 8 sizes it
wants, 8 flags, and 48 bits of a Bloom filter of its terms.
"""

from __future__ import annotations

from array import array
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

U8 = NDArray[np.uint8]
U16 = NDArray[np.uint16]
U32 = NDArray[np.uint32]
U64 = NDArray[np.uint64]
I32 = NDArray[np.int32]
F32 = NDArray[np.float32]
I64 = NDArray[np.int64]
#: 64-bit numbers; the array of the standard library is made sooner, which counts where there are few.
Numbers64: TypeAlias = "I64 | array[int]"

#: Grains of a point.
GRAINS = 100
#: How a weight of zero is written.
NO_WEIGHT = 128
#: Words in front of a row's regions.
HEAD = 5
#: Most profiles, and most terms.
NUMBERS = TERMS = 1 << 24
#: 32-bit words of a profile in `Index.hot`, and the places there of its row and of what is adjusted.
HOT, ROW, ADJUST = 4, 2, 3
#: Where the flags, and the bits of the Bloom filter, begin in a signature.
FLAGS_AT, BLOOM_AT = 8, 16
#: The bits of a posting that are its number.
NUMBER = NUMBERS - 1
#: The term that everybody has, wherever it serves.
ALL = 0
#: A region with so few profiles has one list of them all instead of one for each term.
SMALL = 32
LEVELS = 64
#: Upper bounds of weights by class, in hundredths; a weight of zero or less has no posting.
CLASSES = (100, 60, 35, 15)

#: Flags of a profile: what the postings say of it is out of date; it is paused; it is full; it is left out otherwise.
STALE, PAUSED, FULL, BLOCKED = 1, 2, 4, 8
CLOSED = PAUSED | FULL | BLOCKED
#: Why a profile that matches can't have a request now, as bits; the first that holds counts.
BY_SIZE, BY_PAUSE, BY_LOAD, BY_DISTANCE = 1, 2, 4, 8


class Index(NamedTuple):
    """Everything a match reads."""

    hot: I32
    #: By profile: signature, place of its row in `words`, grains added to every score.
    words: U32
    point_at: U32
    #: By profile: where its points begin in `points`, 0 if it never had one; empty when nobody has.
    points: I32
    #: How many points, then three words each: x, y and z (see `distance`). In front the room there; word 0 is none.
    placed: int
    #: 1 if somebody has points.
    ceilings: I64
    #: By level: the most grains that `adjust` may hold.
    region_at: I64
    #: By region: where its lists begin in `list_terms`.
    region_count: int
    list_terms: U32
    list_at: U32
    #: By list: where its postings begin.
    postings: U32
    fresh_keys: I64
    #: Hash table of changes that the postings do not know yet: `region << 24 | term`, -1 where free.
    fresh_mask: int
    #: Its size less one.
    fresh_heads: I32
    fresh: I64
    #: Changes, three words each: posting, stamp of the profile, the next of the same key or -1.
    stamps: U32
    #: By profile: how often it has changed.
    pending: int


class Queries(NamedTuple):
    """A batch of requests. `x_at[n]` to `x_at[n + 1]` are the entries of request `n` in the arrays of `x`."""

    turns: Numbers64
    #: The order in which they are best answered: those that read the same lists one after another.
    term_at: Numbers64
    terms: Numbers64
    points: Numbers64
    #: Points that each term earns. Those that count alone come first, then the heaviest first.
    alone: Numbers64
    #: By request: how many of its terms make a match alone.
    near_at: Numbers64
    regions: Numbers64
    bonus: Numbers64
    #: The regions around the place asked for, the highest points first.
    within_at: Numbers64
    within: Numbers64
    #: Regions that lie within the place asked for, ascending.
    group_at: Numbers64
    groups: Numbers64
    #: Four words each: fewest and most terms that a profile must have, begin and end in `group_terms`.
    group_terms: Numbers64
    without_at: Numbers64
    without: Numbers64
    #: Partners (numbers) that are left out.
    market: Numbers64
    #: By request: the region that everybody in question has, -1 for none.
    within_bonus: Numbers64
    size: Numbers64
    #: By request: the bit of the customer's size, 0 when it is not known.
    tongue: Numbers64
    #: By request: its row in `tongues`.
    tongues: U8
    #: By request's language and a profile's set of languages: 1 where it is spoken.
    tongue_sets: int
    #: Columns of `tongues`.
    tongue_bonus: Numbers64
    tie: Numbers64
    circle: Numbers64
    #: Four numbers each: the point in the middle, and the greatest square of a line from there (0: anywhere).
    wanted: Numbers64
    #: Three numbers each: partners wanted, of all that match, of those that match elsewhere.
    most_wanted: int
    most_terms: int
    #: Of all requests.


class Hits(NamedTuple):
    """What was found: for each request who is open to it, all that match, and those that match but serve elsewhere."""

    tops: I64
    #: (request, list, place, (score in grains, tie, number, partner)), the best first.
    counts: I64
    #: (request, list).
    seen: I64
    #: By request: bits of why matching profiles could not have it (complete when nobody could), postings and rows read.
    room: int
    #: Places of a list.
    matched: I64
    #: (request, place in the first list, word): a bit for each term of the request, in the order of `Queries.terms`,
    #: that the profile there has with a weight above zero.
    span: int
    #: Words of these bits; 0 when nobody asked for them.
