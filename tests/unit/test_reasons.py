"""Is a reason of a match kept as data, and said plainly by the command line and by mails in the reader's language?"""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cli import reasons as cli
from services.core.codes import CompanySize
from services.core.mail import MailKind
from services.core.reasons import Reason, ReasonCode, parse, written
from services.core.rfi import Place
from services.notifier.preview import LINKS, matter
from services.notifier.render import personal
from services.notifier.words import languages, words_of
from services.wording.reasons import said

OLDER = ("region ES-AN: served", "keyword migrar: weight 2.1", "picked by the customer", "language es: spoken")
ASKED = Place(country="ES", subdivision="ES-AN", city="Dos Hermanas", postal_code="41700")


@given(
    st.sampled_from(ReasonCode),
    st.text(min_size=1),
    st.none() | st.integers(0, 10_000).map(lambda hundredths: hundredths / 100),
    st.text(),
)
def test_a_stored_reason_reads_back_as_it_was(code: ReasonCode, value: str, weight: float | None, detail: str) -> None:
    assert parse(written(code, value, weight, detail)) == Reason(code, value, weight, detail)


@given(st.text() | st.lists(st.text(), max_size=6).map(lambda parts: "|".join(("keyword", *parts))))
def test_any_text_can_be_said(text: str) -> None:
    assert isinstance(cli.said(text), str)
    assert isinstance(said(words_of("es"), text, ASKED), str | None)


@pytest.mark.parametrize("text", [*OLDER, "", "keyword", "keyword||2.10", "keyword|x|heavy", "keyword|x|1||", "odd|x"])
def test_older_and_unknown_texts_are_shown_as_they_are(text: str) -> None:
    assert parse(text) is None
    assert cli.said(text) == text
    assert said(words_of("es"), text, ASKED) == text


def test_a_reason_is_stored_short_and_readable() -> None:
    assert written(ReasonCode.KEYWORD, "Microsoft 365", 1.1749) == "keyword|Microsoft 365|1.17"
    assert written(ReasonCode.REGION_SERVED, "ES-SE", detail="ES-AN") == "region_served|ES-SE||ES-AN"
    assert written(ReasonCode.PICKED) == "picked"
    assert written(ReasonCode.PRODUCT, "a|b 100%") == "product|a%7Cb 100%25"


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("keyword|Microsoft {365}|1.17", "keyword Microsoft {365}: weight 1.17"),
        ("title|nube|0.35", "in the title nube: weight 0.35"),
        ("region_served|ES-SE||ES-AN", "region ES-SE: served, all of ES-AN is"),
        ("region_served|ES-SE", "region ES-SE: served"),
        ("region_part|ES||ES-AN", "region ES: only a part of it is served (ES-AN), so this counts less"),
        ("region_outside|ES||PT, FR", "region ES: outside what it serves (PT, FR)"),
        ("more|3", "and 3 more terms"),
        ("size_unknown", "size: not known, so not compared"),
        ("near|25", "a location within 25 km"),
        ("distance_unknown|25", "distance unknown (within 25 km asked): decided by region"),
    ],
)
def test_the_command_line_says_a_reason_in_plain_words(text: str, plain: str) -> None:
    assert cli.said(text) == plain


@pytest.mark.parametrize(
    ("text", "english", "spanish"),
    [
        ("keyword|Microsoft 365|1.17", "Keyword: Microsoft 365", "Palabra clave: Microsoft 365"),
        ("product|{Azure}|0.5", "Product: {Azure}", "Producto: {Azure}"),
        ("language|es", "Language: Spanish", "Idioma: español"),
        (
            "near|25",
            "Distance: you have a location within 25 km.",
            "Distancia: usted tiene una sede a menos de 25 km.",
        ),
        ("language|x9", "Language: x9", "Idioma: x9"),
        (
            f"size|{CompanySize.S10_50.value}",
            "Company size: 10 to 50 employees",
            "Tamaño de la empresa: de 10 a 50 empleados",
        ),
        ("size|huge", "Company size: huge", "Tamaño de la empresa: huge"),
        (
            "region_served|MX-JAL guadalajara||MX",
            "Region: Mexico (you serve all of it)",
            "Región: México (usted la atiende por completo)",
        ),
        (
            "region_served|ES-AN",
            "Region: Andalucía, Spain (you serve all of it)",
            "Región: Andalucía, España (usted la atiende por completo)",
        ),
        (
            "region_served|ES-AN dos hermanas 41700||ES 41",
            "Region: 41700 Dos Hermanas, Andalucía, Spain (you serve it)",
            "Región: 41700 Dos Hermanas, Andalucía, España (usted la atiende)",
        ),
        ("more|3", None, None),
        ("size_unknown", None, None),
        ("region_outside|ES||PT", None, None),
    ],
)
def test_a_mail_says_what_matched_without_weights_and_codes(text: str, english: str, spanish: str) -> None:
    assert said(words_of("en"), text, ASKED) == english
    assert said(words_of("es"), text, ASKED) == spanish


@pytest.mark.parametrize("code", ReasonCode)
def test_every_reason_can_be_said(code: ReasonCode) -> None:
    text = written(code, "ES")
    assert cli.said(text) != text
    for language in languages():
        assert said(words_of(language), text, ASKED) != text


def test_a_mail_names_the_first_reasons_that_say_something() -> None:
    example = matter(MailKind.NEW_REFERRAL, "es")
    assert example.referral is not None
    why = {"reasons": ["region_part|ES||ES-AN", "size_unknown", *(f"keyword|k{n}|1.00" for n in range(9))]}
    own = personal(replace(example, referral=replace(example.referral, why=why)), LINKS)
    assert own.items[0] == "Región: 41001 Sevilla, Andalucía, España (usted atiende una parte)"
    assert own.items[1:] == tuple(f"Palabra clave: k{n}" for n in range(7))
