"""Where does a sandbox keep the offset of its clock, so that all its processes shift by the same?"""

from __future__ import annotations

from datetime import timedelta

from services.adapters.mongo.driver import Mongo
from services.adapters.mongo.indexes import SETTINGS

#: Id of the one document.
OFFSET = "sandbox_clock"


class MongoSandboxClock:
    """Port `SandboxClockStore`."""

    def __init__(self, mongo: Mongo) -> None:
        self._settings = mongo.collection(SETTINGS)

    async def offset(self) -> timedelta:
        """Zero if none is stored."""
        stored = await self._settings.get(OFFSET)
        return timedelta(milliseconds=stored["offset_ms"]) if stored else timedelta()

    async def advance(self, by: timedelta) -> timedelta:
        """One atomic addition, in whole milliseconds. Repeated after an unknown outcome it may count twice.

        Raises:
            ValueError: `by` is negative.
        """
        if by < timedelta():
            raise ValueError("the clock of a sandbox goes forward only")
        stored = await self._settings.upsert_and_get(OFFSET, {"$inc": {"offset_ms": by // timedelta(milliseconds=1)}})
        return timedelta(milliseconds=stored["offset_ms"])
