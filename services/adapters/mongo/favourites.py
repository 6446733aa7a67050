"""How are stars kept in MongoDB? One document for each, with the referral's id: a referral belongs to one partner."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from services.adapters.mongo.driver import BY_ID, DESCENDING, DeleteOne, Mongo
from services.adapters.mongo.indexes import FAVOURITES as COLLECTION
from services.core.favourites import FAVOURITE_LIMIT


class MongoFavourites:
    """Port `FavouriteStore`."""

    def __init__(self, mongo: Mongo) -> None:
        self._stars = mongo.collection(COLLECTION)

    async def star(self, partner_id: str, referral_id: str, at: datetime) -> None:
        """Insert if absent."""
        await self._stars.insert_new([{"_id": referral_id, "partner_id": partner_id, "at": at}])

    async def unstar(self, partner_id: str, referral_id: str) -> None:
        """Delete where it is this partner's."""
        await self._stars.write([DeleteOne({"_id": referral_id, "partner_id": partner_id})])

    async def of_partner(self, partner_id: str) -> frozenset[str]:
        """Through the index on (partner, time)."""
        docs = await self._stars.find(
            {"partner_id": {"$eq": partner_id}}, sort=[("at", DESCENDING)], limit=FAVOURITE_LIMIT, fields=["_id"]
        )
        return frozenset(doc["_id"] for doc in docs)

    async def among(self, partner_id: str, referral_ids: Collection[str]) -> frozenset[str]:
        """By id."""
        if not referral_ids:
            return frozenset()
        where = {"_id": {"$in": list(referral_ids)}, "partner_id": {"$eq": partner_id}}
        return frozenset(doc["_id"] for doc in await self._stars.find(where, fields=["_id"], hint=BY_ID))
