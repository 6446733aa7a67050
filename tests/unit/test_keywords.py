"""Texts become the same terms on both sides, whatever their spelling."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.matching.keywords import (
    LANGUAGES,
    fold,
    language_of,
    offered,
    offered_once,
    phrase,
    primary_tag,
    segments,
    weak_stems,
)

#: Names of concepts, words between them, and what ends a phrase.
OFFERS = ("cloud", "nube", "Business Central", "computación", "en la", "the", "Azure,", "gadget", "ERP")


@pytest.mark.parametrize(
    ("language", "one", "other"),
    [
        ("en", "Cloud migrations", "cloud migration"),
        ("en", "ＣＬＯＵＤ", "cloud"),
        ("en", "the security of networks", "security networks"),
        ("es", "Migración a la nube", "MIGRACION DE LA NUBE"),
        ("es", "instalación", "instalaciones"),
        ("es", "INSTALACION", "instalaciones"),
        ("es", "Diseño gráfico", "diseno grafico"),
        ("es", "energías renovables", "energia renovable"),
    ],
)
def test_spellings_of_one_thing_are_one_term(language: str, one: str, other: str) -> None:
    assert phrase(one, language) == phrase(other, language) != ""


@pytest.mark.parametrize(
    ("one", "other"), [("c++", "c"), ("c#", "c"), ("help desk", "desk"), ("office room", "room office")]
)
def test_different_things_stay_different(one: str, other: str) -> None:
    assert phrase(one, "en") != phrase(other, "en")


def test_a_phrase_does_not_reach_over_the_end_of_a_sentence() -> None:
    assert segments("We plan a migration. Cloud is (maybe) later, node.js now", "en") == (
        ("plan", "migrat"),
        ("cloud",),
        ("mayb",),
        ("later",),
        ("node", "js"),
    )


def test_stop_words_alone_say_nothing() -> None:
    assert phrase("to be or not to be", "en") == ""
    assert segments("", "es") == ()


@pytest.mark.parametrize(
    ("tag", "language"), [("es-MX", "es"), ("ES", "es"), ("en_GB", "en"), ("de", "en"), ("", "en")]
)
def test_a_text_is_stemmed_in_its_language_or_as_english(tag: str, language: str) -> None:
    assert language_of(tag) == language


def test_the_primary_tag_is_kept_for_languages_without_a_stemmer() -> None:
    assert primary_tag("pt-BR") == "pt"


def test_weak_words_are_stemmed_as_texts_are() -> None:
    assert phrase("Projects", "en") in weak_stems("en")
    assert phrase("necesitamos", "es") in weak_stems("es")


@given(st.text())
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.text(max_size=60), st.sampled_from(["en", "es"]))
def test_any_text_gives_the_same_terms_every_time(text: str, language: str) -> None:
    runs = segments(text, language)
    assert runs == segments(text, language)
    assert all(run and all(stem and " " not in stem for stem in run) for run in runs)


@given(st.text(alphabet="abcdeñáéíóúÑÁÉ nsció", max_size=40))
def test_upper_case_and_missing_accents_change_nothing(text: str) -> None:
    assert phrase(text.upper(), "es") == phrase(text, "es") == phrase(fold(text), "es")


@given(st.one_of(st.text(max_size=40), st.lists(st.sampled_from(OFFERS), max_size=3).map(" ".join)))
def test_a_text_that_is_read_once_says_what_it_always_says(text: str) -> None:
    assert list(offered_once(text)) == [(language, key) for language in LANGUAGES for key in offered(text, language)]
