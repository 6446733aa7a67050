"""Do equal texts become equal, and do texts for people keep their wording?"""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from services.intake.normalise import content_hash, fold, fold_name, has_forbidden, one_line, paragraphs, terms


def test_a_line_is_trimmed_and_its_white_space_collapsed() -> None:
    assert one_line(" Migracio\u0301n \u00a0 a\tla\nnube ") == "Migración a la nube"


def test_windows_characters_read_as_latin_1_become_what_they_were() -> None:
    assert one_line("\x93Obra\x94 \x96 n\xba 1") == "“Obra” – nº 1"
    assert not has_forbidden("\x93Obra\x94")


def test_paragraphs_keep_their_line_breaks() -> None:
    assert paragraphs(" one  line \r\n\r\n\r\n\r\n two\rthree\n") == "one line\n\ntwo\nthree"


def test_terms_that_differ_in_case_marks_or_width_are_one_in_the_first_spelling() -> None:
    assert terms(["Migración", "MIGRACION", "ｍｉｇｒａｃｉｏｎ", " migración ", "Azure", " "]) == (
        "Migración",
        "Azure",
    )


def test_names_are_compared_without_punctuation() -> None:
    assert fold_name("St. Kitts & Nevis") == fold_name("st kitts  nevis")
    assert fold_name("Straße") == "strasse"


def test_forbidden_characters_are_found_and_useful_ones_left() -> None:
    assert all(has_forbidden(f"a{c}b") for c in "\x00\x07\x1b\x7f\x81\x9d\u202e\u2066\ufffe")
    assert not any(has_forbidden(f"a{c}b") for c in "\t\n\r\u00a0\u200d\u200eé漢🙂")


def test_the_hash_ignores_the_order_of_keys() -> None:
    assert content_hash({"a": 1, "b": [1, 2]}) == content_hash({"b": [1, 2], "a": 1})
    assert content_hash({"a": 1, "b": [1, 2]}) != content_hash({"a": 1, "b": [2, 1]})


texts = st.text(alphabet=st.characters(exclude_categories=["Cs"]))


@given(texts)
def test_normalising_twice_changes_nothing(text: str) -> None:
    for form in (one_line, paragraphs, fold):
        assert form(form(text)) == form(text)
    assert unicodedata.is_normalized("NFC", one_line(text))


@given(texts)
def test_folding_does_not_tell_case_apart(text: str) -> None:
    assert fold(fold(text).upper()) == fold(fold(text).upper().lower())
