"""Where are the original bytes of refused and dead-lettered records, and for how long?

They may hold personal data, so they lie apart from what is said about them, and the database drops them when their
retention ends. A record whose original is gone reads as one without key, value and headers; so does one that is larger
than any message of ours, for records compress: what Kafka took as a megabyte may be more than a document can hold, and
a record that can't be put aside would stop its consumer for ever.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from services.adapters.mongo.driver import Mongo
from services.adapters.mongo.indexes import ORIGINALS
from services.core.ports import Record

Doc: TypeAlias = dict[str, Any]

#: How long originals are kept unless told otherwise.
RETENTION = timedelta(days=30)

#: Bytes of the largest original kept (an RFI has at most 256 KiB), and of those written in one call.
LARGEST, AT_A_TIME = 2 * 1024 * 1024, 16 * 1024 * 1024


class Originals:
    """Original bytes by the id of the refusal or dead letter they belong to."""

    def __init__(self, mongo: Mongo, retention: timedelta = RETENTION) -> None:
        self._originals = mongo.collection(ORIGINALS)
        self._retention = retention

    async def put(self, records: Mapping[str, tuple[Record, datetime]]) -> None:
        """Insert what is not there: records by id, each with the instant from which its retention counts."""
        for some in _slices({id_: (kept(record), at) for id_, (record, at) in records.items()}):
            await self._originals.insert_new(
                [
                    {
                        "_id": id_,
                        "key": record.key,
                        "value": record.value,
                        "headers": [[name, value] for name, value in record.headers],
                        "expires_at": at + self._retention,
                    }
                    for id_, (record, at) in some.items()
                ]
            )

    async def restore(self, ids: Sequence[str]) -> dict[str, Doc]:
        """The originals that are still there, by id."""
        return {doc["_id"]: doc for doc in await self._originals.by_ids(ids)}


def kept(record: Record) -> Record:
    """The record as it will be read back: without its bytes when they are too many."""
    return record if _size(record) <= LARGEST else replace(record, key=None, value=None, headers=())


def _size(record: Record) -> int:
    headers = sum(len(name) + len(value) for name, value in record.headers)
    return len(record.key or b"") + len(record.value or b"") + headers


def _slices(records: Mapping[str, tuple[Record, datetime]]) -> Iterator[dict[str, tuple[Record, datetime]]]:
    """The records in portions that the database takes well within its time-out."""
    some: dict[str, tuple[Record, datetime]] = {}
    size = 0
    for id_, (record, at) in records.items():
        if some and size + _size(record) > AT_A_TIME:
            yield some
            some, size = {}, 0
        some[id_] = (record, at)
        size += _size(record)
    if some:
        yield some


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
