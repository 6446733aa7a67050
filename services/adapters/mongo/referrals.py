"""How are referrals kept in MongoDB?

Beside the referral a document has `next_due_at` (for the expirer's index), `open` (while New or Active), and
`attempts`, `parked` and `deferred_because` where the expirer could not process it; any later change wipes these.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from services.adapters.mongo import guarded
from services.adapters.mongo.documents import REFERRALS
from services.adapters.mongo.driver import ASCENDING, DESCENDING, Mongo, UpdateOne
from services.adapters.mongo.indexes import OPEN, UNSENT
from services.adapters.mongo.indexes import REFERRALS as COLLECTION
from services.core.codes import Stage, Status
from services.core.ports import Change, Saved
from services.core.referral import Referral

#: A partner's lists are indexed by stage, which tells the status too.
STAGES_OF = {
    Status.NEW: (Stage.NEW, Stage.EVALUATING),
    Status.ACTIVE: (Stage.ACTIVE,),
    Status.CLOSED: (Stage.ARCHIVED,),
}

#: How long an unreadable referral is left alone: a version that can read it may be on its way.
PUT_OFF = timedelta(minutes=10)

#: What no mail tells; those that are the referral's have empty defaults.
UNMAILED = ("timers", "history", "outbox", "search", "worth")


class MongoReferrals:
    """Port `ReferralStore`."""

    def __init__(self, mongo: Mongo) -> None:
        self._referrals = mongo.collection(COLLECTION)

    async def add(self, referrals: Sequence[Referral]) -> set[str]:
        """Insert what is not there; a crash in the middle leaves some of it, which the next attempt finds there."""
        return await self._referrals.insert_new([REFERRALS.to_doc(referral) for referral in referrals])

    async def load(self, ids: Sequence[str], *, partner_id: str | None = None) -> dict[str, Referral]:
        """By id."""
        return REFERRALS.by_id_of_naive(await self._referrals.naive_by_ids(ids, partner_id=partner_id))

    async def for_mails(self, ids: Sequence[str]) -> dict[str, Referral]:
        """What only the life cycle and lists need stays with the server."""
        return REFERRALS.by_id_of_naive(await self._referrals.naive_by_ids(ids, without=UNMAILED))

    async def of_rfis(self, rfi_ids: Sequence[str]) -> dict[str, list[Referral]]:
        """By RFI; sorted here, because an RFI has few."""
        found: dict[str, list[Referral]] = {}
        if rfi_ids:
            for doc in await self._referrals.find({"rfi_id": {"$in": list(rfi_ids)}}):
                found.setdefault(doc["rfi_id"], []).append(REFERRALS.from_doc(doc))
        return {rfi_id: sorted(each, key=oldest_first) for rfi_id, each in found.items()}

    async def save(self, changes: Sequence[Change[Referral]]) -> Saved:
        """One bulk of conditional replacements."""
        return await guarded.save(self._referrals, REFERRALS, changes)

    async def due(self, shards: Sequence[int], at: datetime, limit: int) -> list[Referral]:
        """Through the index on (shard, next_due_at), which parked referrals are not in.

        What this version cannot read is put off, so that it can't starve its shard.
        """
        where = {"shard": {"$in": list(shards)}, "next_due_at": {"$lte": at}}
        unreadable: list[dict[str, Any]] = []
        while True:
            docs = await self._referrals.find(where, sort=[("next_due_at", ASCENDING)], limit=limit)
            found = REFERRALS.readable(docs, unreadable)
            if not unreadable:
                return found
            put_off = {"$set": {"next_due_at": at + PUT_OFF}}
            await self._referrals.write([UpdateOne({"_id": doc["_id"], **where}, put_off) for doc in unreadable])
            unreadable.clear()

    async def defer(
        self, id_: str, version: int, until: datetime, attempts: int, *, parked: bool, why: str = ""
    ) -> None:
        """Change what the index sees and leave the referral itself as it is."""
        change: dict[str, Any] = {"$set": {"attempts": attempts, "parked": parked, "deferred_because": why}}
        if parked:
            change["$unset"] = {"next_due_at": ""}
        else:
            change["$set"]["next_due_at"] = until
        await self._referrals.write([UpdateOne({"_id": id_, "version": version}, change)])

    async def clear_outbox(self, sent: Mapping[str, Sequence[str]]) -> None:
        """One bulk of pulls."""
        await guarded.pull(self._referrals, sent)

    async def with_outbox(self, limit: int) -> list[Referral]:
        """Those changed longest ago first."""
        docs = await self._referrals.find(UNSENT, sort=[("updated_at", ASCENDING)], limit=limit)
        return REFERRALS.readable(docs)

    async def listed(
        self, *, partner_id: str | None = None, rfi_id: str | None = None, status: Status | None = None, limit: int = 50
    ) -> list[Referral]:
        """All statuses or stages are named when none is asked for, so that the indexes with a time serve each list."""
        where: dict[str, Any] = {"status": {"$in": [status.value] if status else [each.value for each in Status]}}
        if partner_id is not None:
            where["partner_id"] = {"$eq": partner_id}
            where["stage"] = {"$in": [each.value for each in (STAGES_OF[status] if status else Stage)]}
        if rfi_id is not None:
            where["rfi_id"] = {"$eq": rfi_id}
        docs = await self._referrals.find(where, sort=[("created_at", DESCENDING)], limit=limit)
        return [REFERRALS.from_doc(doc) for doc in docs]

    async def open_counts(self, profile_ids: Sequence[str]) -> dict[str, int]:
        """Counted through the index on open referrals."""
        if not profile_ids:
            return {}
        rows = await self._referrals.aggregate(
            [
                {"$match": {**OPEN, "profile_id": {"$in": list(profile_ids)}}},
                {"$group": {"_id": "$profile_id", "open": {"$sum": 1}}},
            ],
            hint="open_of_profile",
        )
        return {row["_id"]: row["open"] for row in rows}


def oldest_first(referral: Referral) -> tuple[datetime, str]:
    """Sort key: by creation, and by id among those of one instant."""
    return referral.created_at, referral.id
