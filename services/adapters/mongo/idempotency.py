"""How do we know in MongoDB what an HTTP request with the same key was answered?"""

from __future__ import annotations

from datetime import datetime, timedelta

from services.adapters.mongo.driver import Mongo
from services.adapters.mongo.indexes import IDEMPOTENCY

#: How long a key is remembered: longer than any client retries.
RETENTION = timedelta(days=3)


class MongoIdempotency:
    """Port `IdempotencyStore`."""

    def __init__(self, mongo: Mongo, retention: timedelta = RETENTION) -> None:
        self._keys = mongo.collection(IDEMPOTENCY)
        self._retention = retention

    async def claim(self, key: str, body_hash: str, answer: str, at: datetime) -> tuple[str, str]:
        """One upsert: whoever comes first decides what is stored, and everybody reads that."""
        first = {"body_hash": body_hash, "answer": answer, "at": at, "expires_at": at + self._retention}
        stored = await self._keys.upsert_and_get(key, {"$setOnInsert": first})
        return stored["body_hash"], stored["answer"]

    async def find(self, key: str) -> tuple[str, str] | None:
        """By key."""
        stored = await self._keys.get(key)
        return (stored["body_hash"], stored["answer"]) if stored else None
