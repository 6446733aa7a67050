"""How well does each profile of a market fit an RFI, and in which order do they come?

    score = 0.85 * (weight of the matched terms / weight of all terms asked) + 0.10 * region + 0.05 * language
          + 0.30 * (weight of the learned signs, each as far as it was learned / weight of all signs) + 0.05 * past

The numbers are those of the default rules (`services.core.rules`). A past from -1 to 1 says how well a profile did with
what it got; the second line is nothing for a profile without one. Counted in grains (1e-8), as whole numbers: equal is
equal, whatever the order of adding. Equals are ordered by a hash of (RFI, profile), so that over many RFIs they
get equal shares.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

from services.core.rfi import Rfi
from services.matching.asked import Asked, Source
from services.matching.distance import too_far
from services.matching.market import GRAINS, Market, Offer
from services.matching.terms import Wanted, wanted_of
from services.matching.weights import DEFAULT_WEIGHTS, Weights

#: A whole weight in hundredths, and a whole score in grains.
WHOLE, ONE = 100, 100_000_000

#: Codes of `barred` that others ask for.
LEFT_OUT, TOO_FAR = "left_out", "too_far"

_MASK = (1 << 64) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """An RFI against one market, by profile number."""

    asked: Asked
    tag: str
    #: The RFI's primary language tag.
    wanted: Wanted
    area: Mapping[int, int]
    #: Who reaches the place: points for region and language.
    fits: Mapping[int, int]
    #: Who matches, wherever it serves: grains for the terms, the signs and the past.
    scores: Mapping[int, int]
    #: Who does both (everybody who reaches the place when nothing usable is asked), in grains.
    too_far: AbstractSet[int] = frozenset()
    #: Who would, but for the distance.

    def outside(self) -> dict[int, int]:
        """Grains of the profiles that match but don't reach the place."""
        return {number: fit for number, fit in self.fits.items() if number not in self.area}


def rank(
    rfi: Rfi,
    market: Market,
    asked: Asked,
    tag: str,
    *,
    offers: Sequence[Offer],
    weights: Weights = DEFAULT_WEIGHTS,
) -> Ranking:
    """Score every profile of the market that an RFI could go to."""
    wanted = wanted_of(rfi, asked, market, weights)
    area = market.area(asked.place, tag)
    found = _fits(market, asked, wanted) if asked.usable else dict.fromkeys(area, 0)
    bars = {n: bar for n in found if (bar := barred(offers[n], asked))} if asked.selective else dict[int, str]()
    fits = {number: fit + offers[number].adjust for number, fit in found.items() if number not in bars}
    scores = {number: fit + area[number] * GRAINS for number, fit in fits.items() if number in area}
    far = frozenset(number for number, bar in bars.items() if bar == TOO_FAR and number in area)
    return Ranking(asked=asked, tag=tag, wanted=wanted, area=area, fits=fits, scores=scores, too_far=far)


def score_of(ranking: Ranking, number: int) -> float:
    """The score of a profile, about 0 to 1; outside the region what its terms earn."""
    return ranking.scores.get(number, ranking.fits.get(number, 0)) / ONE


def _fits(market: Market, asked: Asked, wanted: Wanted) -> dict[int, int]:
    """The grains that each profile gets for its terms and signs; profiles without a match are left out."""
    fits: defaultdict[int, int] = defaultdict(int)
    matched: set[int] = set()
    for term, points in zip(wanted.terms, wanted.points, strict=True):
        holders = market.offerers(term.language(asked), term.key)
        for number in holders:
            fits[number] += points * WHOLE
        if wanted.alone(term):
            matched |= holders
    for sign, points in zip(wanted.signs, wanted.sign_points, strict=True):
        for number, weight in market.learners(sign.key).items():
            fits[number] += points * weight
            if sign.alone and weight > 0:
                matched.add(number)
    return {number: fits[number] for number in matched}


def barred(offer: Offer, asked: Asked) -> str | None:
    """The code of what keeps a profile from being asked, however well it fits; None if nothing does."""
    if not asked.selective:
        return None
    phrases, industries = offer.phrases[asked.language].keys(), offer.industries.keys()
    if offer.profile.partner_id in asked.excluded:
        return LEFT_OUT
    if not all(each.met(phrases, industries) for each in asked.demands):
        return "lacks_required"
    if any(each.met(phrases, industries) for each in asked.unwanted):
        return "offers_unwanted"
    return TOO_FAR if too_far(offer.points, asked.circle) else None


def fit_of(offer: Offer, asked: Asked, wanted: Wanted) -> int | None:
    """The grains that one profile gets for terms, signs and past, read from itself; None without a match."""
    if barred(offer, asked) is not None:
        return None
    grains, matches = offer.adjust, not asked.usable
    for term, points in zip(wanted.terms, wanted.points, strict=True):
        offered = offer.industries if term.source is Source.INDUSTRY else offer.phrases[asked.language]
        if term.key in offered:
            grains += points * WHOLE
            matches = matches or wanted.alone(term)
    for sign, points in zip(wanted.signs, wanted.sign_points, strict=True):
        weight = offer.learned.get(sign.key, 0)
        grains += points * weight
        matches = matches or (sign.alone and weight > 0)
    return grains if matches else None


def in_order(points: Mapping[int, int], tie: Callable[[int], int]) -> Iterator[int]:
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


@lru_cache(maxsize=100_000)
def tie_key(id_: str) -> int:
    """An id's part in the order of equals: 63 bits."""
    return int.from_bytes(blake2b(id_.encode(), digest_size=8).digest()) >> 1


def tie_break(rfi_id: str, profile_id: str) -> int:
    """Where a profile stands among its equals for one RFI: splitmix64 of both keys, as the index has it too."""
    x = tie_key(rfi_id) ^ tie_key(profile_id)
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 & _MASK
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB & _MASK
    return (x ^ (x >> 31)) >> 1
