"""How would published rules be kept if there were no database? The twin of port `RuleStore`."""

from __future__ import annotations

from services.adapters.memory.faults import Faults, faulty
from services.adapters.mongo.rules import PUBLISHED
from services.core.rules import DEFAULT_RULES, PublishedRules, overtaken


class MemoryRules:
    """Versions by id, in `stored`; the one that holds, in `holding`."""

    def __init__(self, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self.stored: dict[str, PublishedRules] = {}
        self.holding: str | None = None

    @faulty
    async def publish(self, published: PublishedRules, instead_of: str | None = None) -> PublishedRules:
        """Insert if absent, then point there."""
        stored = self.stored.setdefault(published.id, PUBLISHED.as_stored(published))
        if stored.rules == published.rules:
            holding = self.holding or DEFAULT_RULES.version
            if instead_of is not None and holding not in {instead_of, published.id}:
                raise overtaken(holding)
            self.holding = published.id
        return stored

    @faulty
    async def current(self) -> PublishedRules | None:
        """The one that holds."""
        return self.stored.get(self.holding or "")

    @faulty
    async def listed(self, limit: int) -> list[PublishedRules]:
        """Newest first."""
        return sorted(self.stored.values(), key=lambda each: each.at, reverse=True)[:limit]
