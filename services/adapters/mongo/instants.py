"""Where in a document do instants stand, so that those read without their zone get it back?

The driver makes an aware instant in four steps, two of them in Python, which is most of what reading a referral costs.
So documents in great numbers are read with naive instants, and what the fields of their class say is put right here.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from typing import Any, Union, get_args, get_origin, get_type_hints

Doc = dict[str, Any]
AddZone = Callable[[Doc], None]


def zone_adder(kind: type) -> AddZone:
    """A function that gives every instant of a document of this dataclass the zone UTC, in place.

    It looks into dataclasses, and tuples of them. Mappings hold JSON values, whose instants are text.
    """
    plain, parts, lists = _places(kind)

    def add(doc: Doc) -> None:
        for name in plain:
            at = doc.get(name)
            if isinstance(at, datetime):
                doc[name] = at.replace(tzinfo=UTC)
        for name, add_to_part in parts:
            part = doc.get(name)
            if isinstance(part, dict):
                add_to_part(part)
        for name, add_to_entry in lists:
            for entry in doc.get(name, ()):
                add_to_entry(entry)

    return add


def _places(kind: type) -> tuple[list[str], list[tuple[str, AddZone]], list[tuple[str, AddZone]]]:
    """Names of fields: instants, dataclasses with instants, tuples of such."""
    plain: list[str] = []
    parts: list[tuple[str, AddZone]] = []
    lists: list[tuple[str, AddZone]] = []
    hints = get_type_hints(kind)
    for field in fields(kind):
        wanted = _without_none(hints[field.name])
        if wanted is datetime:
            plain.append(field.name)
        elif _has_instants(wanted):
            parts.append((field.name, zone_adder(wanted)))
        elif get_origin(wanted) is tuple and _has_instants(get_args(wanted)[0]):
            lists.append((field.name, zone_adder(get_args(wanted)[0])))
    return plain, parts, lists


def _has_instants(kind: Any) -> bool:
    return isinstance(kind, type) and is_dataclass(kind) and any(_places(kind))


def _without_none(kind: Any) -> Any:
    if get_origin(kind) in {Union, types.UnionType}:
        others = [each for each in get_args(kind) if each is not type(None)]
        return others[0] if len(others) == 1 else kind
    return kind
