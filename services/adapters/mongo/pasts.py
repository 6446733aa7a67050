"""How are the pasts of profiles kept in MongoDB?

A document carries `unpublished` until its newest version is known to be on Kafka.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from services.adapters.mongo.documents import Codec, Doc
from services.adapters.mongo.driver import ASCENDING, Mongo, ReplaceOne, UpdateOne
from services.adapters.mongo.indexes import STANDINGS, UNPUBLISHED
from services.core.pasts import KeptPast
from services.core.ports import Change, Saved


def _mark_unpublished(_past: KeptPast, doc: Doc) -> None:
    doc["unpublished"] = True


PASTS = Codec(KeptPast, _mark_unpublished)


class MongoPasts:
    """Port `PastStore`."""

    def __init__(self, mongo: Mongo) -> None:
        self._pasts = mongo.collection(STANDINGS)

    async def load(self, ids: Sequence[str]) -> dict[str, KeptPast]:
        """By id."""
        return PASTS.by_id(await self._pasts.by_ids(ids)) if ids else {}

    async def save(self, changes: Sequence[Change[KeptPast]]) -> Saved:
        """One bulk; an upsert that finds a document of another version collides with it, which is the point."""
        writes = [
            ReplaceOne(
                {"_id": change.document.id, "version": change.expected},
                PASTS.to_doc(change.document),
                upsert=change.expected == 0,
            )
            for change in changes
        ]
        done = await self._pasts.write(writes)
        if done.matched + done.upserted == len(writes):
            return Saved(written=[change.document.id for change in changes])
        return sort_out(changes, await self.load([change.document.id for change in changes]))

    async def all(self, after: str, limit: int) -> list[KeptPast]:
        """Through the index of ids."""
        docs = await self._pasts.find({"_id": {"$gt": after}}, sort=[("_id", ASCENDING)], limit=limit)
        return PASTS.readable(docs)

    async def unpublished(self, limit: int) -> list[KeptPast]:
        """Through the index of unpublished ones."""
        return PASTS.readable(await self._pasts.find(UNPUBLISHED, limit=limit))

    async def mark_published(self, versions: Mapping[str, int]) -> None:
        """Only where the stored version is still the published one."""
        await self._pasts.write(
            [
                UpdateOne({"_id": id_, "version": version}, {"$unset": {"unpublished": ""}})
                for id_, version in versions.items()
            ]
        )


def sort_out(changes: Sequence[Change[KeptPast]], stored: Mapping[str, KeptPast]) -> Saved:
    """Which changes are stored as they were meant, and which met somebody else's."""
    saved = Saved()
    for change in changes:
        ours = stored.get(change.document.id) == PASTS.as_stored(change.document)
        (saved.written if ours else saved.conflicts).append(change.document.id)
    return saved
