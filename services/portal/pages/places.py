"""Where in a list by time does a page begin, as an address says it?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, TypeVar
from urllib.parse import urlencode

from fastapi import Request

from services.core.listing import Cursor

T = TypeVar("T")

_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Part(Generic[T]):
    """One page of a list; `next` is how an address says where the next one begins, empty on the last page."""

    rows: Sequence[T]
    next: str


def part_of(found: Sequence[T], most: int, place: Callable[[T], Cursor]) -> Part[T]:
    """The first `most` of what was found when one more was asked for."""
    rows = found[:most]
    return Part(rows, written(place(rows[-1])) if len(found) > most else "")


def written(cursor: Cursor) -> str:
    """As it stands in an address."""
    return f"{cursor.at.isoformat()}~{cursor.id}"


def read_place(text: str) -> Cursor | None:
    """What an address says; None where it says nothing that makes sense, and the list begins anew."""
    at, _, id_ = text[:_LONGEST].partition("~")
    try:
        instant = datetime.fromisoformat(at)
        return Cursor(instant.astimezone(UTC), id_) if id_ and instant.tzinfo else None
    except (ValueError, OverflowError):
        return None


def pages_of(request: Request, following: str, name: str = "after") -> tuple[str, str]:
    """Addresses of the first page and of the next one, each empty where there is none; what else is asked stays."""
    asked = dict(request.query_params)
    others = {key: value[:_LONGEST] for key, value in asked.items() if key != name and value}
    path = request.url.path
    first = f"{path}?{urlencode(others)}" if others else path
    return first if asked.get(name) else "", f"{path}?{urlencode({**others, name: following})}" if following else ""
