"""By which signs is an RFI like earlier ones? The terms that a profile learns from outcomes and is later found by.

A learned term is written `kind:what`: `w:cloud` a stem, `p:cloud migrat` two stems side by side, `c:cpv:722` a
classification at one level, `b:` the customer (hashed: names stay out of statistics), `r:ES-AN` a place, `v:17` a
budget. An RFI's own words never leave it but as stems.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from hashlib import blake2b
from math import log2

from services.core.rfi import Money, Need, Place, Rfi
from services.matching.keywords import Segments, fold, language_of, segments


class Kind(Enum):
    """What a learned term is about; the number is what it counts beside the others in a score."""

    WORD = "w", 1.0
    PAIR = "p", 1.0
    CODE = "c", 1.0
    BUYER = "b", 1.0
    PLACE = "r", 1.0
    BUDGET = "v", 1.0

    def __init__(self, letter: str, share: float) -> None:
        self.letter, self.share = letter, share


@dataclass(frozen=True, slots=True)
class Signal:
    """One sign of an RFI: the learned term it is found by, and its weight there (the term's rarity comes on top)."""

    key: str
    kind: Kind
    weight: float


#: A code as publishers write it: `cpv:72267000`, `UNSPSC 43230000`.
_CODE = re.compile(r"^([A-Za-z][A-Za-z-]{1,24})[: ]\s*([0-9]{2,10}|[A-Za-z0-9_-]{2,40})$")
#: Texts count by where they stand; a description is long and tells less.
_TITLE, _NAMED, _DESCRIPTION = 1.0, 1.0, 0.5


def signals(rfi: Rfi) -> tuple[Signal, ...]:
    """The signs of an RFI, each once, in the order of their kinds."""
    need, language = rfi.need, language_of(rfi.language)
    found: Counter[tuple[Kind, str]] = Counter()
    for share, text in _texts(need):
        for kind, what in _words(segments(text, language)):
            found[kind, what] += share  # type: ignore[assignment]  # a Counter of floats
    for code in _codes(need):
        found[Kind.CODE, code] = 1
    for sign in _buyer(rfi.customer.company, language):
        found[Kind.BUYER, sign] = 1
    for place in _places(need.place):
        found[Kind.PLACE, place] = 1
    for band in _bands(need.budget):
        found[Kind.BUDGET, band] = 1
    return tuple(Signal(f"{kind.letter}:{what}", kind, _weight(kind, n)) for (kind, what), n in found.items())


def is_code(text: str) -> bool:
    """True for a classification code, which says nothing as words."""
    return _CODE.match(text) is not None


def _weight(kind: Kind, count: float) -> float:
    # A word said four times is not four times as telling.
    return kind.share * (1 + log2(count) / 2 if count > 1 else count)


def _texts(need: Need) -> Iterator[tuple[float, str]]:
    yield _TITLE, need.title
    yield _DESCRIPTION, need.description
    for text in (*need.keywords, *need.products, *need.services, *need.industries):
        if not is_code(text):
            yield _NAMED, text


def _words(runs: Segments) -> Iterator[tuple[Kind, str]]:
    for run in runs:
        yield from ((Kind.WORD, stem) for stem in run)
        yield from ((Kind.PAIR, f"{one} {two}") for one, two in zip(run, run[1:], strict=False))


def _codes(need: Need) -> Iterator[str]:
    for text in (*need.industries, *need.services, *need.products, *need.keywords):
        if match := _CODE.match(text):
            scheme, code = match[1].lower(), match[2].lower()
            yield from (f"{scheme}:{level}" for level in levels(code))


def levels(code: str) -> list[str]:
    """A code with everything above it, widest first: 72, 722, 7226 and so on of 72260000, without empty levels."""
    if not code.isdigit():
        return [code]
    bare = code.rstrip("0")
    return [code[:2], *(bare[:n] for n in range(3, len(bare) + 1))]


def _buyer(company: str, language: str) -> Iterator[str]:
    runs = segments(company, language)
    yield _hashed(" ".join(fold(company).split()))
    for run in runs:
        yield from (_hashed(what) for _, what in _words((run,)))


def _hashed(name: str) -> str:
    return blake2b(name.encode(), digest_size=6).hexdigest()


def _places(place: Place) -> Iterator[str]:
    if place.subdivision:
        yield place.subdivision
    if place.city:
        yield f"{place.country} {' '.join(fold(place.city).split())}"


def _bands(budget: Money | None) -> Iterator[str]:
    """The power of two that an amount lies in, and its neighbours' shared bands: near amounts share one at least."""
    if budget is not None and budget.amount > 0:
        power = log2(float(budget.amount))
        yield f"{budget.currency} {int(power)}"
        yield f"{budget.currency} {int(power / 2)}/4"
        yield f"{budget.currency} {int((power + 1) / 2)}/4+"
