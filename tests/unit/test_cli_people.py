"""A person on the command line: from options, or from a file that no other user of the machine sees."""

from __future__ import annotations

import json

import pytest

from services.cli.people import person_of
from services.core.errors import CommandInvalid
from services.core.rfi import Person

ANA = Person(first_name="Ana", last_name="Ruiz", email="ana@partner.example", phone="+34955000001")
OPTIONS = {"first_name": "Ana", "last_name": "Ruiz", "email": "ana@partner.example", "phone": "+34955000001"}
NONE: dict[str, str | None] = dict.fromkeys(OPTIONS)
TOLD = {"firstName": "Ana", "lastName": "Ruiz", "email": "ana@partner.example", "phone": "+34955000001"}


def test_a_file_and_the_options_name_the_same_person() -> None:
    assert person_of(None, OPTIONS) == person_of(json.dumps(TOLD), NONE) == ANA


def test_what_is_missing_is_left_to_the_rules() -> None:
    assert person_of(None, NONE) == person_of("{}", NONE) == Person(first_name="", last_name="", email="")


@pytest.mark.parametrize("text", ["", "Ana", "[]", '{"name": "Ana"}', '{"firstName": 1, "email": null}'])
def test_a_file_that_names_nobody_says_how_one_is_written(text: str) -> None:
    with pytest.raises(CommandInvalid) as refused:
        person_of(text, NONE)
    assert all(problem.message for problem in refused.value.problems)
    assert len(refused.value.problems) == (2 if "null" in text else 1)


def test_a_file_and_options_together_are_refused() -> None:
    with pytest.raises(CommandInvalid):
        person_of(json.dumps(TOLD), {**NONE, "phone": "+34955000002"})
