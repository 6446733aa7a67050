"""How is kept in MongoDB who was shown a customer's contact?

One document for each day, reader, way and referral: a CRM that reads a list every minute fills no disk.
"""

from __future__ import annotations

from collections.abc import Sequence

from services.adapters.mongo.days import counted
from services.adapters.mongo.driver import Mongo, UpdateOne
from services.adapters.mongo.indexes import REVEALS as COLLECTION
from services.core.ids import reveal_id
from services.core.reveals import Reveal, RevealedDay, Way, in_order


class MongoReveals:
    """Port `RevealLog`."""

    def __init__(self, mongo: Mongo) -> None:
        self._reveals = mongo.collection(COLLECTION)

    async def record(self, reveals: Sequence[Reveal]) -> None:
        """One bulk of upserts; an attempt repeated after a lost answer counts once more: too many, never too few."""
        await self._reveals.write([_counted(reveal) for reveal in reveals])

    async def of_referrals(self, ids: Sequence[str]) -> list[RevealedDay]:
        """Sorted here: a referral has few."""
        docs = await self._reveals.find({"referral_id": {"$in": list(ids)}})
        days = [
            RevealedDay(
                referral_id=doc["referral_id"],
                partner_id=doc["partner_id"],
                by=doc["by"],
                way=Way(doc["way"]),
                first_at=doc["first_at"],
                last_at=doc["last_at"],
                times=doc["times"],
            )
            for doc in docs
        ]
        return in_order(days)


def _counted(reveal: Reveal) -> UpdateOne:
    known = {"referral_id": reveal.referral_id, "rfi_id": reveal.rfi_id, "partner_id": reveal.partner_id}
    id_ = reveal_id(reveal.referral_id, reveal.by, reveal.way.value, reveal.at)
    return counted(id_, {**known, "by": reveal.by, "way": reveal.way.value}, reveal.at)
