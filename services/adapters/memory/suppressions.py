"""How would addresses that are mailed no more be kept if there were no database? The twin of `SuppressionStore`."""

from __future__ import annotations

from collections.abc import Collection

from services.adapters.memory.faults import Faults, faulty
from services.core.suppressions import Suppression


class MemorySuppressions:
    """By id, in `stored`."""

    def __init__(self, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self.stored: dict[str, Suppression] = {}

    @faulty
    async def add(self, suppression: Suppression) -> None:
        """Insert if absent."""
        self.stored.setdefault(suppression.id, suppression)

    @faulty
    async def among(self, ids: Collection[str]) -> dict[str, Suppression]:
        """By id."""
        return {id_: self.stored[id_] for id_ in ids if id_ in self.stored}

    @faulty
    async def listed(self, limit: int) -> list[Suppression]:
        """Newest first."""
        return sorted(self.stored.values(), key=lambda each: each.at, reverse=True)[:limit]

    @faulty
    async def lift(self, id_: str) -> bool:
        """Take it out."""
        return self.stored.pop(id_, None) is not None
