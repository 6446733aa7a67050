"""Compatibility: each kind of break is caught, and what breaks nobody is let through."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from schemas.compat import Direction, breaking_changes
from schemas.generate import schema_of
from schemas.registry import MESSAGES

Json = dict[str, Any]
CLOSED: Json = {
    "$defs": {
        "Place": {
            "type": "object",
            "properties": {"city": {"type": "string", "maxLength": 80}},
            "required": ["city"],
            "additionalProperties": False,
        }
    },
    "type": "object",
    "properties": {
        "id": {"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[a-z]+$"},
        "count": {"type": "integer", "minimum": 1, "maximum": 20, "default": 5},
        "kind": {"enum": ["a", "b"], "type": "string"},
        "place": {"anyOf": [{"$ref": "#/$defs/Place"}, {"type": "null"}], "default": None},
        "tags": {"type": "array", "maxItems": 5, "items": {"type": "string", "maxLength": 9}},
    },
    "required": ["id", "kind"],
    "additionalProperties": False,
}


def changed(edit: Callable[[Json], object], schema: Json = CLOSED) -> Json:
    new = copy.deepcopy(schema)
    edit(new)
    return new


BACKWARD = {
    "removed field": (lambda s: s["properties"].pop("tags"), "/tags: the field was removed"),
    "new required field": (lambda s: s["required"].append("count"), "/count: now the field is required"),
    "shorter text": (lambda s: s["properties"]["id"].update(maxLength=32), "/id: now maxLength is 32, not 64"),
    "longer least text": (lambda s: s["properties"]["id"].update(minLength=2), "/id: now minLength is 2, not 1"),
    "other pattern": (lambda s: s["properties"]["id"].update(pattern="^x$"), "/id: now pattern ^x$"),
    "new format": (
        lambda s: s["properties"]["id"].update(format="uuid"),
        "/id: now format uuid is asked for, not anything",
    ),
    "smaller number": (lambda s: s["properties"]["count"].update(maximum=10), "/count: now maximum is 10, not 20"),
    "new bound": (lambda s: s["properties"]["count"].update(exclusiveMinimum=0), "/count: now exclusiveMinimum is 0"),
    "other type": (
        lambda s: s["properties"]["count"].update(type="string"),
        "/count: now the type is string, not integer",
    ),
    "type where any was": (lambda s: s["properties"]["kind"].update(type="integer"), "/kind: now the type is integer"),
    "fewer choices": (lambda s: s["properties"]["kind"].update(enum=["a"]), "/kind: now b may not stand here"),
    "choices where any text was": (
        lambda s: s["properties"]["id"].update(enum=["x"]),
        "/id: now only x may stand here",
    ),
    "constant": (lambda s: s["properties"]["kind"].update(const="a"), "/kind: now b may not stand here"),
    "null no more": (
        lambda s: s["properties"].update(place={"$ref": "#/$defs/Place"}),
        "/place: now null is not allowed",
    ),
    "fewer items": (lambda s: s["properties"]["tags"].update(maxItems=4), "/tags: now maxItems is 4, not 5"),
    "narrower items": (
        lambda s: s["properties"]["tags"]["items"].update(maxLength=8),
        "/tags/*: now maxLength is 8, not 9",
    ),
    "inside a reference": (
        lambda s: s["$defs"]["Place"]["properties"]["city"].update(maxLength=9),
        "/place/city: now maxLength is 9, not 80",
    ),
    "field of a reference": (
        lambda s: (s["$defs"]["Place"]["properties"].clear(), s["$defs"]["Place"]["required"].clear()),
        "/place/city: the field was removed",
    ),
    "other default": (lambda s: s["properties"]["count"].update(default=3), "/count: the default was changed"),
    "unknown keyword": (
        lambda s: s["properties"]["tags"].update(uniqueItems=True),
        "/tags: now uniqueItems True is asked for",
    ),
}


@pytest.mark.parametrize(("edit", "told"), BACKWARD.values(), ids=BACKWARD)
def test_a_change_that_refuses_what_was_right_is_caught(edit: Callable[[Json], object], told: str) -> None:
    found = breaking_changes(CLOSED, changed(edit), Direction.BACKWARD)
    assert any(change.startswith(told) for change in found), found
    assert set(found) <= set(breaking_changes(CLOSED, changed(edit), Direction.FULL))


WIDER = {
    "new optional field": lambda s: s["properties"].update(note={"type": "string"}),
    "longer text": lambda s: s["properties"]["id"].update(maxLength=128),
    "more choices": lambda s: s["properties"]["kind"].update(enum=["a", "b", "c"]),
    "no longer required": lambda s: s["required"].remove("kind"),
    "number for integer": lambda s: s["properties"]["count"].update(type="number"),
    "null as well": lambda s: s["properties"].update(tags={"anyOf": [s["properties"]["tags"], {"type": "null"}]}),
    "bound gone": lambda s: s["properties"]["tags"].pop("maxItems"),
}


@pytest.mark.parametrize("edit", WIDER.values(), ids=WIDER)
def test_a_wider_input_breaks_no_publisher_but_would_break_old_readers(edit: Callable[[Json], object]) -> None:
    assert breaking_changes(CLOSED, changed(edit), Direction.BACKWARD) == []
    assert breaking_changes(CLOSED, changed(edit), Direction.FORWARD) != []


def test_old_readers_of_an_open_message_live_with_new_fields_but_not_with_missing_or_wider_ones() -> None:
    open_ = changed(lambda s: s.pop("additionalProperties"))
    assert breaking_changes(open_, changed(WIDER["new optional field"], open_), Direction.FULL) == []
    required = changed(lambda s: (s["properties"].update(note={"type": "string"}), s["required"].append("note")), open_)
    assert breaking_changes(open_, required, Direction.FORWARD) == []
    assert breaking_changes(open_, required, Direction.BACKWARD) == ["/note: now the field is required"]
    wider = breaking_changes(open_, changed(WIDER["more choices"], open_), Direction.FORWARD)
    assert wider == ["/kind: old readers: c may not stand here"]
    optional = breaking_changes(open_, changed(WIDER["no longer required"], open_), Direction.FORWARD)
    assert optional == ["/kind: old readers: the field is required"]


def test_closing_an_open_message_is_a_break() -> None:
    open_ = changed(lambda s: s.pop("additionalProperties"))
    assert breaking_changes(open_, CLOSED, Direction.BACKWARD) == [": now unknown fields are refused"]


def test_words_for_people_may_change() -> None:
    words = changed(lambda s: (s.update(title="T", description="D"), s["properties"]["id"].update(examples=["x"])))
    assert breaking_changes(CLOSED, words, Direction.FULL) == []


def test_no_schema_breaks_itself() -> None:
    for message in MESSAGES:
        Draft202012Validator.check_schema(schema_of(message))
        assert breaking_changes(schema_of(message), schema_of(message), Direction.FULL) == []
