"""How would the pasts of profiles be kept if there were no database? The twin of port `PastStore`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from services.adapters.memory.faults import Faults, faulty
from services.adapters.mongo.pasts import PASTS, sort_out
from services.core.pasts import KeptPast
from services.core.ports import Change, Saved


class MemoryPasts:
    """Pasts by profile id, in `stored`."""

    def __init__(self, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self.stored: dict[str, KeptPast] = {}
        self._unpublished: set[str] = set()

    @faulty
    async def load(self, ids: Sequence[str]) -> dict[str, KeptPast]:
        """By id."""
        return {id_: self.stored[id_] for id_ in ids if id_ in self.stored}

    @faulty
    async def save(self, changes: Sequence[Change[KeptPast]]) -> Saved:
        """Where the version is the expected one, or nothing is there and 0 is expected."""
        for change in changes:
            found = self.stored.get(change.document.id)
            if (found.version if found else 0) == change.expected:
                self.stored[change.document.id] = PASTS.as_stored(change.document)
                self._unpublished.add(change.document.id)
        return sort_out(changes, self.stored)

    @faulty
    async def all(self, after: str, limit: int) -> list[KeptPast]:
        """In the order of ids."""
        return [self.stored[id_] for id_ in sorted(self.stored) if id_ > after][:limit]

    @faulty
    async def unpublished(self, limit: int) -> list[KeptPast]:
        """Those written and not marked."""
        return [self.stored[id_] for id_ in sorted(self._unpublished)][:limit]

    @faulty
    async def mark_published(self, versions: Mapping[str, int]) -> None:
        """Where the version is still that one."""
        for id_, version in versions.items():
            if id_ in self.stored and self.stored[id_].version == version:
                self._unpublished.discard(id_)
