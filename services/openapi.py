"""Writes docs/openapi.json, and holds it to what was released.

python -m services.openapi            write it
python -m services.openapi --check    fail if it is stale, or if a released operation changed in a breaking way
python -m services.openapi --release  freeze it as released: from now on nothing of it may break
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from schemas.compat import Direction, breaking_changes
from services.portal.app import build
from services.portal.openapi import document
from services.portal.ports import PortalPorts

_DOCS = Path(__file__).parent.parent / "docs"
CURRENT, RELEASED = "openapi.json", "openapi.released.json"
_REFERENCE = "#/components/schemas/"


class Unopened:
    """Stands in for every port: while the document is written nothing is asked of the world."""

    def __getattr__(self, _name: str) -> Unopened:
        return self


def current() -> dict[str, Any]:
    """The document of the portal as it is in the code."""
    unopened: dict[str, Any] = {field.name: Unopened() for field in fields(PortalPorts)}
    return document(build(PortalPorts(**unopened)))


def breaks(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """Every way in which a client of the old document fails with the new one."""
    old_schemas, new_schemas = _definitions(old), _definitions(new)
    for path, operations in old["paths"].items():
        for method, operation in operations.items():
            name = f"{method.upper()} {path}"
            now = new["paths"].get(path, {}).get(method)
            if now is None:
                yield f"{name}: the operation was removed"
                continue
            yield from (f"{name} {what}" for what in _parameters(operation, now))
            yield from (f"{name} {what}" for what in _bodies(operation, now, old_schemas, new_schemas))


def _parameters(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    before = {(each["in"], each["name"]) for each in old.get("parameters", ())}
    after = {(each["in"], each["name"]): each for each in new.get("parameters", ())}
    for place, name in sorted(before - after.keys()):
        yield f"{place} {name}: the parameter was removed"
    for place, name in sorted(after.keys() - before):
        if after[place, name].get("required"):
            yield f"{place} {name}: a new parameter is required"


def _bodies(old: Any, new: Any, old_schemas: Mapping[str, Any], new_schemas: Mapping[str, Any]) -> Iterator[str]:
    """What clients send must still be read; what they are told they must still be able to read."""
    pairs = [("request", old.get("requestBody", {}), new.get("requestBody", {}), Direction.BACKWARD)]
    for status, answer in old["responses"].items():
        if status not in new["responses"]:
            # Errors are all told in one form; an answer of success that is gone is another matter.
            if status.startswith("2"):
                yield f"{status}: the answer was removed"
            continue
        pairs.append((status, answer, new["responses"][status], Direction.FORWARD))
    for place, was, now, direction in pairs:
        for media, content in was.get("content", {}).items():
            there = now.get("content", {}).get(media)
            if there is None:
                yield f"{place} {media}: is not spoken any more"
                continue
            changes = breaking_changes(_schema(content, old_schemas), _schema(there, new_schemas), direction)
            yield from (f"{place} {change}" for change in changes)


def _definitions(root: Mapping[str, Any]) -> dict[str, Any]:
    """The named schemas of a document, as `schemas.compat` refers to them."""
    return _referring(root.get("components", {}).get("schemas", {}))


def _schema(content: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """The schema by itself, as `schemas.compat` reads schemas: what it refers to stands in `$defs`."""
    return {**_referring(content.get("schema", {})), "$defs": definitions}


def _referring(schemas: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(json.dumps(schemas).replace(_REFERENCE, "#/$defs/"))
    return made


def main(arguments: list[str] | None = None, folder: Path = _DOCS) -> int:
    """Write, check or release; returns the exit code."""
    parser = argparse.ArgumentParser(description="Write the OpenAPI document of the portal.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if it is stale or breaks")
    parser.add_argument("--release", action="store_true", help="also freeze it as released")
    chosen = parser.parse_args(arguments)
    made = current()
    text = json.dumps(made, indent=1, ensure_ascii=False) + "\n"
    released = folder / RELEASED
    complaints = []
    if released.exists():
        complaints += [f"breaks a released contract: {each}" for each in breaks(json.loads(released.read_text()), made)]
    if chosen.check:
        if not (folder / CURRENT).exists() or (folder / CURRENT).read_text() != text:
            complaints.append(f"stale, run `make schemas`: {CURRENT}")
    else:
        (folder / CURRENT).write_text(text)
        if chosen.release and not complaints:
            released.write_text(text)
    sys.stderr.writelines(f"{complaint}\n" for complaint in complaints)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
