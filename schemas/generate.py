"""Writes what follows from the models: JSON Schemas, the AsyncAPI document and docs/events.md.

python -m schemas.generate            write them
python -m schemas.generate --check    fail if one is stale, or if a released message changed in a breaking way
python -m schemas.generate --release  freeze the schemas as released: from now on nothing of them may break
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from schemas.asyncapi import asyncapi
from schemas.base import SchemaWithoutFieldTitles
from schemas.compat import Direction, breaking_changes
from schemas.document import events_page
from schemas.registry import MESSAGES, Message, schema_id
from schemas.topics import Topic


class Places(NamedTuple):
    """Where the documents lie."""

    generated: Path
    released: Path
    events_page: Path


_SCHEMAS = Path(__file__).parent
HERE = Places(_SCHEMAS / "generated", _SCHEMAS / "released", _SCHEMAS.parent / "docs" / "events.md")


def schema_of(message: Message) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a message's data; keys in the order of the model."""
    schema = message.model.model_json_schema(schema_generator=SchemaWithoutFieldTitles)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": schema_id(message),
        "title": schema.pop("title"),
        **schema,
    }


def direction_of(message: Message) -> Direction:
    """Who must not be broken: publishers by what we read, readers by what we tell, replays by both."""
    if message.topic is Topic.RFI_SUBMITTED:
        return Direction.BACKWARD
    return Direction.FORWARD if message.topic is None else Direction.FULL


def documents(places: Places) -> dict[Path, str]:
    """Every generated file and what it should contain."""
    files = {places.generated / f"{m.stem}.schema.json": _text(schema_of(m)) for m in MESSAGES}
    return {**files, places.generated / "asyncapi.json": _text(asyncapi()), places.events_page: events_page()}


def stale(files: Mapping[Path, str], places: Places) -> list[str]:
    """What differs on disk, is missing, or is left over."""
    wrong = [path for path, text in files.items() if not path.exists() or path.read_text() != text]
    return [path.name for path in (*wrong, *_left_over(files, places))]


def breaks(places: Places) -> list[str]:
    """Breaking changes against the released copies; a message that is gone breaks as well."""
    found = []
    current = {f"{m.stem}.schema.json": m for m in MESSAGES}
    for path in sorted(places.released.glob("*.schema.json")):
        message = current.get(path.name)
        if message is None:
            found.append(f"{path.name}: the message was removed")
            continue
        changes = breaking_changes(json.loads(path.read_text()), schema_of(message), direction_of(message))
        found += [f"{path.name} {change}" for change in changes]
    return found


def main(arguments: list[str] | None = None, places: Places = HERE) -> int:
    """Write, check or release; returns the exit code."""
    parser = argparse.ArgumentParser(description="Write the generated documents of schemas/.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if something is stale or breaks")
    parser.add_argument("--release", action="store_true", help="also freeze the schemas as released")
    chosen = parser.parse_args(arguments)
    files = documents(places)
    complaints = [f"breaks a released contract: {change}" for change in breaks(places)]
    if chosen.check:
        complaints += [f"stale, run `make schemas`: {name}" for name in stale(files, places)]
    elif not (chosen.release and complaints):
        _write(files, places, release=chosen.release)
    sys.stderr.writelines(f"{complaint}\n" for complaint in complaints)
    return 1 if complaints else 0


def _write(files: Mapping[Path, str], places: Places, *, release: bool) -> None:
    for path in _left_over(files, places):
        path.unlink()
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        if release and path.name.endswith(".schema.json"):
            places.released.mkdir(exist_ok=True)
            (places.released / path.name).write_text(text)


def _left_over(files: Mapping[Path, str], places: Places) -> list[Path]:
    return sorted(path for path in places.generated.glob("*.json") if path not in files)


def _text(document: object) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.exit(main())
