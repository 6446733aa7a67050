"""Which numbers stand for what a profile declares? Each text is read once, however many profiles say it.

In a network of a million profiles the same words come again and again: what a text means is remembered, so that taking
a profile in costs a look for each of its texts.
"""

from __future__ import annotations

from services.core.partner import RoutableProfile
from services.core.rfi import Place
from services.matching.asked import industry_key
from services.matching.keywords import LANGUAGES, offered
from services.matching.regions import ParentOf, PlaceKey, key_of
from services.matching.terms import INDUSTRIES, LONGEST
from services.matching.vocabulary import Vocabulary, phrase_name

#: Texts, and places, that stay read; beyond that they are read anew.
TEXTS_KEPT, PLACES_KEPT = 500_000, 200_000


class Declared:
    """Reads texts and places of profiles.

    Args:
        vocabulary: gives the numbers.
        parent_of: which subdivision lies in which.
    """

    def __init__(self, vocabulary: Vocabulary, parent_of: ParentOf) -> None:
        self._vocabulary, self._parent_of = vocabulary, parent_of
        self._texts: dict[str, tuple[int, ...]] = {}
        self._industries: dict[str, tuple[int, ...]] = {}
        self._places: dict[Place, PlaceKey] = {}

    def terms(self, profile: RoutableProfile) -> set[int]:
        """Numbers of all that a profile declares: keywords, products, services and industries."""
        found: set[int] = set()
        known = self._texts
        for text in (*profile.keywords, *profile.products, *profile.services):
            numbers = known.get(text)
            found.update(self._read(text) if numbers is None else numbers)
        known = self._industries
        for text in profile.industries:
            numbers = known.get(text)
            found.update(self._read_industry(text) if numbers is None else numbers)
        return found

    def serves(self, profile: RoutableProfile) -> tuple[PlaceKey, ...]:
        """The places that a profile serves, each once; its country if it names none."""
        found: dict[PlaceKey, None] = {}
        known = self._places
        for place in profile.serves or (Place(country=profile.country),):
            key = known.get(place)
            found[self._read_place(place) if key is None else key] = None
        return tuple(found)

    def _read(self, text: str) -> tuple[int, ...]:
        if len(self._texts) >= TEXTS_KEPT:
            self._texts.clear()
        numbers: list[int] = []
        for language in LANGUAGES:
            for key in offered(text, language):
                self._vocabulary.note(phrase_name(language, key.partition(" ")[0]), min(key.count(" ") + 1, LONGEST))
                numbers.append(self._vocabulary.intern(phrase_name(language, key)))
        found = self._texts[text] = tuple(numbers)
        return found

    def _read_industry(self, text: str) -> tuple[int, ...]:
        if len(self._industries) >= TEXTS_KEPT:
            self._industries.clear()
        key = industry_key(text)
        found = self._industries[text] = (self._vocabulary.intern(phrase_name(INDUSTRIES, key)),) if key else ()
        return found

    def _read_place(self, place: Place) -> PlaceKey:
        if len(self._places) >= PLACES_KEPT:
            self._places.clear()
        found = self._places[place] = key_of(place, self._parent_of)
        return found
