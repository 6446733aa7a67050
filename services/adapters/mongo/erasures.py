"""How is a customer's data found and taken out of MongoDB, and where is it written down that it was?

An erasure's document carries `open` until it is done. What the driver replaced or deleted lives on in the database's
journal and oplog until those roll over, and in backups: see docs/erasure.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from services.adapters.mongo.documents import RFIS, Codec, Doc
from services.adapters.mongo.driver import ASCENDING, DESCENDING, WITHOUT_CASE, Mongo
from services.adapters.mongo.indexes import (
    DEAD_LETTERS,
    ERASURES,
    ERASURES_BY_TIME,
    JOBS,
    OF_CUSTOMER,
    OPEN,
    ORIGINALS,
    REFUSALS,
)
from services.adapters.mongo.indexes import RFIS as RFIS_COLLECTION
from services.core.codes import RfiState
from services.core.erasing import ERASED, NOBODY
from services.core.erasures import Erasure, Original
from services.core.mail import JobState, Role
from services.core.rfi import Rfi

#: States of requests that the router has seen.
_SEEN = [state.value for state in RfiState if state is not RfiState.ACCEPTED]
#: Mails that would still be sent, or could be tried again.
_UNSENT = [JobState.PENDING.value, JobState.LEASED.value, JobState.FAILED.value]


def _mark_open(erasure: Erasure, doc: Doc) -> None:
    if erasure.done_at is None:
        doc["open"] = True


RECORDS = Codec(Erasure, _mark_open)


class MongoErasures:
    """Port `ErasureStore`."""

    def __init__(self, mongo: Mongo) -> None:
        self._erasures, self._originals = mongo.collection(ERASURES), mongo.collection(ORIGINALS)
        self._rfis, self._jobs = mongo.collection(RFIS_COLLECTION), mongo.collection(JOBS)
        self._refusals, self._letters = mongo.collection(REFUSALS), mongo.collection(DEAD_LETTERS)

    async def put(self, erasure: Erasure) -> None:
        """Insert or replace."""
        await self._erasures.put(erasure.id, RECORDS.to_doc(erasure))

    async def unfinished(self, limit: int) -> list[Erasure]:
        """Through the index of unfinished ones."""
        return RECORDS.readable(await self._erasures.find(OPEN, sort=[("at", ASCENDING)], limit=limit))

    async def listed(self, limit: int) -> list[Erasure]:
        """Through the index of times."""
        docs = await self._erasures.find({}, sort=[("at", DESCENDING)], limit=limit, hint=ERASURES_BY_TIME)
        return RECORDS.readable(docs)

    async def rfi_ids_of(self, email: str) -> list[str]:
        """Through the index that does not see the case."""
        where: Doc = {"customer.contact.email": {"$eq": email}}
        docs = await self._rfis.find(where, fields=["_id"], hint=OF_CUSTOMER, collation=WITHOUT_CASE)
        return sorted(doc["_id"] for doc in docs)

    async def accepted_before(self, at: datetime, after: datetime | None, limit: int) -> list[Rfi]:
        """A page, and then the rest of its last instant."""
        span: Doc = {"$lt": at} if after is None else {"$lt": at, "$gt": after}
        docs = await self._kept(span, limit)
        if len(docs) == limit:
            last = docs[-1]["accepted_at"]
            known = {doc["_id"] for doc in docs}
            docs += [doc for doc in await self._kept({"$eq": last}, 0) if doc["_id"] not in known]
        return RFIS.readable(docs)

    async def _kept(self, accepted: Doc, limit: int) -> list[Doc]:
        where = {"state": {"$in": _SEEN}, "accepted_at": accepted, "erased_at": None}
        return await self._rfis.find(where, sort=[("accepted_at", ASCENDING)], limit=limit)

    async def refusals_of(self, source: str, publisher_id: str) -> list[str]:
        """Through the index of (publisher's id, source)."""
        where: Doc = {"publisher_id": {"$eq": publisher_id}, "source": {"$eq": source}}
        return sorted(doc["_id"] for doc in await self._refusals.find(where, fields=["_id"]))

    async def originals(self, after: str, limit: int) -> list[Original]:
        """Through the index of ids."""
        docs = await self._originals.find({"_id": {"$gt": after}}, sort=[("_id", ASCENDING)], limit=limit)
        return [
            Original(
                id=doc["_id"],
                key=doc["key"],
                value=doc["value"],
                headers=tuple((str(name), bytes(value)) for name, value in doc["headers"]),
            )
            for doc in docs
        ]

    async def forget_originals(self, ids: Sequence[str]) -> int:
        """One call."""
        return await self._originals.delete({"_id": {"$in": list(ids)}}) if ids else 0

    async def forget_recipients(self, rfi_ids: Sequence[str], why: str) -> int:
        """First those that could go out, then the addresses of all; both may be done again."""
        if not rfi_ids:
            return 0
        theirs: Doc = {"rfi_id": {"$in": list(rfi_ids)}, "role": Role.CUSTOMER.value}
        given_up: Doc = {
            "$set": {"state": JobState.OBSOLETE.value, "last_error": why},
            "$unset": {"lease_owner": "", "lease_until": "", "claim": ""},
        }
        await self._jobs.update_all({**theirs, "state": {"$in": _UNSENT}}, given_up)
        nobody = {"$set": {"address": NOBODY.email, "name": ERASED}}
        return await self._jobs.update_all({**theirs, "address": {"$ne": NOBODY.email}}, nobody)
