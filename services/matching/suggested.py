"""What is a suggested change of a profile, and what does the profile look like once it is made?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, TypeVar

from services.core.codes import CompanySize
from services.core.partner import RoutableProfile
from services.core.rfi import Place

P = TypeVar("P", bound=RoutableProfile)


class SuggestionCode(StrEnum):
    """What to change."""

    REMOVE_REGION = "remove_region"
    NARROW_REGION = "narrow_region"
    #: A part of what is served is declined again and again: name the parts that are wanted instead.
    ADD_REGION = "add_region"
    REMOVE_WORDS = "remove_words"
    ADD_KEYWORD = "add_keyword"
    EXCLUDE_SIZE = "exclude_size"
    INCLUDE_SIZE = "include_size"
    SET_CAPACITY = "set_capacity"
    RAISE_CAPACITY = "raise_capacity"
    END_PAUSE = "end_pause"


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """One change, and what it rests on."""

    profile_id: str
    code: SuggestionCode
    value: str
    #: An ISO code of a region, words, a company size, a number, or the end of a pause.
    count: int
    #: Requests that it rests on.
    rfi_ids: tuple[str, ...]
    #: Some of them.


def applied(profile: P, suggestion: Suggestion) -> P | None:
    """The profile with the change made, its version as it was; None when a person must say more, or nothing changes."""
    change = _CHANGES.get(suggestion.code)
    changed = None if change is None else replace(profile, **change(profile, suggestion.value))
    return None if changed == profile else changed


def region_code(place: Place) -> str:
    """A region as a suggestion names it: its narrowest ISO code, or country and city where nothing is between them."""
    if place.subdivision is None and place.city is not None:
        return f"{place.country} {place.city}"
    return place.subdivision or place.country


def _place(code: str) -> Place:
    country, _, city = code.partition(" ")
    if city:
        return Place(country=country, city=city)
    return Place(country=code[:2], subdivision=code if "-" in code else None)


def _without(texts: Sequence[str], gone: str) -> tuple[str, ...]:
    return tuple(text for text in texts if text != gone)


_CHANGES: dict[SuggestionCode, Callable[[RoutableProfile, str], dict[str, Any]]] = {
    SuggestionCode.REMOVE_REGION: lambda p, code: {"serves": tuple(s for s in p.serves if region_code(s) != code)},
    SuggestionCode.ADD_REGION: lambda p, code: {"serves": tuple(dict.fromkeys((*p.serves, _place(code))))},
    SuggestionCode.REMOVE_WORDS: lambda p, words: {
        "keywords": _without(p.keywords, words),
        "products": _without(p.products, words),
        "services": _without(p.services, words),
    },
    SuggestionCode.ADD_KEYWORD: lambda p, words: {"keywords": (*_without(p.keywords, words), words)},
    SuggestionCode.EXCLUDE_SIZE: lambda p, size: {
        "sizes": tuple(each for each in (p.sizes or tuple(CompanySize)) if each.value != size)
    },
    SuggestionCode.INCLUDE_SIZE: lambda p, size: {
        "sizes": tuple(each for each in CompanySize if each in p.sizes or each.value == size)
    },
    SuggestionCode.SET_CAPACITY: lambda _p, number: {"capacity": int(number)},
    SuggestionCode.RAISE_CAPACITY: lambda _p, number: {"capacity": int(number)},
    SuggestionCode.END_PAUSE: lambda _p, _until: {"paused_until": None},
}
