"""What does the index answer to one RFI?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from services.matching.index.layout import I64, Hits

#: A profile's number and its score in grains.
Entry = tuple[int, int]


class Found(NamedTuple):
    """What the index answers to one RFI: profiles, the best first, one for each partner."""

    open: list[Entry]
    #: Who can have it.
    any: list[Entry]
    #: All that match.
    outside: list[Entry]
    #: Those that match but serve elsewhere; sought only when few come near.
    why: int
    #: Bits of why matching profiles could not have it; complete when nobody could.
    matched: Sequence[int] = ()
    #: For each that can have it, if asked for: a bit for each term of the request that it has, in packed order.


def found_in(hits: Hits) -> Iterator[Found]:
    """The answers to each request, without the empty places of the lists."""
    filled = np.arange(hits.tops.shape[2]) < hits.counts[:, :, None]
    matched = _numbers(hits.matched[filled[:, 0]]) if hits.span else []
    lines = hits.tops[filled]
    entries = list(zip(lines[:, 2].tolist(), lines[:, 0].tolist(), strict=True))
    at = told = 0
    for (open_, any_, outside), why in zip(hits.counts.tolist(), hits.seen[:, 0].tolist(), strict=True):
        first, second, end = at + open_, at + open_ + any_, at + open_ + any_ + outside
        bits = matched[told : told + open_]
        yield Found(entries[at:first], entries[first:second], entries[second:end], why, bits)
        at, told = end, told + open_


def _numbers(bits: I64) -> list[int]:
    """Of each line its bits as one number, however many words they take."""
    words = bits.view(np.uint64)
    numbers: list[int] = words[:, 0].tolist()
    for n in range(1, words.shape[1]):
        numbers = [number | word << 64 * n for number, word in zip(numbers, words[:, n].tolist(), strict=True)]
    return numbers
