"""Which country, subdivision, currency or time zone does a publisher mean by a code or a name (en, es, local)?

Built once at start from public tables: ISO 3166 and 4217 (pycountry), CLDR names (Babel), tzdata. Reading them takes
a moment, so nothing is read when this module is imported; subdivisions are read country by country when first asked.
"""

from __future__ import annotations

import gettext
import re
import zoneinfo
from collections.abc import Iterator
from functools import lru_cache
from importlib import resources
from typing import Any

import babel
import pycountry

from services.core.rfi import Place
from services.intake.normalise import fold_name
from services.intake.region_names import COUNTRIES, SUBDIVISIONS

#: Languages in which names are understood; local names of subdivisions come from pycountry itself and these.
_NAME_LANGUAGES = ("en", "es")
_LOCAL_LANGUAGES = ("es", "en", "fr", "de", "it", "pt", "ca", "eu", "gl")
_BRACKETS = re.compile(r"\s*[\[(](.*?)[\])]\s*")
_ISO_CODE = re.compile(r"\b[A-Z]{2}-[A-Z0-9]{1,3}\b")
#: ISO 4217 codes that are no money anybody can pay with: none, testing, metals, funds and bond units.
_NO_MONEY = frozenset(["XXX", "XTS", "XAU", "XAG", "XPD", "XPT", "XBA", "XBB", "XBC", "XBD", "XDR", "XSU", "XUA"])


class Regions:
    """Look-ups by code or name; each answers with the ISO code, or None. Safe to share; answers never change."""

    def __init__(self) -> None:
        self._countries = _country_names()
        self._codes = frozenset(self._countries.values())
        self._currencies = frozenset(c.alpha_3 for c in pycountry.currencies) - _NO_MONEY
        self._zones = frozenset(zoneinfo.available_timezones()) - {"localtime", "Factory"}
        self._first_zones = _first_zones()
        self._subdivisions: dict[str, dict[str, str]] = {}
        # A method is not cached by a decorator: that would keep every instance for ever.
        self.country = lru_cache(maxsize=8192)(self._country)
        self.subdivision = lru_cache(maxsize=32_768)(self._subdivision)

    def _country(self, text: str) -> str | None:
        """ISO 3166-1 alpha-2 of a country by its code (two or three letters) or name."""
        return self._countries.get(fold_name(text))

    def _subdivision(self, country: str, text: str) -> str | None:
        """ISO 3166-2 of a subdivision of that country, by its code (with or without the country) or name."""
        if (names := self._subdivisions.get(country)) is None:
            names = self._subdivisions[country] = _subdivision_names(country)
        return names.get(fold_name(text))

    def place(self, country: str, subdivision: str | None, city: str | None) -> Place | None:
        """A place from names or codes, or None when country or subdivision is not known."""
        code = self.country(country)
        if code is None:
            return None
        inner = self.subdivision(code, subdivision) if subdivision else None
        return None if subdivision and inner is None else Place(country=code, subdivision=inner, city=city)

    def currency(self, text: str) -> str | None:
        """ISO 4217 code of a currency in use."""
        code = text.upper()
        return code if code in self._currencies else None

    def knows_zone(self, name: str) -> bool:
        """Whether this is an IANA time zone."""
        return name in self._zones

    def default_zone(self, country: str) -> str:
        """The time zone most people of a country live in (tzdata lists it first), or UTC."""
        return self._first_zones.get(country, "UTC")

    def countries(self) -> frozenset[str]:
        """Every ISO 3166-1 alpha-2 code."""
        return self._codes


def _country_names() -> dict[str, str]:
    """Folded code or name to code: codes, then names as written, then short forms that only one country has."""
    names = {fold_name(c.alpha_2): c.alpha_2 for c in pycountry.countries}
    names |= {fold_name(c.alpha_3): c.alpha_2 for c in pycountry.countries}
    territories = [babel.Locale(language).territories for language in _NAME_LANGUAGES]
    short: dict[str, set[str]] = {}
    for country in pycountry.countries:
        code = country.alpha_2
        own = [getattr(country, a, None) for a in ("name", "common_name", "official_name")]
        for name in [*(t.get(code) for t in territories), *own, *COUNTRIES.get(code, ())]:
            names.setdefault(fold_name(name or code), code)
            for spelling in _speaking_order(name or ""):
                short.setdefault(fold_name(spelling), set()).add(code)
    # `Virgin Islands` is two countries: an answer would be a guess.
    return {name: next(iter(codes)) for name, codes in short.items() if len(codes) == 1} | names


def _subdivision_names(country: str) -> dict[str, str]:
    """Folded code or name to code for one country; wide subdivisions win over narrow ones of the same name.

    Names as written come first, then short forms of inverted ones, then codes without their country (`AN`).
    """
    table: Any = pycountry.subdivisions
    entries = sorted(
        table.get(country_code=country) or [],
        key=lambda s: (s.parent_code is not None, s.code),
    )
    names = {fold_name(s.code): s.code for s in entries}
    given = {s.code: list(_local_names(s.name)) for s in entries}
    for s in entries:
        for name in [*SUBDIVISIONS.get(s.code, ()), *given[s.code]]:
            names.setdefault(fold_name(name), s.code)
    for s in entries:
        for spelling in (spelling for name in given[s.code] for spelling in _speaking_order(name)):
            names.setdefault(fold_name(spelling), s.code)
    for s in entries:
        names.setdefault(fold_name(s.code.partition("-")[2]), s.code)
    return names


def _local_names(name: str) -> Iterator[str]:
    """The name as ISO has it, its parts (`Catalunya [Cataluña]`), and its translations."""
    for text in [name, *(t.gettext(name) for t in _translations())]:
        yield text
        inner = [_ISO_CODE.sub("", part) for part in _BRACKETS.findall(text)]
        yield from (part for part in [_BRACKETS.sub(" ", text), *inner] if part.strip())


def _speaking_order(name: str) -> Iterator[str]:
    """The other forms of an inverted name: `Murcia, Región de` is `Región de Murcia`, or `Murcia`."""
    head, comma, tail = name.partition(", ")
    if comma and ", " not in tail and " and " not in tail:
        yield f"{tail} {head}"
        yield head


@lru_cache(maxsize=1)
def _translations() -> list[gettext.NullTranslations]:
    """Translations of subdivision names shipped with pycountry, as far as there are any."""
    return [
        gettext.translation("iso3166-2", pycountry.LOCALES_DIR, languages=[language], fallback=True)
        for language in _LOCAL_LANGUAGES
    ]


def _first_zones() -> dict[str, str]:
    """The zone that tzdata names first for each country: the one with most people."""
    file: Any = resources.files("tzdata") / "zoneinfo" / "zone.tab"
    zones: dict[str, str] = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            country, _, zone, *_ = line.split("\t")
            zones.setdefault(country, zone)
    return zones
