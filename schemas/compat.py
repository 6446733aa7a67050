"""May a message's schema change like this? Lists every way in which a change breaks somebody.

`backward`: new readers must read what was written before (our inputs, replays). `forward`: old readers must read what
is written from now on (everything we tell).
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from schemas.narrowing import Comparison, Schema, resolved


class Direction(StrEnum):
    """Who must not be broken."""

    BACKWARD = "backward"
    FORWARD = "forward"
    FULL = "full"


def breaking_changes(old: Schema, new: Schema, direction: Direction) -> list[str]:
    """Every break, as `<JSON pointer>: <what>`; none means that the change may be made within the version."""
    found = list(_gone(old, new))
    if direction in {Direction.BACKWARD, Direction.FULL}:
        found += Comparison(old, new, "now ").differences()
    if direction in {Direction.FORWARD, Direction.FULL}:
        found += Comparison(new, old, "old readers: ").differences()
    return sorted(set(found))


def _gone(old: Schema, new: Schema) -> Iterator[str]:
    """Fields that went (a reader may live without an optional one, but not for good) and defaults that changed."""
    return _walk((old, old), (new, new), "")


def _walk(old: tuple[Schema, Schema], new: tuple[Schema, Schema], at: str) -> Iterator[str]:
    (was, old_root), (now, new_root) = old, new
    was, now = _object_in(was, old_root), _object_in(now, new_root)
    fields = now.get("properties", {})
    for name, field in was.get("properties", {}).items():
        if name not in fields:
            yield f"{at}/{name}: the field was removed"
        else:
            if "default" in field and "default" in fields[name] and field["default"] != fields[name]["default"]:
                yield f"{at}/{name}: the default was changed"
            yield from _walk((field, old_root), (fields[name], new_root), f"{at}/{name}")
    if "items" in was and "items" in now:
        yield from _walk((was["items"], old_root), (now["items"], new_root), f"{at}/*")


def _object_in(schema: Schema, root: Schema) -> Schema:
    """What the schema says besides null, with its reference followed."""
    schema = resolved(schema, root)
    for branch in schema.get("anyOf", ()):
        if (found := resolved(branch, root)).get("type") in {"object", "array"}:
            return found
    return schema
