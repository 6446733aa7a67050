"""How well does each profile of a market fit an RFI, and in which order do they come?

    score = 0.85 * (weight of the matched terms / weight of all terms asked) + 0.10 * region + 0.05 * language

Counted in millionths, as whole numbers: equal is equal, whatever the order of adding. Equals are ordered by a hash of
(RFI, profile), so that over many RFIs equal partners get equal shares.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from hashlib import blake2b
from math import fsum

from services.matching.asked import Asked, Source
from services.matching.market import Market, Term

#: Points for offering all that is asked; region and language give the rest of ONE.
FIT_POINTS, ONE = 850_000, 1_000_000

_NAMED = frozenset({Source.KEYWORD, Source.PRODUCT, Source.SERVICE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """An RFI against one market; everything is in points, by profile number."""

    asked: Asked
    tag: str
    #: The RFI's primary language tag.
    terms: tuple[Term, ...]
    area: Mapping[int, int]
    #: Who reaches the place: points for region and language.
    fits: Mapping[int, int]
    #: Who matches, wherever it serves: points for the terms.
    scores: Mapping[int, int]
    #: Who does both (everybody who reaches the place when nothing usable is asked).

    def outside(self) -> dict[int, int]:
        """Points of the profiles that match but don't reach the place."""
        return {number: fit for number, fit in self.fits.items() if number not in self.area}


def rank(market: Market, asked: Asked, tag: str) -> Ranking:
    """Score every profile of the market that an RFI could go to."""
    terms = market.terms(asked)
    area = market.area(asked.place, tag)
    fits = _fits(terms) if asked.usable else dict.fromkeys(area, 0)
    scores = {number: fit + area[number] for number, fit in fits.items() if number in area}
    return Ranking(asked=asked, tag=tag, terms=terms, area=area, fits=fits, scores=scores)


def score_of(ranking: Ranking, number: int) -> float:
    """The score of a profile from 0 to 1; outside the region what its terms earn."""
    return ranking.scores.get(number, ranking.fits.get(number, 0)) / ONE


def _fits(terms: tuple[Term, ...]) -> dict[int, int]:
    """The points that each profile gets for its terms; profiles without a match are left out.

    An industry says for whom, not what: it counts alone only when neither a keyword, a product nor a service is named.
    """
    scale = FIT_POINTS / (fsum(term.weight for term in terms) or 1.0)
    named = any(term.source in _NAMED for term in terms)
    fits: defaultdict[int, int] = defaultdict(int)
    for term in terms:
        points = round(term.weight * scale)
        holders: AbstractSet[int] = term.offered_by
        if named and term.source is Source.INDUSTRY:
            holders = holders & fits.keys()
        for number in holders:
            fits[number] += points
    return fits


def in_order(points: Mapping[int, int], tie: Callable[[int], bytes]) -> Iterator[int]:
    """The numbers by points, highest first; equals by `tie`, which is asked only where it matters."""
    order = sorted(points, key=points.__getitem__, reverse=True)
    start = 0
    while start < len(order):
        end = start + 1
        while end < len(order) and points[order[end]] == points[order[start]]:
            end += 1
        equals = order[start:end]
        if len(equals) > 1:
            equals.sort(key=tie)
        yield from equals
        start = end


def tie_break(rfi_id: str, profile_id: str) -> bytes:
    """Where a profile stands among its equals for one RFI."""
    return blake2b(f"{rfi_id}|{profile_id}".encode(), digest_size=8).digest()
