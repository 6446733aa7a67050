"""Where are the original bytes of refused and dead-lettered records, and for how long?

They may hold personal data, so they lie apart from what is said about them, and the database drops them when their
retention ends. A record whose original is gone reads as one without key, value and headers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from services.adapters.mongo.driver import Mongo
from services.adapters.mongo.indexes import ORIGINALS
from services.core.ports import Record

Doc: TypeAlias = dict[str, Any]

#: How long originals are kept unless told otherwise.
RETENTION = timedelta(days=30)


class Originals:
    """Original bytes by the id of the refusal or dead letter they belong to."""

    def __init__(self, mongo: Mongo, retention: timedelta = RETENTION) -> None:
        self._originals = mongo.collection(ORIGINALS)
        self._retention = retention

    async def put(self, records: Mapping[str, tuple[Record, datetime]]) -> None:
        """Insert what is not there: records by id, each with the instant from which its retention counts."""
        await self._originals.insert_new(
            [
                {
                    "_id": id_,
                    "key": record.key,
                    "value": record.value,
                    "headers": [[name, value] for name, value in record.headers],
                    "expires_at": at + self._retention,
                }
                for id_, (record, at) in records.items()
            ]
        )

    async def restore(self, ids: Sequence[str]) -> dict[str, Doc]:
        """The originals that are still there, by id."""
        return {doc["_id"]: doc for doc in await self._originals.by_ids(ids)}


def place_of(record: Record) -> Doc:
    """What is kept of a record beside its original: where and when it was."""
    return {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "timestamp": record.timestamp,
    }


def record_of(place: Doc, original: Doc | None) -> Record:
    """The record, with its original if there is one."""
    bare = Record(
        topic=place["topic"],
        partition=place["partition"],
        offset=place["offset"],
        timestamp=place["timestamp"],
        key=None,
        value=None,
    )
    if original is None:
        return bare
    headers = tuple((str(name), bytes(value)) for name, value in original["headers"])
    return replace(bare, key=original["key"], value=original["value"], headers=headers)
