"""Are regions understood by code and by name, in English, Spanish and their own languages?"""

from __future__ import annotations

import babel
import pycountry
import pytest

from services.intake.region_names import COUNTRIES, SUBDIVISIONS
from tests.submissions import regions


@pytest.mark.parametrize("language", ["en", "es"])
def test_every_country_is_known_by_its_name(language: str) -> None:
    names = babel.Locale(language).territories
    countries = [c.alpha_2 for c in pycountry.countries]
    assert len(countries) == 249
    assert [c for c in countries if regions().country(names[c]) != c] == []


def test_every_country_is_known_by_its_codes_and_official_names() -> None:
    for country in pycountry.countries:
        names = [getattr(country, name, None) for name in ("alpha_2", "alpha_3", "name", "official_name")]
        assert {regions().country(name) for name in names if name} == {country.alpha_2}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("España", "ES"),
        ("  espana ", "ES"),
        ("Spain", "ES"),
        ("esp", "ES"),
        ("UK", "GB"),
        ("Reino Unido", "GB"),
        ("USA", "US"),
        ("EE. UU.", "US"),
        ("ee.uu.", "US"),
        ("Estados Unidos", "US"),
        ("México", "MX"),
        ("mejico", "MX"),
        ("Bolivia", "BO"),
        ("Côte d’Ivoire", "CI"),
        ("south korea", "KR"),
        ("Congo", "CG"),
        ("Virgin Islands", None),
        ("Europe", None),
        ("ZZ", None),
        ("", None),
    ],
)
def test_countries_are_understood_as_people_write_them(text: str, code: str | None) -> None:
    assert regions().country(text) == code


def test_every_everyday_name_leads_to_its_region() -> None:
    assert [n for code, names in COUNTRIES.items() for n in names if regions().country(n) != code] == []
    assert [
        name
        for code, names in SUBDIVISIONS.items()
        for name in names
        if regions().subdivision(code.partition("-")[0], name) != code
    ] == []


def test_every_subdivision_is_known_by_its_code() -> None:
    wrong = [s.code for s in pycountry.subdivisions if regions().subdivision(s.country_code, s.code) != s.code]
    assert wrong == []


def test_a_subdivision_is_known_by_its_official_name_unless_a_wider_one_has_it() -> None:
    wide = {s.code: s.parent_code is None for s in pycountry.subdivisions}
    for s in pycountry.subdivisions:
        found = regions().subdivision(s.country_code, s.name)
        assert found is not None
        if found != s.code:
            assert wide[found] or not wide[s.code]


@pytest.mark.parametrize(
    ("country", "text", "code"),
    [
        ("ES", "Andalucía", "ES-AN"),
        ("ES", "Andalusia", "ES-AN"),
        ("ES", "es-an", "ES-AN"),
        ("ES", "AN", "ES-AN"),
        ("ES", "Cataluña", "ES-CT"),
        ("ES", "Catalunya", "ES-CT"),
        ("ES", "Madrid", "ES-MD"),
        ("ES", "Región de Murcia", "ES-MC"),
        ("ES", "Vizcaya", "ES-BI"),
        ("US", "California", "US-CA"),
        ("US", "ca", "US-CA"),
        ("US", "Nueva York", "US-NY"),
        ("DE", "Bayern", "DE-BY"),
        ("DE", "Baviera", "DE-BY"),
        ("CA", "Québec", "CA-QC"),
        ("GB", "Escocia", "GB-SCT"),
        ("MX", "CDMX", "MX-CMX"),
        ("ES", "US-CA", None),
        ("ES", "California", None),
        ("ZZ", "AN", None),
    ],
)
def test_subdivisions_are_understood_within_their_country(country: str, text: str, code: str | None) -> None:
    assert regions().subdivision(country, text) == code


def test_currencies_are_those_one_can_pay_with() -> None:
    assert regions().currency("eur") == "EUR"
    assert [c for c in ("XXX", "XTS", "XAU", "ABC", "") if regions().currency(c)] == []


def test_each_country_has_the_zone_of_most_of_its_people() -> None:
    assert regions().default_zone("ES") == "Europe/Madrid"
    assert regions().default_zone("US") == "America/New_York"
    assert regions().default_zone("ZZ") == "UTC"
    assert all(regions().knows_zone(regions().default_zone(c)) for c in regions().countries())
