"""How is the list of addresses that are mailed no more kept in MongoDB? One small document for each, by id."""

from __future__ import annotations

from collections.abc import Collection

from services.adapters.mongo.documents import Codec
from services.adapters.mongo.driver import DESCENDING, DeleteOne, Mongo
from services.adapters.mongo.indexes import SUPPRESSIONS as COLLECTION
from services.core.suppressions import Suppression

SUPPRESSIONS = Codec(Suppression)


class MongoSuppressions:
    """Port `SuppressionStore`."""

    def __init__(self, mongo: Mongo) -> None:
        self._it = mongo.collection(COLLECTION)

    async def add(self, suppression: Suppression) -> None:
        """Insert if absent."""
        await self._it.insert_new([SUPPRESSIONS.to_doc(suppression)])

    async def among(self, ids: Collection[str]) -> dict[str, Suppression]:
        """By id."""
        return SUPPRESSIONS.by_id(await self._it.by_ids(list(ids)))

    async def listed(self, limit: int) -> list[Suppression]:
        """Through the index of times."""
        return SUPPRESSIONS.readable(await self._it.find({}, sort=[("at", DESCENDING)], limit=limit))

    async def lift(self, id_: str) -> bool:
        """Read and delete: of two who do it at once both may hear that it was there."""
        there = id_ in await self.among([id_])
        await self._it.write([DeleteOne({"_id": id_})])
        return there
