"""How does a test write what publishers send, and read what the exchange has told, without the product's own words?"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace

import orjson

from schemas.topics import Topic
from services.bootstrap import World
from services.core.ports import Outgoing, Record
from tests.faults.ledger import Told


def submitted(source: str, name: str, rfi: Mapping[str, object]) -> Outgoing:
    """An RFI as a plain JSON record whose header names the source."""
    headers = (("content-type", b"application/json"), ("x-referrals-source", source.encode()))
    return Outgoing(topic=Topic.RFI_SUBMITTED, key=name, value=orjson.dumps(rfi), headers=headers)


def told_by(record: Record) -> Told | None:
    """What a record says in its headers; None for poison."""
    said = {name: value.decode("utf-8", "replace") for name, value in record.headers}
    if not {"ce_id", "ce_type", "ce_subject", "ce_sequence"} <= said.keys():
        return None
    try:
        facts = orjson.loads(record.value or b"")
        told = Told(said["ce_id"], said["ce_type"], said["ce_subject"], int(said["ce_sequence"]))
    except ValueError:
        return None
    if not isinstance(facts, dict):
        return None
    return replace(told, profile_id=facts.get("profileId"), cause=(facts.get("cause") or {}).get("type"))


class Log:
    """Topics that are read again and again: each time from where the time before stopped.

    A partition that has become shorter since has lost what was read: that fails.
    """

    def __init__(self, topics: Sequence[str]) -> None:
        self._topics = topics
        self._read: dict[tuple[str, int], int] = {}

    async def news(self, world: World) -> AsyncIterator[list[Record]]:
        """Batches of what came since; what was deleted before it was read is passed over."""
        begins, ends = await world.admin.begin_offsets(self._topics), await world.admin.end_offsets(self._topics)
        for place, read in self._read.items():
            assert ends[place] >= read, f"{place} had {read} records, and has {ends[place]}"
        start = {place: max(self._read.get(place, 0), begin) for place, begin in begins.items()}
        async for records in world.follower.read_all(self._topics, ends, start):
            yield records
        self._read = dict(ends)
