"""Who offers what, where? The inverted index of one country's profiles: from terms and places to profile numbers.

Plain dicts and sets. Numbers are those of the matcher; who serves several countries stands in several markets.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import TypeVar

from services.core.partner import RoutableProfile
from services.core.rfi import Place
from services.core.standing import Standing
from services.matching.asked import industry_key
from services.matching.distance import Point, points_of
from services.matching.keywords import LANGUAGES, offered, primary_tag
from services.matching.regions import ParentOf, PlaceKey, Reach, containing, flat, key_of, reach_of
from services.matching.terms import INDUSTRIES, LONGEST
from services.matching.weights import DEFAULT_WEIGHTS, Weights

K = TypeVar("K")

#: A score in whole numbers counts grains: hundredths of a point, because weights are hundredths.
GRAINS = 100
#: Areas remembered; each names all profiles of a country that reach a place.
AREAS_KEPT = 64


@dataclass(frozen=True, slots=True)
class Offer:
    """A profile, read by the matcher."""

    profile: RoutableProfile
    serves: tuple[PlaceKey, ...]
    phrases: Mapping[str, Mapping[str, str]]
    #: By language: keywords, products and services as phrases of stems, with the partner's words for each.
    industries: Mapping[str, str]
    speaks: frozenset[str]
    #: Primary language tags; empty means any.
    learned: Mapping[str, int] = field(default_factory=dict)
    #: Signs of RFIs with their weights in hundredths, from -100 to 100.
    points: tuple[Point, ...] = ()
    #: Of the offices whose coordinates are known.
    adjust: int = 0
    #: Grains added to every score: for how well it does with what it gets.


def offer_of(
    profile: RoutableProfile,
    parent_of: ParentOf = flat,
    standing: Standing | None = None,
    weights: Weights = DEFAULT_WEIGHTS,
) -> Offer:
    """Read a profile and what it has learned; without served places it serves its country."""
    serves = profile.serves or (Place(country=profile.country),)
    texts = (*profile.keywords, *profile.products, *profile.services)
    return Offer(
        profile=profile,
        serves=tuple(dict.fromkeys(key_of(place, parent_of) for place in serves)),
        phrases={lang: {key: t for t in reversed(texts) for key in offered(t, lang)} for lang in LANGUAGES},
        industries={k: i for i in reversed(profile.industries) if (k := industry_key(i))},
        speaks=frozenset(primary_tag(tag) for tag in profile.languages),
        learned=learned_of(standing) if standing is not None else {},
        points=points_of(profile.locations),
        adjust=adjusted(standing, weights) if standing is not None else 0,
    )


def learned_of(standing: Standing) -> dict[str, int]:
    """The learned signs with their weights in hundredths; what rounds to nothing is left out."""
    weights = {key: max(-100, min(100, round(weight * 100))) for key, weight in standing.terms.items()}
    return {key: weight for key, weight in weights.items() if weight}


def adjusted(standing: Standing, weights: Weights = DEFAULT_WEIGHTS) -> int:
    """Grains for how well a profile does with what it gets; a prior of a half, as without a past, earns none."""
    grains, step = round((standing.prior - 0.5) * 2 * weights.past * GRAINS), weights.even * GRAINS
    return (grains + step // 2) // step * step if step else grains


class Market:
    """The active profiles that serve some place of one country."""

    def __init__(self, weights: Weights = DEFAULT_WEIGHTS) -> None:
        self._weights = weights
        self.members: set[int] = set()
        self._offers: dict[str, dict[str, set[int]]] = {lang: {} for lang in LANGUAGES}
        self._reach: dict[str, dict[str, int]] = {lang: {} for lang in LANGUAGES}
        #: By language and first stem: the most stems that a phrase beginning so has.
        self._offers[INDUSTRIES] = {}
        self._learned: dict[str, dict[int, int]] = {}
        self._learners = 0
        self._places: dict[PlaceKey, set[int]] = {}
        self._wider: dict[PlaceKey, set[int]] = {}
        self._speakers: dict[str, set[int]] = {}
        self._areas: OrderedDict[tuple[PlaceKey | None, frozenset[PlaceKey], str], dict[int, int]] = OrderedDict()

    def add(self, number: int, offer: Offer, country: str) -> None:
        """Take a profile in."""
        self.members.add(number)
        self._areas.clear()
        for lang, phrases in offer.phrases.items():
            for each in phrases:
                self._offers[lang].setdefault(each, set()).add(number)
                head, length = each.partition(" ")[0], min(each.count(" ") + 1, LONGEST)
                self._reach[lang][head] = max(length, self._reach[lang].get(head, 0))
        for each in offer.industries:
            self._offers[INDUSTRIES].setdefault(each, set()).add(number)
        for each, weight in offer.learned.items():
            self._learned.setdefault(each, {})[number] = weight
        self._learners += bool(offer.learned)
        for tag in offer.speaks or ("",):
            self._speakers.setdefault(tag, set()).add(number)
        for place in _places_in(offer, country):
            self._places.setdefault(place, set()).add(number)
            for wider in containing(place):
                self._wider.setdefault(wider, set()).add(number)

    def remove(self, number: int, offer: Offer, country: str) -> None:
        """Take a profile out; the offer is the one it was added with."""
        self.members.discard(number)
        self._areas.clear()
        for lang, phrases in offer.phrases.items():
            for each in phrases:
                _drop(self._offers[lang], each, number)
        for each in offer.industries:
            _drop(self._offers[INDUSTRIES], each, number)
        for each in offer.learned:
            self._learned[each].pop(number)
        self._learners -= bool(offer.learned)
        for tag in offer.speaks or ("",):
            _drop(self._speakers, tag, number)
        for place in _places_in(offer, country):
            _drop(self._places, place, number)
            for wider in containing(place):
                _drop(self._wider, wider, number)

    def area(self, asked: PlaceKey, tag: str) -> Mapping[int, int]:
        """The profiles that reach a place, with the points they get for that and for working in a language.

        `tag` is a primary language tag.
        """
        # Requests come from thousands of places, and few of those are told apart by what anybody serves.
        served = frozenset(key for key in containing(asked) if key in self._places)
        within = asked if asked in self._wider else None
        if (known := self._areas.get((within, served, tag))) is not None:
            self._areas.move_to_end((within, served, tag))
            return known
        reach = self._weights.reach
        found: dict[int, int] = dict.fromkeys(self._wider[within] if within else (), reach[Reach.WITHIN])
        # The lowest points first: of the places of a profile the one that earns most has the last word.
        for key in sorted(served, key=lambda k: reach[reach_of(k)]):
            found.update(dict.fromkeys(self._places[key], reach[reach_of(key)]))
        for speakers in (self._speakers.get(tag, set()), self._speakers.get("", set())):
            for number in speakers & found.keys():
                found[number] += self._weights.language
        self._areas[within, served, tag] = found
        if len(self._areas) > AREAS_KEPT:
            self._areas.popitem(last=False)
        return found

    def size(self) -> int:
        """How many profiles there are."""
        return len(self.members)

    def offered(self, language: str, key: str) -> int:
        """How many offer a phrase, or an industry."""
        return len(self._offers[language].get(key, ()))

    def longest(self, language: str, head: str) -> int:
        """The most stems of a phrase that begins so; may be more than are offered by now."""
        return self._reach[language].get(head, 0)

    def learned(self, key: str) -> int:
        """How many have learned a sign; of no sign, how many have learned anything."""
        return sum(weight > 0 for weight in self._learned.get(key, {}).values()) if key else self._learners

    def offerers(self, language: str, key: str) -> AbstractSet[int]:
        """Who offers a phrase, or an industry."""
        return self._offers[language].get(key, frozenset())

    def learners(self, key: str) -> Mapping[int, int]:
        """Who has learned a sign, with its weight in hundredths."""
        return self._learned.get(key, {})


def _places_in(offer: Offer, country: str) -> list[PlaceKey]:
    return [place for place in offer.serves if place[0] == country]


def _drop(index: dict[K, set[int]], key: K, number: int) -> None:
    holders = index.get(key)
    if holders is not None:
        holders.discard(number)
        if not holders:
            del index[key]
