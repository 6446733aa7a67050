"""How are stars kept in MongoDB? One document for each, with the referral's id: a referral belongs to one partner."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from services.adapters.mongo.driver import BY_ID, DESCENDING, DeleteOne, Mongo
from services.adapters.mongo.indexes import FAVOURITES as COLLECTION
from services.adapters.mongo.together import Together
from services.core.favourites import FAVOURITE_LIMIT


class MongoFavourites:
    """Port `FavouriteStore`."""

    def __init__(self, mongo: Mongo) -> None:
        self._stars = mongo.collection(COLLECTION)
        self._among = Together(self._of_all)

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
        """By id; every page of a list asks, and those who ask at the same moment travel together."""
        return await self._among((partner_id, frozenset(referral_ids))) if referral_ids else frozenset()

    async def _of_all(self, asked: Sequence[tuple[str, frozenset[str]]]) -> list[frozenset[str]]:
        """The stars among some ids, for each of several partners; none is told of another's."""
        partners, ids = {partner_id for partner_id, _ in asked}, frozenset().union(*(ids for _, ids in asked))
        where = {"_id": {"$in": [*ids]}, "partner_id": {"$in": [*partners]}}
        found: dict[str, set[str]] = {}
        for doc in await self._stars.find(where, fields=["partner_id"], hint=BY_ID):
            found.setdefault(doc["partner_id"], set()).add(doc["_id"])
        return [ids & found.get(partner_id, set()) for partner_id, ids in asked]
