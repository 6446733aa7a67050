"""Who offers what, where? The inverted index of one country's profiles: from terms and places to profile numbers.

Plain dicts and sets. Numbers are those of the matcher; a profile that serves several countries stands in several markets.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from math import log

from services.core.partner import RoutableProfile
from services.core.rfi import Place
from services.router.asked import Asked, Source, industry_key
from services.router.keywords import LANGUAGES, phrase, weak_stems
from services.router.regions import PlaceKey, Reach, containing, key_of, reach_of

#: Longest phrase looked for in free texts, in stems.
LONGEST = 6
#: Areas remembered; each names all profiles of a country that reach a place.
AREAS_KEPT = 64


@dataclass(frozen=True, slots=True)
class Offer:
    """A profile, read by the matcher."""

    profile: RoutableProfile
    serves: tuple[PlaceKey, ...]
    phrases: Mapping[str, frozenset[str]]
    #: By language: keywords, products and services as phrases of stems.
    industries: frozenset[str]


@dataclass(frozen=True, slots=True)
class Term:
    """A term of an RFI as this market weighs it, and who offers it."""

    words: str
    source: Source
    weight: float
    offered_by: frozenset[int] | set[int]


def offer_of(profile: RoutableProfile) -> Offer:
    """Read a profile; without served places it serves its country."""
    serves = profile.serves or (Place(country=profile.country),)
    texts = (*profile.keywords, *profile.products, *profile.services)
    return Offer(
        profile=profile,
        serves=tuple(dict.fromkeys(key_of(place) for place in serves)),
        phrases={lang: frozenset(p for t in texts if (p := phrase(t, lang))) for lang in LANGUAGES},
        industries=frozenset(k for i in profile.industries if (k := industry_key(i))),
    )


class Market:
    """The active profiles that serve some place of one country."""

    def __init__(self) -> None:
        self.members: set[int] = set()
        self._offers: dict[str, dict[str, set[int]]] = {lang: {} for lang in LANGUAGES}
        self._reach: dict[str, dict[str, int]] = {lang: {} for lang in LANGUAGES}
        #: By language and first stem: the most stems that a phrase beginning so has.
        self._industries: dict[str, set[int]] = {}
        self._places: dict[PlaceKey, set[int]] = {}
        self._wider: dict[PlaceKey, set[int]] = {}
        self._areas: OrderedDict[PlaceKey, dict[int, Reach]] = OrderedDict()

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
            self._industries.setdefault(each, set()).add(number)
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
            _drop(self._industries, each, number)
        for place in _places_in(offer, country):
            _drop(self._places, place, number)
            for wider in containing(place):
                _drop(self._wider, wider, number)

    def area(self, asked: PlaceKey) -> Mapping[int, Reach]:
        """The profiles that reach a place, and how narrowly."""
        if (known := self._areas.get(asked)) is not None:
            self._areas.move_to_end(asked)
            return known
        found: dict[int, Reach] = dict.fromkeys(self._wider.get(asked, ()), Reach.WITHIN)
        # Widest first: the narrowest place of a profile has the last word.
        for key in sorted(containing(asked), key=lambda k: reach_of(k).value):
            found.update(dict.fromkeys(self._places.get(key, ()), reach_of(key)))
        self._areas[asked] = found
        if len(self._areas) > AREAS_KEPT:
            self._areas.popitem(last=False)
        return found

    def terms(self, asked: Asked) -> tuple[Term, ...]:
        """What is asked, each term once and where it earns most; what nobody offers stays when it was named outright."""
        offers = self._offers[asked.language]
        found = {said.key: self._term(said.words, said.source, offers.get(said.key)) for said in asked.offers}
        industries = [self._term(s.words, s.source, self._industries.get(s.key)) for s in asked.industries]
        reach, weak = self._reach[asked.language], weak_stems(asked.language)
        for source, runs in asked.texts:
            for run in runs:
                for start, head in enumerate(run):
                    for length in range(1, min(reach.get(head, 0), len(run) - start) + 1):
                        each = head if length == 1 else " ".join(run[start : start + length])
                        if each in found or each not in offers or (length == 1 and head in weak):
                            continue
                        found[each] = self._term(each, source, offers[each])
        return (*found.values(), *industries)

    def _term(self, words: str, source: Source, offered_by: set[int] | None) -> Term:
        holders = offered_by or frozenset()
        # The rarer an offer is in this country, the more it tells.
        weight = log(1 + len(self.members) / max(1, len(holders))) * source.share
        return Term(words, source, weight, holders)


def _places_in(offer: Offer, country: str) -> list[PlaceKey]:
    return [place for place in offer.serves if place[0] == country]


def _drop(index: dict[str, set[int]] | dict[PlaceKey, set[int]], key: object, number: int) -> None:
    holders = index.get(key)  # type: ignore[call-overload]
    if holders is not None:
        holders.discard(number)
        if not holders:
            del index[key]  # type: ignore[arg-type]
