"""Where does an exchange keep keys that nobody gave it, so that all its processes have the same?"""

from __future__ import annotations

from services.adapters.mongo.driver import Mongo, UpdateOne
from services.adapters.mongo.indexes import SETTINGS
from services.adapters.sealing import Seal


class MongoSecrets:
    """Port `SecretStore`."""

    def __init__(self, mongo: Mongo, seal: Seal) -> None:
        self._settings, self._seal = mongo.collection(SETTINGS), seal

    async def keep(self, name: str, candidate: str) -> str:
        """One upsert: whoever comes first decides what is stored, and everybody reads that.

        What lies there open, or under an older key, is sealed anew, if nobody else did it meanwhile.
        """
        id_, seal = f"secret:{name}", self._seal
        doc = await self._settings.upsert_and_get(id_, {"$setOnInsert": {"value": seal.close(candidate)}})
        stored = str(doc["value"])
        kept = seal.open(stored)
        if seal.stale(stored):
            again = {"$set": {"value": seal.close(kept)}}
            await self._settings.write([UpdateOne({"_id": id_, "value": stored}, again)])
        return kept
