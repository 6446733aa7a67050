"""Which RFIs a publisher's file holds: JSON, JSON lines or CSV, each with the line it stands on.

JSON lines are passed on byte for byte, broken ones too: intake refuses them with words, and keeps them. In CSV a
column is a dotted path of the wire form (`customer.contact.email`); lists are separated by `;`, truth is `true`.
"""

from __future__ import annotations

import csv
import io
import re
from codecs import BOM_UTF8
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from services.core.errors import CommandInvalid, Problem

_TEXTS = ("industries", "products", "services", "keywords", "mustOffer", "mustOfferOneOf", "mustNotOffer")
_LISTS = frozenset({"selectedPartners", "excludedPartners", *(f"need.{name}" for name in _TEXTS)})
_BOOLEANS = frozenset({"consent.contact", "consent.share", "consent.nextBest", "contactRequested"})
_NUMBERS = frozenset({"maxPartners", "need.withinKm"})
_DEGREES = frozenset(f"{of}.place.{name}" for of in ("customer", "need") for name in ("latitude", "longitude"))
_DEGREE = re.compile(r"[+-]?\d{1,3}(\.\d{1,15})?", re.ASCII)
_NOW = re.compile(rb"@now(?:-P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?)?)?")


@dataclass(frozen=True, slots=True)
class FileRfi:
    """One RFI of a file: where it stands, its key, and its bytes as they will be published."""

    line: int
    key: str
    value: bytes


def read_rfis(path: Path, now: datetime | None = None) -> Iterator[FileRfi]:
    """Every RFI of the file, by its ending: .json (one, or a list), .jsonl / .ndjson, .csv.

    Args:
        path: the file.
        now: when given, `@now` and `@now-P1DT3H` in the file stand for instants before it (the samples use that).

    Raises:
        CommandInvalid: the file as a whole can't be read; says what to do.
    """
    raw = path.read_bytes().removeprefix(BOM_UTF8)
    if now is not None:
        raw = _NOW.sub(lambda m: _instant(m, now), raw)
    lines: Iterator[tuple[int, bytes]]
    match path.suffix:
        case ".jsonl" | ".ndjson":
            lines = ((n, line) for n, line in enumerate(raw.splitlines(), start=1) if line.strip())
        case ".json":
            lines = _documents(raw, path.name)
        case ".csv":
            lines = _rows(raw, path.name)
        case other:
            raise CommandInvalid(
                [Problem(path.name, "file_type", f"{other or 'no'} ending: use .json, .jsonl or .csv")]
            )
    for number, value in lines:
        yield FileRfi(number, _key(value) or f"{path.name}:{number}", value)


def _instant(match: re.Match[bytes], now: datetime) -> bytes:
    days, hours, minutes = (int(g or 0) for g in match.groups())
    return (now - timedelta(days=days, hours=hours, minutes=minutes)).isoformat(timespec="seconds").encode()


def _documents(raw: bytes, name: str) -> Iterator[tuple[int, bytes]]:
    try:
        document = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise CommandInvalid([Problem(name, "not_json", f"is not JSON: {error}")]) from error
    for number, one in enumerate(document if isinstance(document, list) else [document], start=1):
        yield number, orjson.dumps(one)


def _rows(raw: bytes, name: str) -> Iterator[tuple[int, bytes]]:
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise CommandInvalid([Problem(name, "encoding", "is not UTF-8: save it as CSV UTF-8")]) from error
    reader = csv.DictReader(io.StringIO(text), strict=True)
    try:
        for row in reader:
            yield reader.line_num, orjson.dumps(_nested(row))
    except csv.Error as error:
        raise CommandInvalid([Problem(f"{name}:{reader.line_num + 1}", "csv", f"is not CSV: {error}")]) from error


def _nested(row: dict[Any, Any]) -> dict[str, Any]:
    """A row as the wire form without its empty cells. Surplus cells become an unknown field: intake names them."""
    document: dict[str, Any] = {}
    for column, cell in row.items():
        if column is None:
            document["surplusCells"] = cell
        elif cell:
            _set(document, str(column).strip(), str(cell).strip())
    return document


def _set(document: dict[str, Any], path: str, cell: str) -> None:
    *parents, last = path.split(".")
    for parent in parents:
        child = document.setdefault(parent, {})
        document = child if isinstance(child, dict) else {}
    document[last] = _typed(path, cell)


def _typed(path: str, cell: str) -> Any:
    if path in _LISTS:
        return [part.strip() for part in cell.split(";") if part.strip()]
    if path in _BOOLEANS and cell.lower() in {"true", "false"}:
        return cell.lower() == "true"
    if path in _NUMBERS and cell.isdecimal():
        return int(cell)
    if path in _DEGREES and _DEGREE.fullmatch(cell):
        return float(cell)
    return cell


def _key(value: bytes) -> str | None:
    try:
        document = orjson.loads(value)
    except orjson.JSONDecodeError:
        return None
    identifier = document.get("id") if isinstance(document, dict) else None
    return identifier if isinstance(identifier, str) and identifier else None
