"""How is counted in MongoDB what happens many times a day? One document for each day and what else tells it apart."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from services.adapters.mongo.driver import UpdateOne


def counted(id_: str, known: Mapping[str, str], at: datetime, **latest: datetime) -> UpdateOne:
    """Once more: the first makes the document, the others count; a repeated attempt counts too often, never too few.

    Args:
        id_: of the document; it holds the day.
        known: what the first writes and nothing changes.
        at: when it happened.
        latest: other fields that keep the latest instant they were given.
    """
    return UpdateOne(
        {"_id": id_},
        {
            "$setOnInsert": dict(known),
            "$min": {"first_at": at},
            "$max": {"last_at": at, **latest},
            "$inc": {"times": 1},
        },
        upsert=True,
    )
