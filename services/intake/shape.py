"""Does the input have the shape of an RFI, and if not, how is that told to somebody who has never seen our code?"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from schemas.rfi import LARGEST_CIRCLE_KM, RfiSubmittedV1
from services.intake.findings import MAX_PROBLEMS, Findings
from services.intake.normalise import has_forbidden

#: Longest field name repeated to the sender; a longer one is no misspelling of ours.
_NAME_LIMIT = 64

_WORDS = {
    "missing": "is required; add it",
    "string_type": "must be a text in quotation marks",
    "string_unicode": "holds characters that are no text; send UTF-8",
    "int_type": "must be a whole number without quotation marks",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number without quotation marks",
    "bool_type": "must be true or false, without quotation marks",
    "list_type": "must be a list in square brackets",
    "model_type": "must be an object in curly brackets",
    "model_attributes_type": "must be an object in curly brackets",
}
#: Kinds of pydantic's faults to our codes, which stay when pydantic's change.
_CODES = dict.fromkeys(_WORDS, "wrong_type") | {
    "missing": "missing",
    "string_unicode": "control_characters",
    "extra_forbidden": "unknown_field",
    "string_too_short": "too_short",
    "string_too_long": "too_long",
    "too_long": "too_many",
    "string_pattern_mismatch": "format",
    "greater_than_equal": "out_of_range",
    "less_than_equal": "out_of_range",
    "finite_number": "out_of_range",
}
_NO_HINT = "remove it or check its spelling"
#: The bounds of a field by its name, where both are of use to know.
_BOUNDS = {
    "latitude": "must be from -90 to 90, in degrees",
    "longitude": "must be from -180 to 180, in degrees",
    "withinKm": f"must be from 1 to {LARGEST_CIRCLE_KM} kilometres",
}
_PATTERNS = {
    "/id": "must be printable ASCII without spaces",
    "/need/budget/amount": "must be a number as text with at most 4 decimals, for example 25000.00",
}


def check_shape(data: object, found: Findings) -> RfiSubmittedV1 | None:
    """The RFI as sent, or None with every fault of its shape noted."""
    try:
        return RfiSubmittedV1.model_validate(data)
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=True, include_input=False)
        for number, detail in enumerate(details):
            # Looking for what was meant takes a while: not for each of the thousands of fields of a hostile input.
            field, code, message = _told(detail, hint=number < MAX_PROBLEMS)
            # An instant that is there is judged in one place, with its offset and range.
            if field != "/submittedAt" or code == "missing":
                found.add(field, code, message)
        return None


def pointer(path: Sequence[str | int]) -> str:
    """A JSON pointer (RFC 6901); names that can't be one of ours are shortened, so that nothing large is repeated."""
    return "".join("/" + _safe(str(step)).replace("~", "~0").replace("/", "~1") for step in path)


def _safe(name: str) -> str:
    if len(name) <= _NAME_LIMIT and not has_forbidden(name):
        return name
    return "".join(c for c in name[:_NAME_LIMIT] if c.isprintable()) + "…"


def _told(detail: ErrorDetails, *, hint: bool) -> tuple[str, str, str]:
    """Field, stable code and words of one fault found by pydantic; `hint` says what a misspelt field may mean."""
    kind, where = detail["type"], pointer(detail["loc"])
    context: Mapping[str, Any] = detail.get("ctx", {})
    code = _CODES.get(kind, "invalid")
    match kind:
        case "extra_forbidden":
            words = f"is not a field of an RFI; {_meant(detail['loc']) if hint else _NO_HINT}"
        case "string_too_short":
            least = context["min_length"]
            words = "must not be empty" if least == 1 else f"must have at least {least} characters"
        case "string_too_long":
            words = f"must have at most {context['max_length']} characters"
        case "too_long":
            words = f"must have at most {context['max_length']} entries"
        case "string_pattern_mismatch":
            words = _PATTERNS.get(where, "does not have the form this field needs")
        case "greater_than_equal" | "less_than_equal" | "finite_number":
            words = _out_of_range(str(detail["loc"][-1]), context)
        case _:
            words = _WORDS.get(kind, "is not valid here; see the JSON Schema of rfi.submitted")
    return where, code, words


def _out_of_range(name: str, context: Mapping[str, Any]) -> str:
    if name in _BOUNDS:
        return _BOUNDS[name]
    return f"must be at least {context['ge']}" if "ge" in context else f"must be at most {context['le']}"


def _meant(path: Sequence[str | int]) -> str:
    known = _fields_at(RfiSubmittedV1, path[:-1])
    close = difflib.get_close_matches(str(path[-1])[:_NAME_LIMIT], known, n=1)
    return f"did you mean {close[0]}?" if close else _NO_HINT


def _fields_at(model: type[BaseModel], path: Sequence[str | int]) -> list[str]:
    """The names a publisher may use in the object at this place."""
    for step in path:
        info = next((f for f in model.model_fields.values() if f.alias == step), None)
        inner = [] if info is None else [info.annotation, *getattr(info.annotation, "__args__", ())]
        models = [t for t in inner if isinstance(t, type) and issubclass(t, BaseModel)]
        if not models:
            return []
        model = models[0]
    return [f.alias for f in model.model_fields.values() if f.alias]
