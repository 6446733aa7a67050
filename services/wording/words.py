"""How are words, instants, amounts and places said in a reader's language and time zone?

Mails and pages each have a catalogue of their own and fall back on the one here. Another language is another folder
under each locale/; nothing here names one but the source language, English.
"""

from __future__ import annotations

import gettext
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache, lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pycountry
from babel import Locale
from babel.dates import TIMEDELTA_UNITS, format_date, format_skeleton, format_timedelta, get_timezone_name
from babel.numbers import format_currency, format_decimal, format_percent

from services.core.codes import CompanySize, Timeframe
from services.core.rfi import Money, Place

SOURCE_LANGUAGE = "en"
#: From how many of a unit on a span is said in it: 30 hours are a day, and 28 are hours.
_TURN = 1.2
#: So many of a unit there must be for time that is left to be told in it.
_TWO = 2


@dataclass(frozen=True, slots=True, eq=False)
class Catalogue:
    """Where the translations of one part of the exchange lie; one of a kind, as its hash is asked for at each page."""

    folder: Path
    domain: str


#: What is said in mails and on pages alike.
SHARED = Catalogue(Path(__file__).with_name("locale"), "wording")


@cache
def languages(catalogue: Catalogue = SHARED) -> frozenset[str]:
    """The languages that have a catalogue."""
    return frozenset(path.parent.parent.name for path in catalogue.folder.glob(f"*/LC_MESSAGES/{catalogue.domain}.mo"))


def _(message: str) -> str:
    """Mark a message for the catalogues; it is translated when it is said."""
    return message


#: Words of codes. Ranges are written out because screen readers make nothing of a dash.
_SIZES = {
    CompanySize.S1_9: _("1 to 9 employees"),
    CompanySize.S10_50: _("10 to 50 employees"),
    CompanySize.S51_250: _("51 to 250 employees"),
    CompanySize.S251_1000: _("251 to 1,000 employees"),
    CompanySize.S1001_5000: _("1,001 to 5,000 employees"),
    CompanySize.S5001_10000: _("5,001 to 10,000 employees"),
    CompanySize.S10001_20000: _("10,001 to 20,000 employees"),
    CompanySize.S20001: _("more than 20,000 employees"),
}
_TIMEFRAMES = {
    Timeframe.WITHIN_30_DAYS: _("within 30 days"),
    Timeframe.WITHIN_60_DAYS: _("within 60 days"),
    Timeframe.WITHIN_90_DAYS: _("within 90 days"),
    Timeframe.LATER: _("later than 90 days from now"),
    Timeframe.UNKNOWN: _("not known yet"),
}


class Words:
    """One language's words. Get it by `words_of`, which makes each once."""

    def __init__(self, language: str, catalogue: Catalogue = SHARED) -> None:
        self.language = language
        self.translations = _translations(language, catalogue)
        if catalogue is not SHARED:
            self.translations.add_fallback(_translations(language, SHARED))
        self.locale = Locale.parse(language)
        # The standard library's answer takes a microsecond for each catalogue, and a mail has two dozen messages.
        self.say = lru_cache(maxsize=4096)(self.translations.gettext)
        #: The message in this language; placeholders are filled in by the caller's `format`.
        self.count = self.translations.ngettext
        # Babel takes tens of microseconds for an answer, and there are few different ones.
        self._spans: dict[tuple[str, int], str] = {}
        self._zones: dict[tuple[str, timedelta | None, bool], str] = {}

    def size(self, size: CompanySize | None) -> str | None:
        """A company's size, None if it is not known."""
        return self.say(_SIZES[size]) if size else None

    def timeframe(self, timeframe: Timeframe) -> str:
        """When the customer wants to buy."""
        return self.say(_TIMEFRAMES[timeframe])

    def tongue(self, tag: str) -> str:
        """The name of a language; a tag that nobody knows, as it is."""
        return str(self.locale.languages.get(tag, tag))

    def instant(self, at: datetime, zone: str) -> str:
        """Day, time and named zone, to the minute."""
        return _instant(self, at.replace(second=0, microsecond=0), zone)

    def day(self, at: datetime, zone: str) -> str:
        """A short date for subjects."""
        return _day(self, at.replace(second=0, microsecond=0), zone)

    def date(self, day: date) -> str:
        """A date without a time, the month as a word."""
        return str(format_date(day, "long", locale=self.locale))

    def number(self, number: float) -> str:
        """A number with the language's separators."""
        return _number(self, number)

    def share(self, share: float) -> str:
        """A share from 0 to 1 in whole percent."""
        return str(format_percent(share, locale=self.locale))

    def span(self, delta: timedelta) -> str:
        """How long something takes, in its largest unit: 3 days."""
        key = _largest_unit(delta)
        if key not in self._spans:
            self._spans[key] = str(format_timedelta(delta, threshold=_TURN, locale=self.locale))
        return self._spans[key]

    def left(self, delta: timedelta) -> str:
        """How much time there still is, never more: in the largest unit of which there are two, as 36 hours."""
        unit, number, length = _whole_units(delta)
        key = f"{unit} left", number
        if key not in self._spans:
            whole = timedelta(seconds=number * length)
            self._spans[key] = str(format_timedelta(whole, threshold=_TWO, locale=self.locale))
        return self._spans[key]

    def zone(self, local: datetime) -> str:
        """The name of an instant's own time zone, as it is called at that time of the year."""
        key = (str(local.tzinfo), local.utcoffset(), bool(local.dst()))
        if key not in self._zones:
            self._zones[key] = str(get_timezone_name(local, locale=self.locale))
        return self._zones[key]

    def countries(self) -> list[tuple[str, str]]:
        """Every country as (code, name), by name."""
        return _countries(self.locale)

    def subdivisions(self, country: str) -> list[tuple[str, str]]:
        """The subdivisions of a country as (code, name), by name; their names are those of the country itself."""
        return _subdivisions(country)

    def country(self, code: str) -> str:
        """The name of a country; a code that nobody knows, as it is."""
        return str(self.locale.territories.get(code, code))

    def money(self, money: Money) -> str:
        """An amount with its currency; whole amounts without decimals."""
        return _money(self, money)

    def place(self, place: Place) -> str:
        """City, postal code, subdivision and country, as far as known."""
        return _place(self, place)


