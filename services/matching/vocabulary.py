"""How do words, places and languages become numbers for the index?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from services.matching.keywords import primary_tag
from services.matching.regions import PlaceKey, containing, reach_of
from services.matching.weights import DEFAULT_WEIGHTS, Weights

#: Places remembered with the regions around and within them.
PLACES_KEPT = 20_000


class Vocabulary:
    """Numbers of terms, from 1; they are never given up."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._longest: dict[str, int] = {}

    def intern(self, name: str) -> int:
        """The number of a name, a new one if need be."""
        return self._numbers.setdefault(name, len(self._numbers) + 1)

    def find(self, name: str) -> int:
        """The number of a name, 0 if nobody has it."""
        return self._numbers.get(name, 0)

    def note(self, head: str, stems: int) -> None:
        """Somebody offers a phrase of so many stems that begins with this one."""
        if self._longest.get(head, 0) < stems:
            self._longest[head] = stems

    def longest(self, head: str) -> int:
        """The most stems of a phrase that begins so."""
        return self._longest.get(head, 0)


def phrase_name(language: str, key: str) -> str:
    """The name of an offered phrase, or of an industry."""
    return f"{language}|{key}"


def sign_name(key: str) -> str:
    """The name of a learned sign; no language is called so."""
    return f"+|{key}"


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
        self._served: Counter[int] = Counter()
        #: How many profiles serve a place now.
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

    def place(self, number: int) -> PlaceKey:
        """The place of a number."""
        return self._place_of[number]

    def count(self, places: Iterable[int], by: int) -> None:
        """A profile begins (`by` 1) or ceases (-1) to serve these; or many begin to, each with its places."""
        if by > 0:
            self._served.update(places)
        else:
            self._served.subtract(places)

    def around(self, asked: PlaceKey) -> Around:
        """The regions that count for a place."""
        known = self._known.get(asked)
        if known is None:
            if len(self._known) >= PLACES_KEPT:
                self._known.clear()
            reach, known_places = self._weights.reach, self._numbers
            numbers = [(known_places[key], reach[reach_of(key)]) for key in containing(asked) if key in known_places]
            # Numbers of places only grow, so the list of parts is ascending.
            known = self._known[asked] = Around(tuple(numbers), tuple(self._parts.get(asked, ())))
        return known

    def anybody(self, around: Around) -> bool:
        """True if somebody serves one of these regions now."""
        numbers: Sequence[int] = [number for number, _ in around.near]
        return any(self._served[number] for each in (numbers, around.within) for number in each)


class Tongues:
    """Numbers of sets of languages, and which of them contain a language."""

    def __init__(self) -> None:
        self._sets: dict[frozenset[str], int] = {}
        self._known: dict[tuple[str, ...], int] = {}
        self._spoken: dict[tuple[str, ...], frozenset[str]] = {}

    def number(self, tags: tuple[str, ...]) -> int:
        """The number of the set of languages that tags name, whatever their regions and order."""
        number = self._known.get(tags)
        if number is None:
            number = self._known[tags] = self._sets.setdefault(self.spoken(tags), len(self._sets))
        return number

    def spoken(self, tags: tuple[str, ...]) -> frozenset[str]:
        """The languages that tags name."""
        languages = self._spoken.get(tags)
        if languages is None:
            languages = self._spoken[tags] = frozenset(map(primary_tag, tags))
        return languages

    def table(self, tags: Sequence[str]) -> list[list[int]]:
        """For each tag by number of a set: 1 where it is spoken; the empty set speaks them all."""
        return [[int(not each or tag in each) for each in self._sets] or [0] for tag in tags]
