"""How would refused RFIs be kept if there were no database? The twin of port `RefusalStore`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from services.adapters.memory.faults import Faults, faulty
from services.adapters.memory.going_on import gone_on
from services.adapters.mongo.originals import kept
from services.core.listing import Cursor
from services.core.ports import Record
from services.core.stores import Refusal


def without_original(record: Record) -> Record:
    """The record as it reads when its original is gone."""
    return replace(record, key=None, value=None, headers=())


class MemoryRefusals:
    """Refusals by id, in `stored`; `forget_originals` does what the end of the retention does."""

    def __init__(self, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self.stored: dict[str, Refusal] = {}

    @faulty
    async def put(self, refusals: Sequence[Refusal]) -> None:
        """Insert what is not there."""
        for refusal in refusals:
            self.stored.setdefault(refusal.id, replace(refusal, record=kept(refusal.record)))

    @faulty
    async def load(self, ids: Sequence[str]) -> dict[str, Refusal]:
        """By id, with the original."""
        return {id_: self.stored[id_] for id_ in ids if id_ in self.stored}

    @faulty
    async def listed(self, limit: int, code: str | None = None, after: Cursor | None = None) -> list[Refusal]:
        """Newest first, without originals."""
        found = [
            replace(refusal, record=without_original(refusal.record))
            for refusal in self.stored.values()
            if code is None or code in {problem.code for problem in refusal.problems}
        ]
        return gone_on(found, lambda each: Cursor(each.at, each.id), after, descending=True)[:limit]

    @faulty
    async def of_rfi(self, source: str, publisher_id: str) -> Refusal | None:
        """The newest, without its original."""
        found = [each for each in self.stored.values() if (each.source, each.publisher_id) == (source, publisher_id)]
        newest = max(found, key=lambda refusal: refusal.at, default=None)
        return replace(newest, record=without_original(newest.record)) if newest else None

    @faulty
    async def count(self) -> int:
        """All of them."""
        return len(self.stored)

    @faulty
    async def by_code(self) -> dict[str, int]:
        """A refusal counts once for each code it has."""
        return dict(Counter(code for each in self.stored.values() for code in {p.code for p in each.problems}))

    @faulty
    async def mark_replayed(self, id_: str, at: datetime) -> None:
        """The latest replay is kept."""
        if id_ in self.stored:
            self.stored[id_] = replace(self.stored[id_], replayed_at=at)

    def forget_originals(self) -> None:
        """The retention of every original has ended."""
        for id_, refusal in self.stored.items():
            self.stored[id_] = replace(refusal, record=without_original(refusal.record))
