"""Which releases a file of the Open Contracting Data Standard holds: one, a package, a record package or JSON lines."""

from __future__ import annotations

import lzma
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from services.core.errors import CommandInvalid, Problem

Json = Mapping[str, Any]


def releases_of(document: Any) -> Iterator[Json]:
    """The releases of one JSON document, whatever of the four forms it has; nothing if it has none."""
    if not isinstance(document, Mapping):
        return
    if isinstance(document.get("releases"), list):
        yield from (r for r in document["releases"] if isinstance(r, Mapping))
    elif isinstance(document.get("records"), list):
        for record in document["records"]:
            compiled = record.get("compiledRelease") if isinstance(record, Mapping) else None
            if isinstance(compiled, Mapping):
                yield compiled
    elif "ocid" in document or "tender" in document:
        yield document


def read_releases(path: Path) -> Iterator[Json]:
    """Every release in the file (.json, .jsonl, either with .xz).

    Raises:
        CommandInvalid: a line is not JSON, or the file holds no release; says which line.
    """
    raw = lzma.decompress(path.read_bytes()) if path.suffix == ".xz" else path.read_bytes()
    found = False
    for number, text in enumerate(_documents(raw, path), start=1):
        try:
            document = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            problem = Problem(f"{path.name}:{number}", "not_json", f"is not JSON ({error}); mend or remove this line")
            raise CommandInvalid([problem]) from error
        for release in releases_of(document):
            found = True
            yield release
    if not found:
        raise CommandInvalid(
            [Problem(path.name, "no_release", "holds no OCDS release; expected a release, a package or JSON lines")]
        )


def _documents(raw: bytes, path: Path) -> Iterator[bytes]:
    lines = ".jsonl" in path.suffixes or ".ndjson" in path.suffixes
    if lines:
        yield from (line for line in raw.splitlines() if line.strip())
    else:
        yield raw
