"""What is wrong with the shape of a request, by JSON pointer? The framework finds it; this says it in plain words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from services.core.errors import Problem

#: The code of a body that is no JSON at all.
NO_JSON = "json_invalid"
_WORDS = {
    NO_JSON: "this is no JSON",
    "missing": "is needed",
    "extra_forbidden": "there is no such field",
    "model_attributes_type": "send a JSON object",
    "dict_type": "send a JSON object",
    "list_type": "must be a list",
    "string_type": "must be a text",
    "string_unicode": "is no text: it has half a character",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "bool_type": "must be true or false",
}
#: How the framework begins to say what is so: "String should have at most 100 characters".
_BEGINS = re.compile(r"^(?:Input|String|List|Value|Datetime) should ")


def shape_problems(found: Iterable[Mapping[str, Any]]) -> list[Problem]:
    """The problems of a body, or of parameters; "" points to the whole."""
    return [_problem(each) for each in found]


def _problem(each: Mapping[str, Any]) -> Problem:
    code, place = each["type"], each["loc"][1:]
    if code == NO_JSON:
        # The place is a number of characters.
        return Problem("", code, f"{_WORDS[code]}: look at character {place[0] if place else 0}")
    words = _WORDS.get(code) or _BEGINS.sub("must ", each["msg"]).removeprefix("Value error, ")
    return Problem("".join(f"/{_escaped(str(step))}" for step in place), code, words)


def _escaped(step: str) -> str:
    return step.replace("~", "~0").replace("/", "~1")
