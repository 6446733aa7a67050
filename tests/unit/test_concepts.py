"""Words of one meaning are one term, in both languages; and mistakes in the files are told, all at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from services.core.errors import CommandInvalid
from services.matching import concepts
from services.matching.asked import read
from services.matching.keywords import offered, phrase, segments
from services.matching.reference import ReferenceMatcher
from services.matching.spelling import meant
from services.matching.synonyms import known, of_code
from tests.builders import START, make_need, make_partner, make_profile, make_rfi


class Idle:
    def open_count(self, profile_id: str) -> int:
        return 0


def found(language: str, wanted: dict[str, Any], offered_by: dict[str, Any]) -> bool:
    """True if the only profile gets the RFI."""
    bare: dict[str, Any] = {"keywords": (), "industries": (), "products": (), "services": ()}
    matcher = ReferenceMatcher(Idle())
    matcher.put(make_profile(1, **(bare | offered_by)))
    need = make_need(**({"title": "x1", "description": ""} | bare | wanted))
    (routing,) = matcher.match([make_rfi(1, language=language, need=need)], START)
    return [each.partner_id for each in routing.chosen] == [make_partner(1).id]


def test_the_files_of_the_project_are_right() -> None:
    assert len(known()) > 250
    assert all(any(concept.labels[lang] for lang in concepts.LANGUAGES) for concept in known().values())


@pytest.mark.parametrize(
    ("english", "spanish"),
    [
        ("cloud", "la nube"),
        ("Cloud Computing", "computación en la nube"),
        ("cyber security", "Seguridad Informática"),
        ("help desk", "mesa de ayuda"),
        ("Software development", "desarrollos de software"),
        ("backups", "copias de seguridad"),
        ("website", "páginas web"),
        ("CRM", "gestión de relaciones con clientes"),
    ],
)
def test_two_languages_name_the_same_thing(english: str, spanish: str) -> None:
    assert phrase(english, "en") == phrase(spanish, "es") != ""


@pytest.mark.parametrize(
    ("language", "wanted", "offer"),
    [
        ("es", {"title": "Buscamos migrar a la nube"}, {"keywords": ("cloud migration",)}),
        ("en", {"keywords": ("cyber security",)}, {"services": ("Ciberseguridad",)}),
        # Who offers the narrower is found when the wider is asked for ...
        ("en", {"keywords": ("ERP",)}, {"products": ("Dynamics 365 Business Central",)}),
        ("es", {"title": "Implantación de un sistema ERP"}, {"keywords": ("Navision",)}),
        # ... and who offers the wider by name, when the narrower is.
        ("en", {"products": ("Dynamics NAV",)}, {"keywords": ("ERP",)}),
        ("en", {"services": ("cpv:72267100",)}, {"services": ("software maintenance",)}),
        ("en", {"industries": ("Retail",)}, {"industries": ("comercio minorista",)}),
        ("en", {"keywords": ("sharepiont",)}, {"keywords": ("SharePoint",)}),
    ],
)
def test_an_rfi_finds_who_says_it_otherwise(language: str, wanted: dict[str, Any], offer: dict[str, Any]) -> None:
    assert found(language, wanted, offer)


@pytest.mark.parametrize(
    ("wanted", "offer"),
    [
        # Two things within one are not the same thing.
        ({"keywords": ("azure",)}, {"keywords": ("aws",)}),
        ({"keywords": ("Business Central",)}, {"keywords": ("SAP Business One",)}),
        ({"title": "Delivery via the hospital"}, {"keywords": ("road works",)}),
        ({"keywords": ("painter",)}, {"keywords": ("printer",)}),
    ],
)
def test_different_things_stay_apart(wanted: dict[str, Any], offer: dict[str, Any]) -> None:
    assert not found("en", wanted, offer)


def test_the_longest_label_counts() -> None:
    assert segments("we run Dynamics 365 Business Central in the cloud", "en") == (
        ("run", "business-central", "cloud"),
    )


def test_an_offered_thing_is_found_as_itself_and_as_all_that_it_lies_within() -> None:
    assert offered("Business Central", "es") == (
        "business-central",
        "=business-central",
        "erp",
        "dynamics-365",
        "business-software",
    )
    assert offered("zzz plans", "en") == ("zzz plan",)


def test_a_code_means_the_longest_known_beginning() -> None:
    assert (of_code("cpv:72267100"), of_code("cpv:72000000"), of_code("cpv:99")) == (
        "software-maintenance",
        "it-services",
        None,
    )


@pytest.mark.parametrize(
    ("written", "thing"),
    [
        ("cibersegurida", "cybersecurity"),
        ("Busines Central", "business-central"),
        ("Dynamcis 365 Busines Central", "business-central"),
        ("sharepoint", None),
        ("claud", None),
        ("wholly other", None),
    ],
)
def test_a_typing_error_is_seen_through_in_long_words_only(written: str, thing: str | None) -> None:
    assert meant(written) == thing


def test_a_guess_counts_less_than_what_was_named() -> None:
    asked = read(make_rfi(1, need=make_need(keywords=("sharepiont",))))
    assert {source.label for source, runs in asked.texts if ("sharepoint",) in runs} == {"wider than what was asked"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: {en: [one]}\nb: {en: [ones]}\n", "'ones' means a already"),
        ("a: {en: [one], in: [nowhere]}\n", "lies within nowhere, which is nowhere"),
        ("a: {en: [one], in: [b]}\nb: {en: [two], in: [a]}\n", "lies within itself"),
        ("a: {en: [one], codes: [cpv:1]}\nb: {en: [two], codes: [cpv:1]}\n", "the code cpv:1 is a already"),
        ("A b: {en: [one]}\n", "lower case"),
        ("a: {en: one}\n", "lists of texts"),
        ("a: {en: [365]}\n", "lists of texts"),
        ("a: {fr: [un]}\n", "no other fields"),
        ("a: {in: []}\n", "no label"),
        ("a: {en: [the]}\n", "says nothing"),
        ("a: [", "is not YAML"),
        ("- a\n", "one concept a line"),
    ],
)
def test_a_mistake_in_a_file_is_told_with_file_and_name(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "mine.yaml").write_text(text, "utf-8")
    with pytest.raises(CommandInvalid) as caught:
        known(tmp_path)
    (problem, *_) = caught.value.problems
    assert problem.field.startswith("mine.yaml")
    assert told in problem.message


def test_every_mistake_is_told_at_once_and_a_name_belongs_to_one_file(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text("a: {en: [one]}\nb: {en: [two], in: [c]}\n", "utf-8")
    (tmp_path / "two.yaml").write_text("a: {en: [three]}\n", "utf-8")
    with pytest.raises(CommandInvalid) as caught:
        concepts.read(tmp_path)
    assert [problem.field for problem in caught.value.problems] == ["two.yaml: a", "one.yaml: b"]


def test_the_fingerprint_changes_with_the_files(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text("a: {en: [one]}\n", "utf-8")
    other = tmp_path / "other"
    other.mkdir()
    (other / "one.yaml").write_text("a: {en: [two]}\n", "utf-8")
    assert concepts.fingerprint(tmp_path) != concepts.fingerprint(other)


def test_who_offers_just_what_was_asked_has_it_in_full() -> None:
    matcher = ReferenceMatcher(Idle())
    bare: dict[str, Any] = {"industries": (), "products": (), "services": ()}
    matcher.put(make_profile(1, keywords=("azure",), **bare))
    alone = matcher.match([make_rfi(1, need=make_need(title="x1", description="", keywords=("azure",), **bare))], START)
    matcher.put(make_profile(2, keywords=("cloud",), **bare))
    beside = matcher.match(
        [make_rfi(1, need=make_need(title="x1", description="", keywords=("azure",), **bare))], START
    )
    (only,), (first, second) = alone[0].chosen, beside[0].chosen
    assert only.score == first.score > second.score
