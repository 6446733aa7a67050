"""How do words and places become numbers for the index, and how often is each offered in a country?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from services.matching.market import Offer
from services.matching.regions import PlaceKey, containing, reach_of
from services.matching.terms import INDUSTRIES, LONGEST
from services.matching.weights import DEFAULT_WEIGHTS, Weights

#: Places remembered with the regions around and within them.
PLACES_KEPT = 20_000


class Vocabulary:
    """Numbers of terms, from 1; they are never given up."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def intern(self, name: str) -> int:
        """The number of a name, a new one if need be."""
        return self._numbers.setdefault(name, len(self._numbers) + 1)

    def find(self, name: str) -> int:
        """The number of a name, 0 if nobody has it."""
        return self._numbers.get(name, 0)


def phrase_name(language: str, key: str) -> str:
    """The name of an offered phrase, or of an industry."""
    return f"{language}|{key}"


def sign_name(key: str) -> str:
    """The name of a learned sign; no language is called so."""
    return f"+|{key}"


class CountryLexicon:
    """Counts of what the profiles of one country offer and have learned; a `Lexicon`."""

    def __init__(self) -> None:
        self._members, self._learners = 0, 0
        self._counts: dict[str, int] = {}
        self._reach: dict[str, int] = {}

    def size(self) -> int:
        """How many profiles there are."""
        return self._members

    def offered(self, language: str, key: str) -> int:
        """How many offer a phrase, or an industry."""
        return self._counts.get(phrase_name(language, key), 0)

    def longest(self, language: str, head: str) -> int:
        """The most stems of a phrase that begins so; may be more than are offered by now."""
        return self._reach.get(phrase_name(language, head), 0)

    def learned(self, key: str) -> int:
        """How many have learned a sign; of no sign, how many have learned anything."""
        return self._counts.get(sign_name(key), 0) if key else self._learners

    def count(self, offer: Offer, by: int) -> None:
        """Take a profile in (`by` 1) or out (-1)."""
        self._members += by
        self._learners += by * bool(offer.learned)
        for name in offered_names(offer):
            self._add(name, by)
        for key, weight in offer.learned.items():
            if weight > 0:
                self._add(sign_name(key), by)
        if by > 0:
            self._note_lengths(offer)

    def _add(self, name: str, by: int) -> None:
        count = self._counts.get(name, 0) + by
        if count:
            self._counts[name] = count
        else:
            del self._counts[name]

    def _note_lengths(self, offer: Offer) -> None:
        for language, phrases in offer.phrases.items():
            for each in phrases:
                head, length = phrase_name(language, each.partition(" ")[0]), min(each.count(" ") + 1, LONGEST)
                if self._reach.get(head, 0) < length:
                    self._reach[head] = length


def offered_names(offer: Offer) -> list[str]:
    """Names of all that a profile declares."""
    names = [phrase_name(language, each) for language, phrases in offer.phrases.items() for each in phrases]
    return names + [phrase_name(INDUSTRIES, each) for each in offer.industries]


@dataclass(frozen=True, slots=True)
class Around:
    """Regions (numbers) that count for a place."""

    near: tuple[tuple[int, int], ...]
    #: With their points, the regions that contain it.
    within: tuple[int, ...]
    #: Regions that lie within it, ascending.


class Gazetteer:
    """Numbers of served places, and which of them are around or within a place that is asked for."""

    def __init__(self, weights: Weights = DEFAULT_WEIGHTS) -> None:
        self._weights = weights
        self._numbers: dict[PlaceKey | str, int] = {}
        self._served: dict[PlaceKey, int] = {}
        #: How many profiles serve it now.
        self._parts: dict[PlaceKey, list[int]] = {}
        self._place_of: dict[int, PlaceKey] = {}
        self._known: dict[PlaceKey, Around] = {}

    def market(self, country: str) -> int:
        """The number of a country's market, under which all its profiles are found."""
        return self._numbers.setdefault(country, len(self._numbers))

    def intern(self, place: PlaceKey) -> int:
        """The number of a place."""
        number = self._numbers.get(place)
        if number is None:
            number = self._numbers[place] = len(self._numbers)
            self._place_of[number] = place
            for wider in containing(place):
                if wider != place:
                    self._parts.setdefault(wider, []).append(number)
            self._known.clear()
        return number

    def count(self, places: Iterable[PlaceKey], by: int) -> None:
        """A profile begins (`by` 1) or ceases (-1) to serve these."""
        for place in places:
            self._served[place] = self._served.get(place, 0) + by

    def around(self, asked: PlaceKey) -> Around:
        """The regions that count for a place."""
        known = self._known.get(asked)
        if known is None:
            if len(self._known) >= PLACES_KEPT:
                self._known.clear()
            reach, served = self._weights.reach, self._served
            numbers = [(self._numbers[key], reach[reach_of(key)]) for key in containing(asked) if key in served]
            # Numbers of places only grow, so the list of parts is ascending.
            known = self._known[asked] = Around(tuple(numbers), tuple(self._parts.get(asked, ())))
        return known

    def anybody(self, around: Around) -> bool:
        """True if somebody serves one of these regions now."""
        numbers: Sequence[int] = [number for number, _ in around.near]
        return any(self._served.get(self._place_of[number], 0) for each in (numbers, around.within) for number in each)


class Tongues:
    """Numbers of sets of languages, and which of them contain a language."""

    def __init__(self) -> None:
        self._sets: dict[frozenset[str], int] = {}

    def intern(self, languages: frozenset[str]) -> int:
        """The number of a set."""
        return self._sets.setdefault(languages, len(self._sets))

    def table(self, tags: Sequence[str]) -> list[list[int]]:
        """For each tag by number of a set: 1 where it is spoken; the empty set speaks them all."""
        return [[int(not each or tag in each) for each in self._sets] or [0] for tag in tags]
