"""Are mails and pages said in the reader's language, zone and currency, by catalogues that agree with the code?"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from services.core.rfi import Money, Place
from services.notifier.words import languages, words_of
from services.wording.catalogues import ALL, Sources, compiled

AT = datetime(2026, 3, 16, 9, 30, tzinfo=UTC)


def test_english_and_spanish_have_catalogues() -> None:
    assert {"en", "es"} <= languages()


EVERY = [pytest.param(ALL[name], language, id=f"{name}-{language}") for name in ALL for language in sorted(languages())]


@pytest.mark.parametrize(("sources", "language"), EVERY)
def test_a_catalogue_is_complete_and_compiled_from_its_source(sources: Sources, language: str) -> None:
    assert sources.missing(language) == []
    assert sources.path(language, "mo").read_bytes() == compiled(sources.stored(language))
    assert {m.id for m in sources.stored(language)} == {m.id for m in sources.messages()} | {""}


@pytest.mark.parametrize(("sources", "language"), EVERY)
def test_a_translation_fills_in_what_the_message_fills_in(sources: Sources, language: str) -> None:
    for message in sources.stored(language):
        strings = message.string if isinstance(message.string, (tuple, list)) else (message.string,)
        ids = message.id if isinstance(message.id, (tuple, list)) else (message.id,)
        if ids[0]:
            allowed = {name for id_ in ids for name in _slots(id_)}
            for string in filter(None, strings):
                assert _slots(string) <= allowed
                assert len(ids) > 1 or _slots(string) == allowed


def _slots(text: str) -> set[str]:
    """What a message fills in: `{name}` in code, `%(name)s` in templates."""
    return set(re.findall(r"{\w+}|%\(\w+\)s", text))


@pytest.mark.parametrize(
    ("language", "zone", "said"),
    [
        ("en", "UTC", "Monday, March 16, 2026, 09:30 (UTC)"),
        ("en", "Europe/Madrid", "Monday, March 16, 2026, 10:30 (Central European Standard Time)"),
        ("es", "Europe/Madrid", "lunes, 16 de marzo de 2026, 10:30 (hora estándar de Europa central)"),
        ("es", "America/Bogota", "lunes, 16 de marzo de 2026, 04:30 (hora estándar de Colombia)"),
        ("en", "Not/AZone", "Monday, March 16, 2026, 09:30 (Coordinated Universal Time)"),
    ],
)
def test_an_instant_is_shown_in_the_readers_zone_with_its_name(language: str, zone: str, said: str) -> None:
    assert words_of(language).instant(AT, zone) == said


def test_amounts_are_written_as_the_language_does() -> None:
    assert words_of("es").money(Money(amount=Decimal(48000), currency="EUR")) == "48.000\xa0€"
    assert words_of("en").money(Money(amount=Decimal("1250.50"), currency="USD")) == "$1,250.50"
    assert words_of("en").money(Money(amount=Decimal(900000), currency="JPY")) == "¥900,000"


def test_places_are_written_from_narrow_to_wide() -> None:
    place = Place(country="ES", subdivision="ES-AN", city="Sevilla", postal_code="41001")
    assert words_of("es").place(place) == "41001 Sevilla, Andalucía, España"
    assert words_of("en").place(Place(country="MX")) == "Mexico"


@pytest.mark.parametrize(("asked", "got"), [("es-MX", "es"), ("ES", "es"), ("fr", "en"), ("", "en"), ("../x", "en")])
def test_a_language_without_a_catalogue_falls_back(asked: str, got: str) -> None:
    assert words_of(asked).language == got
