"""By which signs is an RFI like earlier ones? The terms that a profile learns from outcomes and is later found by.

A learned term is written `kind:what`: `w` a stem, `p` two stems side by side, `c` a classification at one level, `b`
the customer and `k` words of its name, `m` a city, all of them hashed (`hashed`): an RFI's own words may name somebody,
and what was learned from them outlives it. In clear are `r:ES-AN`, a subdivision, and `v:EUR 17`, a budget.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from hashlib import blake2b
from itertools import pairwise
from math import log2

from services.core.rfi import Customer, Money, Need, Place, Rfi
from services.matching.classification import code_of, levels
from services.matching.keywords import Segments, fold, language_of, segments


class Kind(Enum):
    """What a learned term is about; the number is what it counts beside the others in a score."""

    WORD = "w", 0.5
    PAIR = "p", 0.2
    CODE = "c", 0.8
    CUSTOMER = "b", 0.1
    CUSTOMER_WORD = "k", 0.4
    REGION = "r", 2.1
    CITY = "m", 0.3
    BUDGET = "v", 0.28

    def __init__(self, letter: str, share: float) -> None:
        self.letter, self.share = letter, share


@dataclass(frozen=True, slots=True)
class Signal:
    """One sign of an RFI: the learned term it is found by, and how strongly it is said there.

    What its kind counts and how rare it is comes on top, when it is asked for.
    """

    key: str
    kind: Kind
    weight: float


#: Kinds whose signs name nobody: codes and rounded numbers.
IN_CLEAR = frozenset({Kind.REGION, Kind.BUDGET})

_DIGEST = 6
_HASHED = re.compile(rf"[0-9a-f]{{{2 * _DIGEST}}}")
_ONCE_IN_CLEAR = frozenset(kind.letter for kind in (Kind.WORD, Kind.PAIR, Kind.CODE, Kind.CITY))

#: Texts count by where they stand: a description is long and tells less, services are often labels of a catalogue.
_TITLE, _NAMED, _SERVICES, _DESCRIPTION = 1.0, 1.0, 0.5, 0.5


def signals(rfi: Rfi) -> tuple[Signal, ...]:
    """The signs of an RFI, each once, in the order of their kinds."""
    need, language = rfi.need, language_of(rfi.language)
    found: defaultdict[tuple[Kind, str], float] = defaultdict(float)
    for share, text in _texts(need):
        for kind, what in _words(segments(text, language)):
            found[kind, what] += share
    for code, share in _codes(need):
        found[Kind.CODE, code] = max(share, found[Kind.CODE, code])
    for kind, what in (*_customer(rfi.customer, language), *_places(need.place)):
        found[kind, what] = 1
    for band in _bands(need.budget):
        found[Kind.BUDGET, band] = 1
    return tuple(
        Signal(f"{kind.letter}:{what if kind in IN_CLEAR else hashed(what)}", kind, _weight(n))
        for (kind, what), n in found.items()
    )


def _weight(count: float) -> float:
    # A word said four times is not four times as telling.
    return 1 + log2(count) / 2 if count > 1 else count


def _texts(need: Need) -> Iterator[tuple[float, str]]:
    yield _TITLE, need.title
    yield _DESCRIPTION, need.description
    for share, texts in (
        (_NAMED, (*need.asked_keywords, *need.products, *need.industries)),
        (_SERVICES, need.services),
    ):
        yield from ((share, text) for text in texts if code_of(text) is None)


def _words(runs: Segments) -> Iterator[tuple[Kind, str]]:
    for run in runs:
        yield from ((Kind.WORD, stem) for stem in run)
        yield from ((Kind.PAIR, f"{one} {two}") for one, two in pairwise(run))


def _codes(need: Need) -> Iterator[tuple[str, float]]:
    for text in (*need.industries, *need.services, *need.products, *need.asked_keywords):
        if (code := code_of(text)) is not None:
            above = levels(code)
            yield from ((level, 1 / len(above)) for level in above)


def _customer(customer: Customer, language: str) -> Iterator[tuple[Kind, str]]:
    # What follows a comma is a unit or a legal form, and seldom says in words what the customer does.
    name, _, unit = customer.company.partition(",")
    for whole in (name, customer.company if unit else "", customer.website or ""):
        if folded := " ".join(fold(whole).split()):
            yield Kind.CUSTOMER, folded
    for _, what in _words(segments(name, language)):
        yield Kind.CUSTOMER_WORD, what


@lru_cache(maxsize=100_000)
def hashed(what: str) -> str:
    """What stands for a text in a learned term: nobody reads it, but whoever guesses the text can confirm it."""
    return blake2b(what.encode(), digest_size=_DIGEST).hexdigest()


def without_clear_words(key: str) -> str:
    """The learned term with its text hashed, as versions before 0.3 did not write it; others as they are."""
    letter, _, what = key.partition(":")
    clear = letter in _ONCE_IN_CLEAR and _HASHED.fullmatch(what) is None
    return f"{letter}:{hashed(what)}" if clear else key


def _places(place: Place) -> Iterator[tuple[Kind, str]]:
    if place.subdivision:
        yield Kind.REGION, place.subdivision
    if place.city:
        yield Kind.CITY, f"{place.country} {' '.join(fold(place.city).split())}"


def _bands(budget: Money | None) -> Iterator[str]:
    """The power of two that an amount lies in, and its neighbours' shared bands: near amounts share one at least."""
    if budget is not None and budget.amount > 0:
        power = log2(float(budget.amount))
        yield f"{budget.currency} {int(power)}"
        yield f"{budget.currency} {int(power / 2)}/4"
        yield f"{budget.currency} {int((power + 1) / 2)}/4+"
