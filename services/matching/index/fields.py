"""At which place in its table does a kernel find each array? The order of `layout`'s structures."""

from __future__ import annotations

from services.matching.index.layout import Hits, Index, Queries

(
    HOT,
    WORDS,
    POINT_AT,
    POINTS_OF,
    PLACED,
    CEILINGS,
    REGION_AT,
    REGION_COUNT,
    LIST_TERMS,
    LIST_AT,
    POSTINGS,
    FRESH_KEYS,
    FRESH_MASK,
    FRESH_HEADS,
    FRESH,
    STAMPS,
    PENDING,
) = range(len(Index._fields))

(
    TURNS,
    TERM_AT,
    TERMS,
    POINTS,
    ALONE,
    NEAR_AT,
    REGIONS,
    BONUS,
    WITHIN_AT,
    WITHIN,
    GROUP_AT,
    GROUPS,
    GROUP_TERMS,
    WITHOUT_AT,
    WITHOUT,
    MARKET,
    WITHIN_BONUS,
    SIZE,
    TONGUE,
    TONGUES,
    TONGUE_SETS,
    TONGUE_BONUS,
    TIE,
    CIRCLE,
    WANTED,
    MOST_WANTED,
    MOST_TERMS,
) = range(len(Queries._fields))

TOPS, COUNTS, SEEN, ROOM, MATCHED, SPAN = range(len(Hits._fields))

#: The state of a search, an array of its own: counts and floors of the three lists, why matching profiles could not
#: have it, postings and rows read, the request, its lists, its first term, how many terms; then the bit of each term,
#: and behind `LONGEST` of those what the terms from each one on earn at most, and behind as many the profiles that
#: wait for being scored.
COUNT, FLOOR, WHY, READ, SCORED, REQUEST, LISTS, FIRST, LENGTH, LONGEST, STEP, SINGLES, EXTRAS, COME, GONE, BITS = (
    0,
    3,
    6,
    7,
    8,
    9,
    10,
    11,
    12,
    13,
    14,
    15,
    16,
    17,
    18,
    19,
)
