"""How are stars kept in MongoDB? One document for each, with the referral's id: a referral belongs to one partner."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import TypeAlias

from services.adapters.mongo.driver import BY_ID, DESCENDING, DeleteOne, Mongo
from services.adapters.mongo.encoding import decoded
from services.adapters.mongo.indexes import FAVOURITES as COLLECTION
from services.adapters.mongo.questions import Question, Reading, documents
from services.core.favourites import FAVOURITE_LIMIT

#: A partner, and ids of referrals.
Among: TypeAlias = tuple[str, frozenset[str]]


class MongoFavourites:
    """Port `FavouriteStore`."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo, self._stars = mongo, mongo.collection(COLLECTION)

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
        asked = (partner_id, frozenset(referral_ids))
        return (await self._mongo.reading(lambda reading: stars_of(reading, [asked])))[0]


def stars_of(reading: Reading, asked: Sequence[Among]) -> list[frozenset[str]]:
    """The stars among some ids, for each of several partners, in one question; none is told of another's."""
    partners, ids = {partner_id for partner_id, _ in asked}, frozenset().union(*(ids for _, ids in asked))
    if not ids:
        return [frozenset()] * len(asked)
    where = {"_id": {"$in": [*ids]}, "partner_id": {"$in": [*partners]}}
    question = Question(where=where, limit=len(ids), hint=BY_ID, fields=("partner_id",))
    found: dict[str, set[str]] = {}
    for doc in map(decoded, documents(reading.find(COLLECTION, question))):
        found.setdefault(doc["partner_id"], set()).add(doc["_id"])
    return [ids & found.get(partner_id, set()) for partner_id, ids in asked]
