"""How does a record of the Kafka client become one of ours?"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from aiokafka import TopicPartition

from services.core.ports import Record

#: The year 10000, where Python's calendar ends.
_CALENDAR_END_MS = 253_402_300_800_000


def to_record(raw: Any) -> Record:
    """Our record of aiokafka's; nothing is decoded, so nothing can fail. A header without a value gets an empty one."""
    return Record(
        topic=raw.topic,
        partition=raw.partition,
        offset=raw.offset,
        # A producer may send any number as the time; one outside the calendar counts as unknown (1970).
        timestamp=datetime.fromtimestamp(raw.timestamp / 1000 if 0 <= raw.timestamp < _CALENDAR_END_MS else 0, UTC),
        key=raw.key,
        value=raw.value,
        headers=tuple([(name, value or b"") for name, value in raw.headers]),
    )


def first_offsets(raws: Iterable[Any]) -> dict[TopicPartition, int]:
    """The lowest offset of each partition of a batch: where to seek to put the batch back."""
    first: dict[TopicPartition, int] = {}
    for raw in raws:
        first.setdefault(TopicPartition(raw.topic, raw.partition), raw.offset)
    return first


def next_offsets(raws: Iterable[Any]) -> dict[TopicPartition, int]:
    """The offset behind the last record of each partition of a batch: what to commit when it is done."""
    return {TopicPartition(raw.topic, raw.partition): raw.offset + 1 for raw in raws}
