"""Does a profile serve the place of an RFI, and how closely is it meant?

A served place is the whole of what it names. An RFI that names less than the served place (only the country, where the
profile serves a province of it) may lie there: it matches with the lowest score. Anything else is outside.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum
from functools import lru_cache

from services.core.partner import Office
from services.core.rfi import Place
from services.router.keywords import fold

#: (country, subdivision, folded city, folded postal code); "" where nothing is named.
PlaceKey = tuple[str, str, str, str]


class Reach(Enum):
    """How narrowly a profile serves the place of an RFI; the number is its points, in millionths of a score."""

    LOCAL = 100_000
    SUBDIVISION = 75_000
    COUNTRY = 50_000
    WITHIN = 25_000
    #: The profile serves a part of what the RFI names.

    @property
    def points(self) -> int:
        """The points."""
        return self.value


def key_of(place: Place) -> PlaceKey:
    """The place for comparing."""
    return (
        place.country,
        (place.subdivision or "").upper(),
        " ".join(fold(place.city or "").split()),
        "".join(fold(place.postal_code or "").split()),
    )


def name_of(key: PlaceKey) -> str:
    """The place for people: its narrowest code and what is named below it."""
    country, subdivision, city, postal = key
    return " ".join(part for part in (subdivision or country, city, postal) if part)


@lru_cache(maxsize=10_000)
def containing(key: PlaceKey) -> frozenset[PlaceKey]:
    """Every place that could be served and wholly contains this one; itself among them."""
    return frozenset(_containing(key))


def _containing(key: PlaceKey) -> Iterator[PlaceKey]:
    country, subdivision, city, postal = key
    subdivisions = (subdivision, "") if subdivision else ("",)
    prefixes = [postal[:n] for n in range(len(postal), 0, -1)]
    for code in prefixes:
        yield from ((country, s, c, code) for c in ((city, "") if city else ("",)) for s in subdivisions)
    if city:
        yield from ((country, s, city, "") for s in subdivisions)
    yield from ((country, s, "", "") for s in subdivisions)


def reach_of(served: PlaceKey) -> Reach:
    """How narrow a served place is that contains the RFI's."""
    if served[2] or served[3]:
        return Reach.LOCAL
    return Reach.SUBDIVISION if served[1] else Reach.COUNTRY


def verdict(serves: Sequence[PlaceKey], asked: PlaceKey) -> tuple[Reach, PlaceKey] | None:
    """How a profile with these served places reaches the asked one, and through which of them; None when outside."""
    wider = containing(asked)
    best: tuple[Reach, PlaceKey] | None = None
    for served in serves:
        if served in wider:
            reach = reach_of(served)
        elif asked in containing(served):
            reach = Reach.WITHIN
        else:
            continue
        if best is None or (reach.points, served) > (best[0].points, best[1]):
            best = reach, served
    return best


def nearest(offices: Sequence[Office], asked: PlaceKey) -> Office:
    """The office for a place: same city, else same subdivision, else same country, else the first."""

    def distance(office: Office) -> int:
        country, subdivision, city, _ = key_of(office.place)
        if country != asked[0]:
            return 3
        same_subdivision = bool(subdivision) and subdivision == asked[1]
        if city and city == asked[2] and (same_subdivision or not (subdivision and asked[1])):
            return 0
        return 1 if same_subdivision else 2

    return min(offices, key=distance)
