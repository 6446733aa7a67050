"""Which numbers stand for what a profile declares? Each text and place is read once, however many profiles say it.

In a network of a million profiles the same words come again and again: what a text means is remembered, so that taking
a profile in costs a look for each of its texts.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter
from sys import byteorder
from typing import TypeVar

from services.core.partner import RoutableProfile
from services.core.rfi import Place
from services.matching.asked import industry_key
from services.matching.keywords import offered_once
from services.matching.reasons import served_reason
from services.matching.regions import ParentOf, PlaceKey, key_of, verdict
from services.matching.terms import INDUSTRIES, LONGEST
from services.matching.vocabulary import Gazetteer, Vocabulary, phrase_name

K = TypeVar("K")
V = TypeVar("V")

#: Texts, and places, that stay read; beyond that they are read anew.
TEXTS_KEPT, PLACES_KEPT = 500_000, 200_000
#: Places asked for that stay compared, each with so many served ones.
ASKED_KEPT, SERVED_KEPT = 1_000, 500

#: The parts of a place: comparing texts takes less than comparing places.
_Parts = tuple[str, str | None, str | None, str | None]
#: How narrowly a served place reaches the one asked for, which it is, and the reason that says so.
_Reached = tuple[int, PlaceKey, str]
_parts_of: Callable[[Place], _Parts] = attrgetter("country", "subdivision", "city", "postal_code")


class Remembered(dict[K, V]):
    """What was made of each key so far; what is asked for the first time is made then.

    Args:
        make: makes the value of a key.
        most: keys that are kept; one more, and all are forgotten.
    """

    def __init__(self, make: Callable[[K], V], most: int) -> None:
        super().__init__()
        self._make, self._most = make, most

    def __missing__(self, key: K) -> V:
        if len(self) >= self._most:
            self.clear()
        value = self[key] = self._make(key)
        return value


class Declared:
    """Reads texts and places of profiles.

    Args:
        vocabulary: gives the numbers of terms.
        gazetteer: gives the numbers of places and markets.
        parent_of: which subdivision lies in which.
    """

    def __init__(self, vocabulary: Vocabulary, gazetteer: Gazetteer, parent_of: ParentOf) -> None:
        self._vocabulary, self._gazetteer, self._parent_of = vocabulary, gazetteer, parent_of
        # A profile's numbers are joined many times a second: as bytes they need not be looked at one by one.
        self._texts: Remembered[str, bytes] = Remembered(self._read, TEXTS_KEPT)
        self._industries: Remembered[str, bytes] = Remembered(self._read_industry, TEXTS_KEPT)
        self._places: Remembered[_Parts, tuple[int, int]] = Remembered(self._read_place, PLACES_KEPT)
        self._reaches = Remembered(self._reaching, ASKED_KEPT)

    def text(self, text: str) -> bytes:
        """Numbers of the terms that a keyword, product or service stands for, as words of 32 bits."""
        return self._texts[text]

    def industry(self, text: str) -> bytes:
        """The same of an industry."""
        return self._industries[text]

    def place(self, country: str, subdivision: str = "", city: str = "", postal_code: str = "") -> tuple[int, int]:
        """The number of a served place, and that of its market."""
        return self._places[country, subdivision or None, city or None, postal_code or None]

    def terms(self, profile: RoutableProfile) -> bytes:
        """Numbers of all that a profile declares, as words of 32 bits; what it says twice may stand there twice."""
        text, industry = self._texts.__getitem__, self._industries.__getitem__
        said = (*map(text, profile.keywords), *map(text, profile.products), *map(text, profile.services))
        return b"".join((*said, *map(industry, profile.industries)) if profile.industries else said)

    def own_words(self, profile: RoutableProfile, number: int, *, industry: bool) -> str:
        """The first text of a profile that means this term, which it declares."""
        if industry:
            return _first(profile.industries, self._industries, number)
        return _first((*profile.keywords, *profile.products, *profile.services), self._texts, number)

    def region_reason(self, profile: RoutableProfile, asked: PlaceKey) -> str:
        """The verdict on the region of a profile that reaches the place asked for."""
        reaches = map(self._reaches[asked].__getitem__, map(_parts_of, _served_by(profile)))
        return max(filter(None, reaches))[2]

    def regions(self, profile: RoutableProfile) -> dict[int, int]:
        """Numbers of the places that a profile serves, each with that of its market; its country if it names none."""
        return dict(map(self._places.__getitem__, map(_parts_of, _served_by(profile))))

    def _reaching(self, asked: PlaceKey) -> Remembered[_Parts, _Reached | None]:
        """How served places reach the one asked for."""

        def reached(parts: _Parts) -> _Reached | None:
            if (found := verdict([self._gazetteer.place(self._places[parts][0])], asked)) is None:
                return None
            return found[0].points, found[1], served_reason(*found, asked)

        return Remembered(reached, SERVED_KEPT)

    def _read(self, text: str) -> bytes:
        numbers = array("I")
        for language, key in offered_once(text):
            self._vocabulary.note(phrase_name(language, key.partition(" ")[0]), min(key.count(" ") + 1, LONGEST))
            numbers.append(self._vocabulary.intern(phrase_name(language, key)))
        return numbers.tobytes()

    def _read_industry(self, text: str) -> bytes:
        key = industry_key(text)
        return array("I", [self._vocabulary.intern(phrase_name(INDUSTRIES, key))] if key else ()).tobytes()

    def _read_place(self, parts: _Parts) -> tuple[int, int]:
        country, subdivision, city, postal_code = parts
        place = Place(country=country, subdivision=subdivision, city=city, postal_code=postal_code)
        return self._gazetteer.intern(key_of(place, self._parent_of)), self._gazetteer.market(country)


def _served_by(profile: RoutableProfile) -> Sequence[Place]:
    """Without served places it serves its country."""
    return profile.serves or (Place(country=profile.country),)


def _first(texts: Iterable[str], known: Mapping[str, bytes], number: int) -> str:
    wanted = number.to_bytes(4, byteorder)
    for text in texts:
        # The bytes of a number may also stand across two others.
        if wanted in known[text] and number in memoryview(known[text]).cast("I"):
            return text
    raise LookupError(number)
