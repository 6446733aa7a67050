"""What does somebody look for on the search page? Read from the address, which holds nothing about a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import ImmutableMultiDict

from services.core.codes import CompanySize
from services.core.rfi import Place
from services.matching.searching import COUNTED, Search
from services.portal.ports import ProfileDesk

#: Partners shown at first, and more of them each time.
SHOWN, MOST_SHOWN = 20, 100
#: Partners that one request may be sent to from here.
MOST_PICKS = 10

_WORDS, _VALUE, _VALUES = 200, 100, 10
_STEPS = frozenset(str(number) for number in range(SHOWN, MOST_SHOWN + 1, SHOWN))
_SIZES = {size.value: size for size in CompanySize}


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchQuery:
    """The search form as it was filled in; too long texts are cut, too many values left out."""

    words: str = ""
    country: str = ""
    #: A region or a city, as written.
    where: str = ""
    size: str = ""
    industries: tuple[str, ...] = ()
    offers: tuple[str, ...] = ()
    speaks: str = ""
    show: int = SHOWN
    #: Ids of the chosen partners.
    picks: tuple[str, ...] = ()

    def fields(self) -> list[tuple[str, str]]:
        """The form again, without the picks: names and values of hidden inputs."""
        one = [("q", self.words), ("country", self.country), ("where", self.where), ("size", self.size)]
        many = [("industry", each) for each in self.industries] + [("offer", each) for each in self.offers]
        return [(name, value) for name, value in (*one, *many, ("speaks", self.speaks)) if value]

    def place(self, desk: ProfileDesk) -> Place | None:
        """The place, None when no country is named, or one that nobody knows."""
        if not self.country:
            return None
        region = desk.place(self.country, self.where, None) if self.where else None
        return region or desk.place(self.country, None, self.where or None)

    def search(self, place: Place, language: str) -> Search:
        """What to look for, with words in this language."""
        return Search(
            words=self.words,
            place=place,
            language=language,
            size=_SIZES.get(self.size),
            industries=self.industries,
            offers=self.offers,
            speaks=self.speaks or None,
            limit=min(self.show, COUNTED),
        )


def query_in(params: ImmutableMultiDict[str, Any]) -> SearchQuery:
    """The form that the query of an address, or the fields of a form, hold."""

    def one(name: str) -> str:
        value = params.get(name)
        return _text(value, _VALUE) if isinstance(value, str) else ""

    words, size = params.get("q"), one("size")
    return SearchQuery(
        words=_text(words, _WORDS) if isinstance(words, str) else "",
        country=one("country"),
        where=one("where"),
        size=size if size in _SIZES else "",
        industries=_values(params.getlist("industry")),
        offers=_values(params.getlist("offer")),
        speaks=one("speaks").lower(),
        show=_shown(one("show")),
        picks=_values(params.getlist("partner"), 2 * MOST_PICKS),
    )


def _shown(text: str) -> int:
    return int(text) if text in _STEPS else SHOWN


def _text(text: str, longest: int) -> str:
    return " ".join(part for part in text[:longest].split() if part.isprintable())


def _values(found: Sequence[object], most: int = _VALUES) -> tuple[str, ...]:
    texts = (_text(each, _VALUE) for each in found if isinstance(each, str))
    return tuple(dict.fromkeys(text for text in texts if text))[:most]


def data_place(place: Place) -> Mapping[str, str]:
    """The place as an RFI's data says it."""
    parts = {"country": place.country, "subdivision": place.subdivision, "city": place.city}
    return {name: value for name, value in parts.items() if value}
