"""How would answers to repeated requests be kept if there were no database? The twin of port `IdempotencyStore`."""

from __future__ import annotations

from datetime import datetime

from services.adapters.memory.faults import Faults, faulty


class MemoryIdempotency:
    """(body hash, answer, time) by key, in `stored`; nothing is forgotten."""

    def __init__(self, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self.stored: dict[str, tuple[str, str, datetime]] = {}

    @faulty
    async def claim(self, key: str, body_hash: str, answer: str, at: datetime) -> tuple[str, str]:
        """Whoever comes first decides."""
        kept_hash, kept_answer, _ = self.stored.setdefault(key, (body_hash, answer, at))
        return kept_hash, kept_answer

    @faulty
    async def find(self, key: str) -> tuple[str, str] | None:
        """By key."""
        return self.stored[key][:2] if key in self.stored else None
