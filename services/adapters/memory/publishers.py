"""How would publishers be kept if there were no database? The twin of port `PublisherStore`."""

from __future__ import annotations

from services.adapters.memory.faults import Faults, faulty
from services.core.stores import Publisher


class MemoryPublishers:
    """Publishers by id, in `stored`."""

    def __init__(self, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self.stored: dict[str, Publisher] = {}

    @faulty
    async def put(self, publisher: Publisher) -> None:
        """Insert or replace."""
        self.stored[publisher.id] = publisher

    @faulty
    async def by_token_hash(self, token_hash: str) -> Publisher | None:
        """The active one with this token."""
        found = (each for each in self.stored.values() if each.token_hash == token_hash and each.active)
        return next(found, None)
