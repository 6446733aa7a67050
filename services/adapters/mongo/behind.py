"""How is a list by time gone on with, from where its last page ended?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.adapters.mongo.driver import ASCENDING, DESCENDING
from services.core.listing import Cursor


def behind(instant: str, after: Cursor | None, *, descending: bool) -> Mapping[str, Any]:
    """The condition for what comes behind a place; nothing without one. To be laid into a filter.

    The bound on the instant lets an index begin there; the rest tells those of one instant apart.
    """
    if after is None:
        return {}
    past = "$lt" if descending else "$gt"
    return {
        "$and": [{instant: {f"{past}e": after.at}}, {"$or": [{instant: {past: after.at}}, {"_id": {past: after.id}}]}]
    }


def in_order(instant: str, *, descending: bool) -> list[tuple[str, int]]:
    """By the instant, and by id among those of one instant."""
    way = DESCENDING if descending else ASCENDING
    return [(instant, way), ("_id", way)]
