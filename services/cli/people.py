"""Whom does a command name? Options, or a file: what stands in the options, every user of the machine can see."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from services.core.errors import CommandInvalid, Problem
from services.core.rfi import Person

_FIELDS = {"firstName": "first_name", "lastName": "last_name", "email": "email", "phone": "phone"}
_FORM = '{"firstName": "Ana", "lastName": "Ruiz", "email": "ana@partner.example", "phone": "+34955000001"}'


def person_of(text: str | None, options: Mapping[str, str | None]) -> Person:
    """The person of a file's JSON (`text`), or of the options when there is no file.

    Args:
        text: the content of the file; None: no file was given.
        options: by the names of `Person`; what is missing is left to the rules to complain of.

    Raises:
        CommandInvalid: the file is no such JSON, or there are both.
    """
    if text is None:
        return _made({name: value for name, value in options.items() if value is not None})
    if any(value is not None for value in options.values()):
        raise CommandInvalid([Problem("--file", "which", "name the person in the file or in the options, not in both")])
    try:
        given: Any = orjson.loads(text)
    except orjson.JSONDecodeError:
        given = None
    if not isinstance(given, dict) or not given.keys() <= _FIELDS.keys():
        raise CommandInvalid([Problem("--file", "not_a_person", f"write a person as {_FORM}")])
    wrong = [name for name, value in given.items() if not isinstance(value, str)]
    if wrong:
        raise CommandInvalid([Problem(f"/person/{name}", "not_text", "must be a text") for name in wrong])
    return _made({_FIELDS[name]: value for name, value in given.items()})


def _made(given: Mapping[str, str]) -> Person:
    return Person(**{"first_name": "", "last_name": "", "email": "", **given})
