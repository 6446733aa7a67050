"""How is a partner told of its business profiles: where each stands, what is suggested, what a form may choose?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.core.partner import Profile
from services.core.rfi import Place
from services.matching.suggested import Suggestion, SuggestionCode, applied
from services.portal.pages.code_words import size_options
from services.portal.pages.fields import FormState
from services.portal.pages.pauses import pause_shown
from services.portal.pages.profile_form import LANGUAGES, offices_in
from services.portal.pages.profile_market import Fitting
from services.wording.words import SHARED, Words, _, languages

#: Entries of a list that a card shows.
SHOWN = 8

_SUGGESTED = {
    SuggestionCode.REMOVE_REGION: _("No longer serve {value}"),
    SuggestionCode.NARROW_REGION: _("Name the parts of {value} that you want: you decline requests from there"),
    SuggestionCode.ADD_REGION: _("Serve {value} too"),
    SuggestionCode.REMOVE_WORDS: _("No longer offer “{value}”"),
    SuggestionCode.ADD_KEYWORD: _("Add the keyword “{value}”"),
    SuggestionCode.EXCLUDE_SIZE: _("Leave out companies of this size: {value}"),
    SuggestionCode.INCLUDE_SIZE: _("Take companies of this size: {value}"),
    SuggestionCode.SET_CAPACITY: _("Take at most {value} open referrals at a time"),
    SuggestionCode.RAISE_CAPACITY: _("Take up to {value} open referrals at a time"),
    SuggestionCode.END_PAUSE: _("End the pause"),
}
_REGIONS = {SuggestionCode.REMOVE_REGION, SuggestionCode.NARROW_REGION, SuggestionCode.ADD_REGION}
_SIZES = {SuggestionCode.EXCLUDE_SIZE, SuggestionCode.INCLUDE_SIZE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggested:
    """A suggestion in words; `one_click` is False where a person must say more."""

    code: str
    value: str
    text: str
    count: int
    one_click: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One profile of the list."""

    profile: Profile
    country: str
    regions: tuple[str, ...]
    more_regions: int
    words: tuple[str, ...]
    offices: tuple[tuple[str, str], ...]
    #: Place, and who gets the alerts.
    paused_until: datetime | None
    suggestions: tuple[Suggested, ...]


def card(profile: Profile, suggestions: list[Suggestion], words: Words, now: datetime) -> Card:
    """A profile of the list, in words."""
    return Card(
        profile=profile,
        country=words.country(profile.country),
        regions=tuple(words.place(place) for place in profile.serves[:SHOWN]),
        more_regions=max(0, len(profile.serves) - SHOWN),
        words=(*profile.keywords, *profile.products, *profile.services)[:SHOWN],
        offices=tuple((words.place(each.place), each.contact.email) for each in profile.locations[:SHOWN]),
        paused_until=pause_shown(profile.paused_until, now),
        suggestions=tuple(_suggested(each, profile, words) for each in suggestions if each.profile_id == profile.id),
    )


def _suggested(suggestion: Suggestion, profile: Profile, words: Words) -> Suggested:
    return Suggested(
        code=suggestion.code.value,
        value=suggestion.value,
        text=words.say(_SUGGESTED[suggestion.code]).format(value=_value(suggestion, words)),
        count=suggestion.count,
        one_click=applied(profile, suggestion) is not None,
    )


def _value(suggestion: Suggestion, words: Words) -> str:
    value = suggestion.value
    if suggestion.code in _REGIONS:
        country, _space, city = value.partition(" ")
        return words.place(
            Place(country=country[:2], subdivision=country if "-" in country else None, city=city or None)
        )
    if suggestion.code in _SIZES:
        return dict(size_options(words)).get(value, value)
    return value


def form_values(form: FormState, before: Profile, words: Words) -> dict[str, object]:
    """What the form's template needs beside the form: choices, and the numbers of its offices, one of them empty."""
    offices = offices_in(form.values)
    tags = dict.fromkeys((*LANGUAGES, *before.languages))
    return {
        "form": form,
        "sizes": size_options(words),
        "tongues": sorted(((tag, words.tongue(tag)) for tag in tags), key=lambda each: each[1].casefold()),
        "mail_languages": [(tag, words.tongue(tag)) for tag in sorted(languages(SHARED))],
        "offices": [*offices, max(offices, default=-1) + 1],
        "filled": set(offices),
    }


def fitting_said(fitting: Fitting, words: Words) -> dict[str, object]:
    """A request of the preview: what it asked for and where, nothing that tells who asked."""
    need = fitting.rfi.need
    size = fitting.rfi.customer.size
    asked = dict.fromkeys((*need.keywords, *need.products, *need.services, *need.industries))
    return {
        "referral_id": fitting.referral_id,
        "would_come": fitting.would_come,
        "at": fitting.rfi.accepted_at,
        # Without city and postcode, which could name a company in a small place.
        "place": words.place(Place(country=need.place.country, subdivision=need.place.subdivision)),
        "size": words.size(size) if size else None,
        "asked": list(asked)[:SHOWN],
    }
