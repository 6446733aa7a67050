"""How are requests for others' things noted in MongoDB? One document for each day, asker, operation and thing."""

from __future__ import annotations

from collections.abc import Sequence

from services.adapters.mongo.days import counted
from services.adapters.mongo.driver import DESCENDING, Mongo, UpdateOne
from services.adapters.mongo.indexes import FOREIGN_ASKS as COLLECTION
from services.core.foreign_ids import KEPT, ForeignAsk, ForeignAskDay, Thing
from services.core.ids import foreign_ask_id


class MongoForeignAsks:
    """Port `ForeignAskLog`."""

    def __init__(self, mongo: Mongo) -> None:
        self._it = mongo.collection(COLLECTION)

    async def note(self, asks: Sequence[ForeignAsk]) -> None:
        """One bulk of upserts; an attempt repeated after a lost answer counts once more: too many, never too few."""
        await self._it.write([_counted(ask) for ask in asks])

    async def newest(self, limit: int) -> list[ForeignAskDay]:
        """Through the index of times."""
        docs = await self._it.find({}, sort=[("last_at", DESCENDING), ("_id", DESCENDING)], limit=limit)
        return [
            ForeignAskDay(
                id=doc["_id"],
                by=doc["by"],
                partner_id=doc["partner_id"],
                operation=doc["operation"],
                thing=Thing(doc["thing"]),
                thing_id=doc["thing_id"],
                first_at=doc["first_at"],
                last_at=doc["last_at"],
                times=doc["times"],
            )
            for doc in docs
        ]


def _counted(ask: ForeignAsk) -> UpdateOne:
    known = {"by": ask.by, "partner_id": ask.partner_id, "operation": ask.operation}
    thing = {"thing": ask.thing.value, "thing_id": ask.thing_id}
    id_ = foreign_ask_id(ask.by, ask.operation, ask.thing_id, ask.at)
    return counted(id_, {**known, **thing}, ask.at, expires_at=ask.at + KEPT)
