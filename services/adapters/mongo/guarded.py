"""How is a document replaced only when nobody else has changed it, and how do we know whose write it was?

A bulk whose count says that all matched is settled. Otherwise some documents had another version: somebody else wrote
them, or an earlier attempt of this very write did and its answer was lost. What is stored tells one from the other, so
that our own write is never reported as a conflict, nor another's as ours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from services.adapters.mongo.documents import Codec
from services.adapters.mongo.driver import Collection, ReplaceOne, UpdateOne
from services.core.ports import Change, Saved
from services.core.referral import HistoryEntry, Referral
from services.core.rfi import Rfi

T = TypeVar("T", Rfi, Referral)


async def save(collection: Collection, codec: Codec[T], changes: Sequence[Change[T]]) -> Saved:
    """Replace each document whose stored version is the expected one, in one call."""
    writes = [
        ReplaceOne({"_id": change.document.id, "version": change.expected}, codec.to_doc(change.document))
        for change in changes
    ]
    done = await collection.write(writes)
    if done.matched == len(writes):
        return Saved(written=[change.document.id for change in changes])
    stored = codec.by_id(await collection.by_ids([change.document.id for change in changes]))
    return sort_out(changes, stored, codec.as_stored)


def sort_out(changes: Sequence[Change[T]], stored: Mapping[str, T], as_stored: Callable[[T], T]) -> Saved:
    """Which changes are in the stored documents, and which are conflicts."""
    saved = Saved()
    for change in changes:
        found = stored.get(change.document.id)
        ours = found is not None and holds(found, as_stored(change.document))
        (saved.written if ours else saved.conflicts).append(change.document.id)
    return saved


def holds(stored: T, ours: T) -> bool:
    """Whether the stored document came from our write: it is the same, or has gone on from it.

    Its outbox may have been sent and pulled since.
    """
    if stored.version == ours.version:
        return replace(stored, outbox=()) == replace(ours, outbox=())
    lines = _lines(ours, ours.version)
    return stored.version > ours.version and bool(lines) and lines == _lines(stored, ours.version)


def _lines(document: Rfi | Referral, version: int) -> list[HistoryEntry]:
    """What the history says of one change; an RFI keeps none."""
    if isinstance(document, Rfi):
        return []
    return [entry for entry in document.history if entry.version == version]


async def pull(collection: Collection, sent: Mapping[str, Sequence[str]]) -> None:
    """Take events (ids by document id) out of outboxes. Events that others added meanwhile stay."""
    await collection.write(
        [
            UpdateOne({"_id": id_}, {"$pull": {"outbox": {"id": {"$in": list(events)}}}})
            for id_, events in sent.items()
            if events
        ]
    )
