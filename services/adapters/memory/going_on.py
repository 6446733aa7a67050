"""How would a list by time be gone on with, from where its last page ended? For twins."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TypeVar

from services.core.listing import Cursor

T = TypeVar("T")


def gone_on(
    found: Iterable[T], place: Callable[[T], Cursor], after: Cursor | None, *, descending: bool = False
) -> list[T]:
    """In the order of their places, those behind `after`."""
    ordered = sorted(found, key=lambda each: _key(place(each)), reverse=descending)
    if after is None:
        return ordered
    if descending:
        return [each for each in ordered if _key(place(each)) < _key(after)]
    return [each for each in ordered if _key(place(each)) > _key(after)]


def _key(place: Cursor) -> tuple[datetime, str]:
    return place.at, place.id
