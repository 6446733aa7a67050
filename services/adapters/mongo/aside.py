"""How is what was put aside found, released and closed in MongoDB?"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from services.adapters.mongo.behind import behind, in_order
from services.adapters.mongo.dead_letters import letter_of
from services.adapters.mongo.documents import JOBS, REFERRALS
from services.adapters.mongo.driver import ASCENDING, BY_ID, Mongo, UpdateOne
from services.adapters.mongo.indexes import (
    DEAD_LETTERS,
    FAILED,
    OPEN,
    OPEN_LETTERS,
    PARKED,
    PARKED_REFERRALS,
    UNSENT,
)
from services.adapters.mongo.indexes import JOBS as JOBS_COLLECTION
from services.adapters.mongo.indexes import REFERRALS as REFERRAL_DOCUMENTS
from services.adapters.mongo.indexes import RFIS as RFI_DOCUMENTS
from services.adapters.mongo.originals import RETENTION
from services.core.aside import Closing, Letters, Parked, Waiting
from services.core.ids import SHARDS
from services.core.listing import Cursor
from services.core.mail import JobState, SendJob
from services.core.ports import DeadLetter

Doc = dict[str, Any]


class MongoAside:
    """Port `AsideStore`."""

    def __init__(self, mongo: Mongo, retention: timedelta = RETENTION) -> None:
        self._letters, self._jobs = mongo.collection(DEAD_LETTERS), mongo.collection(JOBS_COLLECTION)
        self._referrals, self._rfis = mongo.collection(REFERRAL_DOCUMENTS), mongo.collection(RFI_DOCUMENTS)
        self._retention = retention

    async def letters(self, which: Letters, limit: int, after: Cursor | None = None) -> list[DeadLetter]:
        """Through the index of open letters."""
        where = {**_meant(which), **behind("at", after, descending=True)}
        docs = await self._letters.find(where, sort=in_order("at", descending=True), limit=limit)
        return [letter_of(doc, None) for doc in docs]

    async def letter_ids(self, which: Letters, limit: int) -> list[str]:
        """The same index backwards; among letters of one instant, by their place in the log."""
        docs = await self._letters.find(
            _meant(which), sort=[("at", ASCENDING)], limit=limit, fields=["group", "at", "record"]
        )
        return [doc["_id"] for doc in sorted(docs, key=_in_order)]

    async def letter_counts(self, which: Letters) -> dict[tuple[str, str, str], int]:
        """Counted by the server."""
        kind = {"g": "$group", "t": "$record.topic", "r": "$reason"}
        rows = await self._letters.aggregate(
            [{"$match": _meant(which)}, {"$group": {"_id": kind, "n": {"$sum": 1}}}], hint=OPEN_LETTERS
        )
        return {(row["_id"]["g"], row["_id"]["t"], row["_id"]["r"]): row["n"] for row in rows}

    async def closings(self, ids: Sequence[str]) -> Mapping[str, Closing]:
        """By id."""
        docs = await self._letters.by_ids(ids, fields=["dropped"])
        return {d["_id"]: Closing(why=d["dropped"]["why"], at=d["dropped"]["at"]) for d in docs if "dropped" in d}

    async def close(self, ids: Sequence[str], why: str, at: datetime) -> None:
        """Conditional updates in one bulk; a crash in the middle leaves some open."""
        change = {"$set": {"dropped": {"why": why, "at": at}, "expires_at": at + self._retention}}
        change["$unset"] = {"open": ""}
        await self._letters.write([UpdateOne({"_id": id_, **OPEN}, change) for id_ in ids])

    async def parked(self, limit: int, after: Cursor | None = None) -> list[Parked]:
        """Through the index of parked referrals; what this version can't read is logged and left out."""
        where = {**PARKED, **behind("updated_at", after, descending=False)}
        docs = await self._referrals.find(where, sort=in_order("updated_at", descending=False), limit=limit)
        beside = {doc["_id"]: (doc["attempts"], doc.get("deferred_because", "")) for doc in docs}
        return [
            Parked(referral=referral, attempts=beside[referral.id][0], why=beside[referral.id][1])
            for referral in REFERRALS.readable(docs)
        ]

    async def release(self, ids: Sequence[str]) -> int:
        """The referral itself stays as it is: only what the expirer's index sees is changed, if it is still so."""
        docs = await self._referrals.find({"_id": {"$in": list(ids)}, **PARKED}, hint=BY_ID) if ids else []
        writes = []
        for referral in REFERRALS.readable(docs):
            change: Doc = {"$set": {"attempts": 0, "parked": False}, "$unset": {"deferred_because": ""}}
            # One without anything due would be looked at by every sweep and never leave the index.
            if (due := referral.timers.next_due()) is not None:
                change["$set"]["next_due_at"] = due
            writes.append(UpdateOne({"_id": referral.id, "version": referral.version, **PARKED}, change))
        return (await self._referrals.write(writes)).modified

    async def failed(self, limit: int, after: Cursor | None = None) -> list[SendJob]:
        """Through the index of failed jobs."""
        where = {**FAILED, **behind("at", after, descending=False)}
        return JOBS.readable(await self._jobs.find(where, sort=in_order("at", descending=False), limit=limit))

    async def retry(self, ids: Sequence[str], at: datetime) -> int:
        """Back among the pending; a sender claims them as any other."""
        change = {"$set": {"state": JobState.PENDING.value, "due_at": at, "attempts": 0}}
        return (await self._jobs.write([UpdateOne({"_id": id_, **FAILED}, change) for id_ in ids])).modified

    async def waiting(self) -> Waiting:
        """Counts of small indexes, and the first entries of three."""
        rfi = await self._rfis.find(UNSENT, sort=[("outbox.0.at", ASCENDING)], limit=1, fields=["outbox.at"])
        referral = await self._referrals.find(UNSENT, sort=[("updated_at", ASCENDING)], limit=1, fields=["outbox.at"])
        due = await self._referrals.find(
            {"shard": {"$in": list(range(SHARDS))}, "next_due_at": {"$exists": True}},
            sort=[("next_due_at", ASCENDING)],
            limit=1,
            fields=["next_due_at"],
        )
        return Waiting(
            open_letters=await self._letters.count(dict(OPEN), hint=OPEN_LETTERS),
            parked_referrals=await self._referrals.count(dict(PARKED), hint=PARKED_REFERRALS),
            oldest_unsent=min((doc["outbox"][0]["at"] for doc in [*rfi, *referral]), default=None),
            oldest_due=due[0]["next_due_at"] if due else None,
        )


def _meant(which: Letters) -> Doc:
    """The filter; what a person typed is only ever compared, as text."""
    meant: Doc = dict(OPEN)
    for field, value in (("group", which.group), ("record.topic", which.topic), ("reason", which.reason)):
        if value is not None:
            meant[field] = {"$eq": value}
    if which.since is not None:
        meant["at"] = {"$gte": which.since}
    if which.text is not None:
        # The server takes no NUL in a pattern, but the name of one.
        meant["detail"] = {"$regex": re.escape(which.text).replace("\0", "\\x00"), "$options": "i"}
    return meant


def _in_order(doc: Doc) -> tuple[datetime, str, str, int, int]:
    record = doc["record"]
    return doc["at"], doc["group"], record["topic"], record["partition"], record["offset"]
