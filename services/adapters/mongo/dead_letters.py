"""How are dead letters kept in MongoDB?

What is said of a letter stays until somebody drops it; only then does its retention run. Its original has its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from services.adapters.mongo.driver import DESCENDING, Mongo, UpdateOne
from services.adapters.mongo.indexes import DEAD_LETTERS, OPEN, OPEN_LETTERS
from services.adapters.mongo.originals import RETENTION, Doc, Originals, place_of, record_of
from services.core.ids import dead_letter_id
from services.core.ports import DeadLetter


class MongoDeadLetters:
    """Port `DeadLetterStore`."""

    def __init__(self, mongo: Mongo, retention: timedelta = RETENTION) -> None:
        self._letters = mongo.collection(DEAD_LETTERS)
        self._originals = Originals(mongo, retention)
        self._retention = retention

    async def put(self, letters: Sequence[DeadLetter]) -> None:
        """Originals first: after a crash in between there is no letter without one, and the redelivery adds it.

        A letter that is there keeps what it has: an original that was erased does not come back with a redelivery.
        """
        there = {doc["_id"] for doc in await self._letters.by_ids(list(map(id_of, letters)), fields=["_id"])}
        new = [letter for letter in letters if id_of(letter) not in there]
        await self._originals.put({id_of(letter): (letter.record, letter.at) for letter in new})
        await self._letters.insert_new([_doc(letter) for letter in new])

    async def listed(self, limit: int, group: str | None = None, reason: str | None = None) -> list[DeadLetter]:
        """Newest first, those that nobody dropped, without originals."""
        where: Doc = dict(OPEN)
        if group is not None:
            where["group"] = {"$eq": group}
        if reason is not None:
            where["reason"] = {"$eq": reason}
        docs = await self._letters.find(where, sort=[("at", DESCENDING)], limit=limit)
        return [letter_of(doc, None) for doc in docs]

    async def load(self, ids: Sequence[str]) -> dict[str, DeadLetter]:
        """By id, with the original, dropped ones too."""
        originals = await self._originals.restore(ids)
        return {doc["_id"]: letter_of(doc, originals.get(doc["_id"])) for doc in await self._letters.by_ids(ids)}

    async def count(self) -> int:
        """Counted in the index of those that nobody dropped."""
        return await self._letters.count(dict(OPEN), hint=OPEN_LETTERS)

    async def drop(self, id_: str, why: str, at: datetime) -> None:
        """Conditional, so that the first word on a letter stands."""
        dropped = {"dropped": {"why": why, "at": at}, "expires_at": at + self._retention}
        await self._letters.write([UpdateOne({"_id": id_, **OPEN}, {"$set": dropped, "$unset": {"open": ""}})])


def id_of(letter: DeadLetter) -> str:
    """The id of a letter: its record's place in the log, for its group."""
    record = letter.record
    return dead_letter_id(letter.group, record.topic, record.partition, record.offset)


def _doc(letter: DeadLetter) -> Doc:
    return {
        "_id": id_of(letter),
        "group": letter.group,
        "reason": letter.reason,
        "detail": letter.detail,
        "attempts": letter.attempts,
        "at": letter.at,
        "record": place_of(letter.record),
        "open": True,
    }


def letter_of(doc: Doc, original: Doc | None) -> DeadLetter:
    """The letter of a document, with its original if there is one."""
    return DeadLetter(
        group=doc["group"],
        record=record_of(doc["record"], original),
        reason=doc["reason"],
        detail=doc["detail"],
        attempts=doc["attempts"],
        at=doc["at"],
    )
