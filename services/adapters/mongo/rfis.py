"""How are engagements kept in MongoDB?"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from services.adapters.mongo import guarded
from services.adapters.mongo.documents import PERSONS, RFIS, ROUTINGS
from services.adapters.mongo.driver import ASCENDING, BY_ID, DESCENDING, Mongo, UpdateMany
from services.adapters.mongo.indexes import RFIS as COLLECTION
from services.adapters.mongo.indexes import UNSENT
from services.core.codes import RfiState
from services.core.ports import Change, Saved
from services.core.rfi import Person, Rfi, Routing

#: What no mail tells; the fields have empty defaults.
UNMAILED = ("routing.near_misses", "routing.chosen.reasons", "outbox")


class MongoRfis:
    """Port `RfiStore`."""

    def __init__(self, mongo: Mongo) -> None:
        self._rfis = mongo.collection(COLLECTION)

    async def add(self, rfis: Sequence[Rfi]) -> dict[str, Rfi]:
        """Insert what is not there; a crash in the middle leaves some of it, which the next attempt finds there."""
        there = await self._rfis.insert_new([RFIS.to_doc(rfi) for rfi in rfis])
        return await self.load(sorted(there))

    async def load(
        self, ids: Sequence[str], states: Collection[RfiState] | None = None, *, source: str | None = None
    ) -> dict[str, Rfi]:
        """By id; the index on states would be the wrong one where many share a state."""
        if states is None or not ids:
            return RFIS.by_id_of_naive(await self._rfis.naive_by_ids(ids, source=source))
        where: dict[str, Any] = {"_id": {"$in": list(ids)}, "state": {"$in": sorted(state.value for state in states)}}
        if source is not None:
            where["source"] = {"$eq": source}
        return RFIS.by_id(await self._rfis.find(where, hint=BY_ID))

    async def for_mails(self, ids: Sequence[str]) -> dict[str, Rfi]:
        """Half of a routed RFI tells why it went to whom, and stays with the server."""
        return RFIS.by_id_of_naive(await self._rfis.naive_by_ids(ids, without=UNMAILED))

    async def customers(self, ids: Sequence[str]) -> dict[str, Person]:
        """Only the contacts leave the server: a routed RFI is many times as large."""
        docs = await self._rfis.by_ids(ids, fields=["customer.contact"])
        return {doc["_id"]: PERSONS.from_part(doc["customer"]["contact"]) for doc in docs}

    async def route(self, routings: Mapping[str, Routing]) -> dict[str, Rfi]:
        """One bulk of conditional updates; read back only when some were not written.

        Each names one document, and yet is an update of many: the driver repeats those of one, for which the server
        keeps a second document each. Here a failed bulk comes again with its batch, and finds what was written.
        """
        writes = [UpdateMany(_unrouted(id_), _routed(routing)) for id_, routing in routings.items()]
        if (await self._rfis.write(writes)).modified == len(writes):
            return {}
        stored = await self.load(list(routings))
        return {
            id_: rfi
            for id_, rfi in stored.items()
            # Ours already: an earlier attempt of this very write, whose answer was lost.
            if rfi.routing != ROUTINGS.as_stored(routings[id_])
        }

    async def save(self, changes: Sequence[Change[Rfi]]) -> Saved:
        """One bulk of conditional replacements."""
        return await guarded.save(self._rfis, RFIS, changes)

    async def clear_outbox(self, sent: Mapping[str, Sequence[str]]) -> None:
        """One bulk of pulls."""
        await guarded.pull(self._rfis, sent)

    async def with_outbox(self, limit: int) -> list[Rfi]:
        """Those with the oldest unsent event first."""
        docs = await self._rfis.find(UNSENT, sort=[("outbox.0.at", ASCENDING)], limit=limit)
        return RFIS.readable(docs)

    async def recent(self, limit: int, state: RfiState | None = None, since: datetime | None = None) -> list[Rfi]:
        """All states are named when none is asked for, so that the index on (state, time) serves both questions."""
        states = [state.value] if state else [each.value for each in RfiState]
        where: dict[str, Any] = {"state": {"$in": states}}
        if since is not None:
            where["accepted_at"] = {"$gte": since}
        docs = await self._rfis.find(where, sort=[("accepted_at", DESCENDING)], limit=limit)
        return [RFIS.from_doc(doc) for doc in docs]

    async def scan(self, after: str, limit: int) -> list[Rfi]:
        """Through the index of ids."""
        docs = await self._rfis.find({"_id": {"$gt": after}}, sort=[("_id", ASCENDING)], limit=limit)
        return [RFIS.from_doc(doc) for doc in docs]


def _unrouted(id_: str) -> dict[str, Any]:
    return {"_id": id_, "state": RfiState.ACCEPTED.value, "routing": None}


def _routed(routing: Routing) -> dict[str, Any]:
    state = RfiState.ROUTED if routing.chosen else RfiState.NO_MATCH
    return {"$set": {"routing": ROUTINGS.to_part(routing), "state": state.value}, "$inc": {"version": 1}}