def words_of(language: str, catalogue: Catalogue = SHARED) -> Words:
    """The words of a language, of its base language (`es` for `es-MX`), or English."""
    return _words(_known(language, catalogue), catalogue)


@lru_cache(maxsize=256)
def _known(language: str, catalogue: Catalogue) -> str:
    base = language.replace("_", "-").partition("-")[0].lower()
    return next((each for each in (language, base) if each in languages(catalogue)), SOURCE_LANGUAGE)


@cache
def _words(language: str, catalogue: Catalogue) -> Words:
    return Words(language, catalogue)


def _translations(language: str, catalogue: Catalogue) -> gettext.NullTranslations:
    missing_is_fine = language == SOURCE_LANGUAGE
    return gettext.translation(catalogue.domain, catalogue.folder, [language], fallback=missing_is_fine)


@lru_cache(maxsize=512)
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


# The referrals of a batch share their deadlines and needs, and Babel takes tens of microseconds for each answer.
@lru_cache(maxsize=8192)
def _instant(words: Words, at: datetime, zone: str) -> str:
    local = at.astimezone(_zone(zone))
    name = "UTC" if zone == "UTC" else words.zone(local)
    return f"{_full_date(words, local.date())}, {local:%H:%M} ({name})"


@lru_cache(maxsize=8192)
def _full_date(words: Words, day: date) -> str:
    return str(format_date(day, "full", locale=words.locale))


@lru_cache(maxsize=8192)
def _number(words: Words, number: float) -> str:
    return str(format_decimal(number, locale=words.locale))


def _largest_unit(delta: timedelta) -> tuple[str, int]:
    """The unit in which Babel says a span, and how many of it."""
    seconds = abs(delta.days * 86_400 + delta.seconds)
    for unit, length in TIMEDELTA_UNITS:
        if seconds / length >= _TURN:
            return unit, round(seconds / length)
    return TIMEDELTA_UNITS[-1][0], seconds


def _whole_units(delta: timedelta) -> tuple[str, int, int]:
    """The largest unit of which there are two, how many whole ones there are, and how long one is in seconds."""
    seconds = abs(delta.days * 86_400 + delta.seconds)
    for unit, length in TIMEDELTA_UNITS:
        if seconds >= _TWO * length:
            return unit, seconds // length, length
    return TIMEDELTA_UNITS[-1][0], seconds, 1


@lru_cache(maxsize=8192)
def _day(words: Words, at: datetime, zone: str) -> str:
    return str(format_skeleton("MMMMd", at.astimezone(_zone(zone)), locale=words.locale))


@lru_cache(maxsize=8192)
def _money(words: Words, money: Money) -> str:
    whole = money.amount == money.amount.to_integral_value()
    text: str = format_currency(money.amount, money.currency, locale=words.locale, currency_digits=not whole)
    return text if not whole else _without_decimals(words.locale, money)


def _without_decimals(locale: Locale, money: Money) -> str:
    pattern = locale.currency_formats["standard"].pattern.replace(".00", "")
    return str(format_currency(money.amount, money.currency, pattern, locale=locale, currency_digits=False))


@lru_cache(maxsize=8192)
def _place(words: Words, place: Place) -> str:
    subdivisions: Any = pycountry.subdivisions
    subdivision = subdivisions.get(code=place.subdivision) if place.subdivision else None
    city = " ".join(part for part in (place.postal_code, place.city) if part)
    country = words.locale.territories.get(place.country, place.country)
    parts = [city, subdivision.name if subdivision else place.subdivision, country]
    return ", ".join(dict.fromkeys(str(part) for part in parts if part))


@lru_cache(maxsize=64)
def _subdivisions(country: str) -> list[tuple[str, str]]:
    every: Any = pycountry.subdivisions
    named = [(each.code, str(each.name)) for each in every.get(country_code=country) or ()] if country else []
    return sorted(named, key=lambda each: unicodedata.normalize("NFKD", each[1]).casefold())


@lru_cache(maxsize=512)
def subdivisions_within(code: str) -> frozenset[str]:
    """The subdivisions that lie within one: the provinces of a community; none for most."""
    every: Any = pycountry.subdivisions
    of_country = every.get(country_code=code[:2]) or () if len(code) > 2 else ()  # noqa: PLR2004 - a country has two letters
    children = {each.code for each in of_country if each.parent_code == code}
    return frozenset(children.union(*map(subdivisions_within, children)))


@lru_cache(maxsize=16)
def _countries(locale: Locale) -> list[tuple[str, str]]:
    codes = (each.alpha_2 for each in pycountry.countries)
    named = [(code, str(locale.territories.get(code, code))) for code in codes]
    return sorted(named, key=lambda each: unicodedata.normalize("NFKD", each[1]).casefold())
