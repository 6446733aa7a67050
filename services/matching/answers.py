"""What is asked of the index for one RFI, and what comes back?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from services.core.rfi import Rfi
from services.matching.asked import Asked
from services.matching.index.layout import Hits
from services.matching.terms import Wanted
from services.matching.vocabulary import Around

#: A profile's number and its score in grains.
Entry = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Reading:
    """An RFI, ready to be asked of the index."""

    rfi: Rfi
    asked: Asked
    tag: str
    #: The RFI's primary language tag.
    wanted: Wanted
    around: Around


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


def found_in(hits: Hits) -> Iterator[Found]:
    """The answers to each request, without the empty places of the lists."""
    filled = np.arange(hits.tops.shape[2]) < hits.counts[:, :, None]
    lines = hits.tops[filled]
    entries = list(zip(lines[:, 2].tolist(), lines[:, 0].tolist(), strict=True))
    at = 0
    for (open_, any_, outside), why in zip(hits.counts.tolist(), hits.seen[:, 0].tolist(), strict=True):
        first, second, end = at + open_, at + open_ + any_, at + open_ + any_ + outside
        yield Found(entries[at:first], entries[first:second], entries[second:end], why)
        at = end
