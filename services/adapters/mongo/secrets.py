"""Where does an exchange keep keys that nobody gave it, so that all its processes have the same?"""

from __future__ import annotations

from services.adapters.mongo.driver import Mongo
from services.adapters.mongo.indexes import SETTINGS


class MongoSecrets:
    """Port `SecretStore`."""

    def __init__(self, mongo: Mongo) -> None:
        self._settings = mongo.collection(SETTINGS)

    async def keep(self, name: str, candidate: str) -> str:
        """One upsert: whoever comes first decides what is stored, and everybody reads that."""
        stored = await self._settings.upsert_and_get(f"secret:{name}", {"$setOnInsert": {"value": candidate}})
        return str(stored["value"])
