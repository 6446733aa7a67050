"""How are send jobs kept in MongoDB, so that each is in the hands of one sender at a time?

A lease is a conditional update. `owner` must be new for each start of a process: a sender that comes back under its old
name would take its dead self's leases for its own.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from services.adapters.mongo.documents import JOBS, Part
from services.adapters.mongo.driver import ASCENDING, Mongo, UpdateMany, UpdateOne
from services.adapters.mongo.indexes import ATTEMPTS, JOBS_OF_RFI, LEASED, PENDING
from services.adapters.mongo.indexes import JOBS as COLLECTION
from services.core.errors import DependencyUnavailable
from services.core.mail import Disclosure, JobState, JobUpdate, SendJob

_DISCLOSURES = Part(Disclosure)
#: What a sender that died was trying is known for so long; its jobs are claimed within a lease.
NOTES_KEPT = timedelta(days=7)


class MongoSendJobs:
    """Port `SendJobStore`."""

    def __init__(self, mongo: Mongo) -> None:
        self._jobs, self._attempts = mongo.collection(COLLECTION), mongo.collection(ATTEMPTS)

    async def add_leased(self, jobs: Sequence[SendJob], owner: str, until: datetime) -> set[str]:
        """Insert them leased, which spares a claim. After a crash in the middle others claim them when leases end."""
        leased = [leased_to(job, owner, until) for job in jobs]
        there = await self._jobs.insert_new([JOBS.to_doc(job) for job in leased])
        return {job.id for job in jobs} - there

    async def claim(self, owner: str, now: datetime, real_now: datetime, until: datetime, limit: int) -> list[SendJob]:
        """Find candidates, lease them under the same condition, read back what we got by the token of this claim."""
        pending, ran_out = {**PENDING, "due_at": {"$lte": now}}, {**LEASED, "lease_until": {"$lte": real_now}}
        token = str(uuid4())
        lease = {"state": JobState.LEASED.value, "lease_owner": owner, "lease_until": until, "claim": token}
        due = [doc["_id"] for doc in await self._first(pending, "due_at", limit)]
        await self._take(due, pending, {"$set": lease, "$inc": {"attempts": 1}})
        left = await self._first(ran_out, "lease_until", limit - len(due))
        tried = await self._tried({doc["lease_owner"] for doc in left})
        perhaps_sent = [doc["_id"] for doc in left if doc["_id"] in tried]
        # What became of its last attempt is not known, so the error of the one before says nothing any more.
        lost = {"$set": lease, "$inc": {"attempts": 1, "lost_leases": 1}, "$unset": {"last_error": ""}}
        await self._take(perhaps_sent, ran_out, lost)
        waited = [doc["_id"] for doc in left if doc["_id"] not in tried]
        await self._take(waited, ran_out, {"$set": lease})
        ids = [*due, *perhaps_sent, *waited]
        return JOBS.readable(await self._jobs.find({"_id": {"$in": ids}, "claim": token})) if ids else []

    async def _first(self, where: Mapping[str, Any], oldest: str, limit: int) -> list[dict[str, Any]]:
        if not limit:
            return []
        return await self._jobs.find(where, sort=[(oldest, ASCENDING)], limit=limit, fields=["_id", "lease_owner"])

    async def _take(self, ids: Sequence[str], where: Mapping[str, Any], change: Mapping[str, Any]) -> None:
        if ids:
            await self._jobs.update_all({"_id": {"$in": list(ids)}, **where}, change)

    async def _tried(self, owners: Collection[str]) -> set[str]:
        """The jobs that these owners were trying when they were last heard of."""
        if not owners:
            return set()
        notes = await self._attempts.find({"owner": {"$in": sorted(owners)}})
        return {id_ for note in notes for id_ in note["jobs"].split()}

    async def trying(self, owner: str, slot: int, ids: Sequence[str], at: datetime) -> None:
        """One small document for a portion of mails, overwritten by the next: a note in each job would cost more.

        The ids are one text: a list of as many costs the server half as much again.
        """
        note = {"owner": owner, "jobs": " ".join(ids), "expires_at": at + NOTES_KEPT}
        await self._attempts.put(f"{owner}/{slot}", note)

    async def renew(self, ids: Sequence[str], owner: str, until: datetime) -> set[str]:
        """Lengthen what is still ours, and read back what that is."""
        if not ids:
            return set()
        ours = {"_id": {"$in": list(ids)}, **LEASED, "lease_owner": owner}
        await self._jobs.update_all(ours, {"$set": {"lease_until": until}})
        return {doc["_id"] for doc in await self._jobs.find(ours, fields=["_id"])}

    async def finish(self, updates: Sequence[JobUpdate], owner: str) -> None:
        """Fenced by the owner; a repeat finds the lease gone and changes nothing.

        Jobs that ended alike are one write: of a batch that is nearly all of them, at a third of the server's work.
        """
        alike: dict[tuple[object, ...], tuple[JobUpdate, list[str]]] = {}
        for update in updates:
            alike.setdefault(_ending(update), (update, []))[1].append(update.job_id)
        ours = {**LEASED, "lease_owner": owner}
        try:
            await self._jobs.write(
                [
                    UpdateMany({"_id": {"$in": ids}, **ours, **_since_birth(update)}, _result(update))
                    for update, ids in alike.values()
                ]
            )
        except DependencyUnavailable:
            # A result that is not written lets a mail go out twice. The driver repeats writes of one document, through
            # a change of primary too, but not a write of many.
            await self._jobs.write(
                [UpdateOne({"_id": each.job_id, **ours, **_since_birth(each)}, _result(each)) for each in updates]
            )

    async def came_back(self, id_: str, address_key: str, why: str, due_at: datetime | None) -> bool:
        """One conditional update; the list of addresses in the job tells a second report from the first."""
        state = JobState.FAILED if due_at is None else JobState.PENDING
        change: dict[str, Any] = {"state": state.value, "last_error": why, "attempts": 0}
        if due_at is not None:
            change["due_at"] = due_at
        sent = {"_id": id_, "state": JobState.SENT.value, "returned": {"$ne": address_key}}
        done = await self._jobs.write([UpdateOne(sent, {"$set": change, "$push": {"returned": address_key}})])
        return done.modified == 1

    async def load(self, ids: Sequence[str]) -> dict[str, SendJob]:
        """By id."""
        return JOBS.by_id(await self._jobs.by_ids(ids))

    async def of_rfis(self, rfi_ids: Sequence[str]) -> list[SendJob]:
        """Through the index of RFIs."""
        docs = await self._jobs.find({"rfi_id": {"$in": list(rfi_ids)}}) if rfi_ids else []
        return [JOBS.from_doc(doc) for doc in docs]

    async def counts(self) -> dict[tuple[str, str, JobState], int]:
        """From the index alone, without reading a document."""
        rows = await self._jobs.aggregate(
            [
                {"$match": {"rfi_id": {"$gte": ""}}},
                {"$group": {"_id": {"k": "$kind", "l": "$language", "s": "$state"}, "n": {"$sum": 1}}},
            ],
            hint=JOBS_OF_RFI,
        )
        return {(row["_id"]["k"], row["_id"]["l"], JobState(row["_id"]["s"])): row["n"] for row in rows}

    async def next_due(self) -> datetime | None:
        """The first of the index of pending jobs."""
        first = await self._jobs.find(PENDING, sort=[("due_at", ASCENDING)], limit=1, fields=["due_at"])
        return first[0]["due_at"] if first else None


def leased_to(job: SendJob, owner: str, until: datetime) -> SendJob:
    """The job in its first sender's hands; itself if it is there already."""
    if job.state is JobState.LEASED and job.lease_owner == owner and job.lease_until == until and job.attempts == 1:
        return job
    return replace(job, state=JobState.LEASED, lease_owner=owner, lease_until=until, attempts=1)


def _ending(update: JobUpdate) -> tuple[object, ...]:
    """Equal for updates that write the same."""
    ending = update.state, update.attempts, update.due_at, update.sent_at, update.last_error, update.cut_at_dot
    return *ending, update.disclosed, update.unclaimed


def _since_birth(update: JobUpdate) -> dict[str, Any]:
    """Each claim leaves its token, and each result takes that away; who is leased without one was never claimed."""
    return {"claim": {"$exists": False}} if update.unclaimed else {}


def _result(update: JobUpdate) -> dict[str, Any]:
    written: dict[str, Any] = {
        "state": update.state.value,
        "attempts": update.attempts,
        "cut_at_dot": update.cut_at_dot,
    }
    gone: dict[str, Any] = {"lease_owner": "", "lease_until": "", "claim": ""}
    if update.due_at is not None:
        written["due_at"] = update.due_at
    if update.sent_at is not None:
        written["sent_at"] = update.sent_at
    if update.disclosed is not None:
        written["disclosed"] = [_DISCLOSURES.to_part(each) for each in update.disclosed]
    if update.last_error is not None:
        written["last_error"] = update.last_error
    else:
        gone["last_error"] = ""
    return {"$set": written, "$unset": gone}
