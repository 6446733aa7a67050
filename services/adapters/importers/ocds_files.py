"""Which releases a file of the Open Contracting Data Standard holds: one, a package, a record package or JSON lines."""

from __future__ import annotations

import lzma
from codecs import BOM_UTF8
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
        CommandInvalid: the file can't be unpacked, a line is not JSON (says which), or there is no release in it.
    """
    found = False
    for number, text in _documents(_unpacked(path).removeprefix(BOM_UTF8), path):
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


def _unpacked(path: Path) -> bytes:
    raw = path.read_bytes()
    if path.suffix != ".xz":
        return raw
    try:
        return lzma.decompress(raw)
    except lzma.LZMAError as error:
        words = f"can't be unpacked ({error}); fetch it again, or unpack it yourself"
        raise CommandInvalid([Problem(path.name, "not_xz", words)]) from error


def _documents(raw: bytes, path: Path) -> Iterator[tuple[int, bytes]]:
    """The documents with the lines on which they begin."""
    lines = ".jsonl" in path.suffixes or ".ndjson" in path.suffixes
    if lines:
        yield from ((number, line) for number, line in enumerate(raw.splitlines(), start=1) if line.strip())
    else:
        yield 1, raw
