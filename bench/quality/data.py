"""Which requests and awards does a folder hold? `requests.jsonl.xz`, `suppliers.jsonl.xz`: one object a line."""

from __future__ import annotations

import json
import lzma
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A classification of a request: scheme, code, label where published."""

    scheme: str
    code: str
    label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request with what became of it. Dates are ISO days, so that they compare as text."""

    id: str
    source: str
    date: str
    known: str
    #: From this day on its award can be known.
    title: str
    description: str
    language: str
    country: str
    region: str
    region_code: str
    place: str
    buyer: str
    unit: str
    codes: tuple[Code, ...]
    value: float
    currency: str
    winners: tuple[str, ...]
    losers: tuple[str, ...]
    #: Who bid and did not win, where that is published.


def load(folder: Path) -> dict[str, list[Request]]:
    """The requests that can be used, by source, in order of their dates: awarded, dated, not for a panel.

    Raises:
        FileNotFoundError: the folder lacks `requests.jsonl.xz`.
    """
    found: defaultdict[str, list[Request]] = defaultdict(list)
    for row in _rows(folder / "requests.jsonl.xz"):
        if row.get("awarded") and row.get("date") and not row.get("panel"):
            found[str(row["src"])].append(_request(row))
    for requests in found.values():
        requests.sort(key=lambda r: r.date)
    return dict(found)


def names(folder: Path) -> dict[str, str]:
    """The names of suppliers by id; empty when the folder has none."""
    path = folder / "suppliers.jsonl.xz"
    return {str(row["id"]): str(row.get("name") or row["id"]) for row in _rows(path)} if path.exists() else {}


def _rows(path: Path) -> Iterator[Mapping[str, Any]]:
    with lzma.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def _request(row: Mapping[str, Any]) -> Request:
    winners = tuple(dict.fromkeys(str(w) for w in row["awarded"]))
    bidders = dict.fromkeys(str(b) for b in row.get("bidders") or ())
    return Request(
        id=str(row["id"]),
        source=str(row["src"]),
        date=str(row["date"]),
        known=max(str(row["date"]), str(row.get("award_date") or "")),
        **{name: str(row.get(name) or "") for name in ("title", "description", "language", "country")},
        region=str(row.get("region") or ""),
        region_code=str(row.get("region_code") or ""),
        place=str(row.get("place") or ""),
        buyer=str(row.get("buyer") or ""),
        unit=str(row.get("buyer_unit") or ""),
        codes=tuple(
            Code(scheme=str(c.get("scheme") or ""), code=str(c.get("id") or ""), label=str(c.get("label") or ""))
            for c in row.get("classification") or ()
        ),
        value=float(row.get("value") or 0),
        currency=str(row.get("currency") or ""),
        winners=winners,
        losers=tuple(b for b in bidders if b not in winners),
    )
