"""Does a profile serve the place of an RFI, and how closely is it meant?

A served place is the whole of what it names. An RFI that names less than the served place (only the country, where the
profile serves a province of it) may lie there: it matches with the lowest score. Anything else is outside.

Subdivisions lie in one another (a province in an autonomous community); which in which is data, and comes in as a port.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from functools import lru_cache
from itertools import takewhile

from services.core.partner import Office
from services.core.rfi import Place
from services.matching.keywords import fold

#: (country, subdivisions from wide to narrow as in `ES-AN/ES-SE`, folded city, folded postal code); "" where nothing is
#: named.
PlaceKey = tuple[str, str, str, str]

#: The subdivision that one lies in, both as ISO 3166-2 codes; None for the widest and for unknown ones.
ParentOf = Callable[[str], str | None]

_WITHIN = "/"


class Reach(Enum):
    """How narrowly a profile serves the place of an RFI; the number is its points, in millionths of a score."""

    LOCAL = 100_000
    PROVINCE = 85_000
    #: A subdivision that lies in another one.
    SUBDIVISION = 75_000
    COUNTRY = 50_000
    WITHIN = 25_000
    #: The profile serves a part of what the RFI names.

    @property
    def points(self) -> int:
        """The points."""
        return self.value


def flat(_subdivision: str) -> None:
    """A `ParentOf` that knows of no subdivision within another."""


def key_of(place: Place, parent_of: ParentOf = flat) -> PlaceKey:
    """The place for comparing."""
    return (
        place.country,
        _path((place.subdivision or "").upper(), parent_of),
        " ".join(fold(place.city or "").split()),
        "".join(fold(place.postal_code or "").split()),
    )


def _path(subdivision: str, parent_of: ParentOf) -> str:
    """The subdivision with all it lies in, widest first."""
    path = [subdivision]
    # A table that goes round in a circle would keep us here for ever.
    while (wider := parent_of(path[0])) and wider not in path:
        path.insert(0, wider)
    return _WITHIN.join(path)


def region_of(key: PlaceKey) -> str:
    """The narrowest ISO code of a place: of its subdivision, else of its country."""
    return key[1].rpartition(_WITHIN)[2] or key[0]


def name_of(key: PlaceKey) -> str:
    """The place for people: its narrowest code and what is named below it."""
    return " ".join(part for part in (region_of(key), key[2], key[3]) if part)


@lru_cache(maxsize=10_000)
def containing(key: PlaceKey) -> frozenset[PlaceKey]:
    """Every place that could be served and wholly contains this one; itself among them."""
    return frozenset(_containing(key))


def _containing(key: PlaceKey) -> Iterator[PlaceKey]:
    country, path, city, postal = key
    codes = path.split(_WITHIN) if path else []
    subdivisions = [_WITHIN.join(codes[:n]) for n in range(len(codes), -1, -1)]
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
    if _WITHIN in served[1]:
        return Reach.PROVINCE
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


def nearest(offices: Sequence[Office], asked: PlaceKey, parent_of: ParentOf = flat) -> Office:
    """The office for a place: same city, same subdivision, one around or within it, one beside it, same country, any.

    Beside it: both lie in one wider subdivision. Equals keep the order of the profile, which goes by importance.
    """
    if len(offices) == 1:
        return offices[0]

    def distance(office: Office) -> tuple[int, int]:
        country, path, city, _ = key_of(office.place, parent_of)
        if country != asked[0]:
            return 3, 0
        shared = _shared(path, asked[1])
        # One names the other's surroundings, or says nothing.
        agree = _WITHIN.join(shared) in {path, asked[1]}
        if city and city == asked[2] and agree:
            return 0, 0
        return (1, int(path != asked[1]) + int(not agree)) if shared else (2, 0)

    return min(offices, key=distance)


def _shared(one: str, other: str) -> list[str]:
    """The subdivisions that both paths begin with."""
    pairs = zip(one.split(_WITHIN), other.split(_WITHIN), strict=False)
    return [a for a, _ in takewhile(lambda pair: pair[0] and pair[0] == pair[1], pairs)]
