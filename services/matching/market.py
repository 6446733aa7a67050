"""Who offers what, where? The inverted index of one country's profiles: from terms and places to profile numbers.

Plain dicts and sets. Numbers are those of the matcher; who serves several countries stands in several markets.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from math import log
from typing import TypeVar

from services.core.partner import RoutableProfile
from services.core.rfi import Place
from services.matching.asked import Asked, Source, industry_key
from services.matching.keywords import LANGUAGES, phrase, primary_tag, weak_stems
from services.matching.regions import ParentOf, PlaceKey, Reach, containing, flat, key_of, reach_of

K = TypeVar("K")

#: Longest phrase looked for in free texts, in stems.
LONGEST = 6
#: Points (millionths of a score) for working in the language of the RFI.
LANGUAGE_POINTS = 50_000
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


@dataclass(frozen=True, slots=True)
class Term:
    """A term of an RFI as this market weighs it, and who offers it."""

    key: str
    words: str
    source: Source
    weight: float
    offered_by: AbstractSet[int]


def offer_of(profile: RoutableProfile, parent_of: ParentOf = flat) -> Offer:
    """Read a profile; without served places it serves its country."""
    serves = profile.serves or (Place(country=profile.country),)
    texts = (*profile.keywords, *profile.products, *profile.services)
    return Offer(
        profile=profile,
        serves=tuple(dict.fromkeys(key_of(place, parent_of) for place in serves)),
        phrases={lang: {p: t for t in reversed(texts) if (p := phrase(t, lang))} for lang in LANGUAGES},
        industries={k: i for i in reversed(profile.industries) if (k := industry_key(i))},
        speaks=frozenset(primary_tag(tag) for tag in profile.languages),
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
            self._industries.setdefault(each, set()).add(number)
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
            _drop(self._industries, each, number)
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
        found: dict[int, int] = dict.fromkeys(self._wider[within] if within else (), Reach.WITHIN.points)
        # Widest first: the narrowest place of a profile has the last word.
        for key in sorted(served, key=lambda k: reach_of(k).points):
            found.update(dict.fromkeys(self._places[key], reach_of(key).points))
        for speakers in (self._speakers.get(tag, set()), self._speakers.get("", set())):
            for number in speakers & found.keys():
                found[number] += LANGUAGE_POINTS
        self._areas[within, served, tag] = found
        if len(self._areas) > AREAS_KEPT:
            self._areas.popitem(last=False)
        return found

    def terms(self, asked: Asked) -> tuple[Term, ...]:
        """What is asked, each term once and where it earns most; what was named outright stays if nobody offers it."""
        offers = self._offers[asked.language]
        found = {s.key: self._term(s.key, s.words, s.source, offers.get(s.key)) for s in asked.offers}
        industries = [self._term(s.key, s.words, s.source, self._industries.get(s.key)) for s in asked.industries]
        reach, weak = self._reach[asked.language], weak_stems(asked.language)
        for source, runs in asked.texts:
            for run in runs:
                for start, head in enumerate(run):
                    for length in range(1, min(reach.get(head, 0), len(run) - start) + 1):
                        each = head if length == 1 else " ".join(run[start : start + length])
                        if each in found or each not in offers or (length == 1 and head in weak):
                            continue
                        found[each] = self._term(each, each, source, offers[each])
        return (*found.values(), *industries)

    def _term(self, key: str, words: str, source: Source, offered_by: set[int] | None) -> Term:
        holders: AbstractSet[int] = offered_by or frozenset()
        # The rarer an offer is in this country, the more it tells.
        weight = log(1 + len(self.members) / max(1, len(holders))) * source.share
        return Term(key, words, source, weight, holders)


def _places_in(offer: Offer, country: str) -> list[PlaceKey]:
    return [place for place in offer.serves if place[0] == country]


def _drop(index: dict[K, set[int]], key: K, number: int) -> None:
    holders = index.get(key)
    if holders is not None:
        holders.discard(number)
        if not holders:
            del index[key]
