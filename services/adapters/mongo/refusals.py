"""How are refused RFIs kept in MongoDB?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from services.adapters.mongo.behind import behind, in_order
from services.adapters.mongo.driver import DESCENDING, Mongo, UpdateOne
from services.adapters.mongo.indexes import REFUSALS, REFUSALS_BY_CODE, REFUSALS_BY_TIME
from services.adapters.mongo.originals import RETENTION, Doc, Originals, place_of, record_of
from services.core.errors import Problem
from services.core.listing import Cursor
from services.core.stores import Refusal


class MongoRefusals:
    """Port `RefusalStore`."""

    def __init__(self, mongo: Mongo, retention: timedelta = RETENTION) -> None:
        self._refusals = mongo.collection(REFUSALS)
        self._originals = Originals(mongo, retention)

    async def put(self, refusals: Sequence[Refusal]) -> None:
        """Originals first: after a crash in between there is no refusal without one, and the redelivery adds it.

        A refusal that is there keeps what it has: an original that was erased does not come back with a redelivery.
        """
        there = {doc["_id"] for doc in await self._refusals.by_ids([each.id for each in refusals], fields=["_id"])}
        new = [each for each in refusals if each.id not in there]
        await self._originals.put({each.id: (each.record, each.at) for each in new})
        await self._refusals.insert_new([_doc(each) for each in new])

    async def load(self, ids: Sequence[str]) -> dict[str, Refusal]:
        """By id, with the original."""
        originals = await self._originals.restore(ids)
        docs = await self._refusals.by_ids(ids)
        return {doc["_id"]: _refusal(doc, originals.get(doc["_id"])) for doc in docs}

    async def listed(self, limit: int, code: str | None = None, after: Cursor | None = None) -> list[Refusal]:
        """Newest first, without originals."""
        where: Doc = {"codes": {"$eq": code}} if code is not None else {}
        where |= behind("at", after, descending=True)
        hint = REFUSALS_BY_CODE if code is not None else REFUSALS_BY_TIME
        docs = await self._refusals.find(where, sort=in_order("at", descending=True), limit=limit, hint=hint)
        return [_refusal(doc, None) for doc in docs]

    async def of_rfi(self, source: str, publisher_id: str) -> Refusal | None:
        """The newest, through the index of (source, publisher's id)."""
        where: Doc = {"source": {"$eq": source}, "publisher_id": {"$eq": publisher_id}}
        docs = await self._refusals.find(where, sort=[("at", DESCENDING)], limit=1)
        return _refusal(docs[0], None) if docs else None

    async def count(self) -> int:
        """Counted in the index."""
        return await self._refusals.count({}, hint=REFUSALS_BY_TIME)

    async def by_code(self) -> dict[str, int]:
        """One count in the index for each code there is."""
        codes = sorted(await self._refusals.distinct("codes"))
        return {code: await self._refusals.count({"codes": code}, hint=REFUSALS_BY_CODE) for code in codes}

    async def mark_replayed(self, id_: str, at: datetime) -> None:
        """The latest replay is kept."""
        await self._refusals.write([UpdateOne({"_id": id_}, {"$set": {"replayed_at": at}})])


def _doc(refusal: Refusal) -> Doc:
    doc: Doc = {
        "_id": refusal.id,
        "source": refusal.source,
        "publisher_id": refusal.publisher_id,
        "problems": [list(problem.as_tuple()) for problem in refusal.problems],
        "codes": sorted({problem.code for problem in refusal.problems}),
        "at": refusal.at,
        "record": place_of(refusal.record),
    }
    if refusal.replayed_at is not None:
        doc["replayed_at"] = refusal.replayed_at
    return doc


def _refusal(doc: Doc, original: Doc | None) -> Refusal:
    return Refusal(
        id=doc["_id"],
        source=doc["source"],
        publisher_id=doc["publisher_id"],
        problems=tuple(Problem(*parts) for parts in doc["problems"]),
        at=doc["at"],
        record=record_of(doc["record"], original),
        replayed_at=doc.get("replayed_at"),
    )
