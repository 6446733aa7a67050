"""What stands in a form: what a person entered, kept as entered, and every problem of it by field?

Fields are named by JSON pointers, as the problems of the core are; a form's prefix keeps ids of several forms on one
page apart. Problems are said in the reader's language by their code.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation

from babel.numbers import NumberFormatError, parse_decimal
from fastapi import Request

from services.core.errors import Problem
from services.portal.pages.problem_words import problem_said
from services.wording.words import Words

_NOT_IN_IDS = re.compile(r"[^A-Za-z0-9]+")
_SPACES = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class FormState:
    """One form as it is shown."""

    prefix: str
    words: Words
    values: Mapping[str, str] = field(default_factory=dict)
    #: By the name of the input.
    problems: Sequence[Problem] = ()

    def name_of(self, pointer: str) -> str:
        """Name of an input: `/dealValue/amount` is `dealValue.amount`."""
        return name_of(pointer)

    def id_of(self, pointer: str) -> str:
        """Id of an input, unique on the page."""
        return f"{self.prefix}-{_NOT_IN_IDS.sub('-', pointer).strip('-')}"

    def value(self, pointer: str) -> str:
        """What was entered, or what is proposed."""
        return self.values.get(name_of(pointer), "")

    def problems_at(self, pointer: str) -> list[str]:
        """The problems of a field, in words."""
        return [self.said(problem) for problem in self.problems if problem.field == pointer]

    def has(self, pointer: str) -> bool:
        """Whether a problem belongs to a field that can be gone to."""
        return bool(pointer)

    def said(self, problem: Problem) -> str:
        """A problem in the reader's language."""
        return problem_said(self.words, problem)


def name_of(pointer: str) -> str:
    """Name of the input of a field."""
    return pointer.strip("/").replace("/", ".")


async def fields_of(request: Request) -> dict[str, str]:
    """The texts of a form, by the names of its inputs; files are left out."""
    return {key: value for key, value in (await request.form()).items() if isinstance(value, str)}


def date_of(values: Mapping[str, str], pointer: str, problems: list[Problem]) -> date | None:
    """A date as browsers send it; what is none becomes a problem."""
    text = values.get(name_of(pointer), "").strip()
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        problems.append(Problem(pointer, "not_a_date", "enter a date, for example 2026-12-31"))
        return None


def amount_of(values: Mapping[str, str], pointer: str, problems: list[Problem], words: Words) -> Decimal | None:
    """An amount as the reader's language writes it, or plain (`48000.50`); what is none becomes a problem."""
    text = _SPACES.sub("", values.get(name_of(pointer), ""))
    if not text:
        return None
    try:
        found = _parsed(text, words.language)
    except (NumberFormatError, InvalidOperation):
        found = None
    if found is None or not found.is_finite():
        problems.append(Problem(pointer, "not_a_number", "enter an amount, for example 48000"))
        return None
    return found


def _parsed(text: str, language: str) -> Decimal:
    try:
        return Decimal(parse_decimal(text, locale=language, strict=True))
    except NumberFormatError:
        return Decimal(text)
