"""How would dead letters be kept if there were no database? The twin of port `DeadLetterStore`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from services.adapters.memory.faults import Faults, faulty
from services.adapters.memory.refusals import without_original
from services.adapters.mongo.dead_letters import id_of
from services.adapters.mongo.originals import kept
from services.core.aside import Closing
from services.core.ports import DeadLetter


class MemoryDeadLetters:
    """Dead letters by id, in `stored`; how each was closed, in `dropped`."""

    def __init__(self, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self.stored: dict[str, DeadLetter] = {}
        self.dropped: dict[str, Closing] = {}

    @faulty
    async def put(self, letters: Sequence[DeadLetter]) -> None:
        """Insert what is not there."""
        for letter in letters:
            self.stored.setdefault(id_of(letter), replace(letter, record=kept(letter.record)))

    @faulty
    async def listed(self, limit: int, group: str | None = None, reason: str | None = None) -> list[DeadLetter]:
        """Newest first, those that nobody dropped, without originals."""
        found = [
            replace(letter, record=without_original(letter.record))
            for id_, letter in self.stored.items()
            if id_ not in self.dropped and group in (None, letter.group) and reason in (None, letter.reason)
        ]
        return sorted(found, key=lambda letter: letter.at, reverse=True)[:limit]

    @faulty
    async def load(self, ids: Sequence[str]) -> dict[str, DeadLetter]:
        """By id, dropped ones too."""
        return {id_: self.stored[id_] for id_ in ids if id_ in self.stored}

    @faulty
    async def count(self) -> int:
        """Those that nobody dropped."""
        return len(self.stored) - len(self.dropped)

    @faulty
    async def drop(self, id_: str, why: str, at: datetime) -> None:
        """The first word stands; the retention that begins `at` never ends here."""
        if id_ in self.stored:
            self.dropped.setdefault(id_, Closing(why=why, at=at))
