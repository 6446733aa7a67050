"""How are several questions asked in a row, by one thread that waits for each answer?

To hand a question to a thread and to take its answer back costs as much as the question does. So what belongs together
is asked by one function in one thread, and answers stay as the server sent them: whoever knows one by its bytes need
not read it again. A command costs less than a cursor of the driver's, which one batch does not need.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo.database import Database
from pymongo.errors import AutoReconnect

from services.adapters.mongo.encoding import Doc

Filter: TypeAlias = Mapping[str, Any]
Sort: TypeAlias = Sequence[tuple[str, int]]

#: Index of every collection, named where a query reads everything on purpose, or where another would be the wrong one.
BY_ID = "_id_"

_RAW: CodecOptions[RawBSONDocument] = CodecOptions(document_class=RawBSONDocument)
_MAJORITY = {"level": "majority"}


def by_id(ids: Sequence[str], only: Mapping[str, str | None]) -> dict[str, Any]:
    """Filter and index to find documents by id; `only` those with these values, None: whatever they have."""
    asked = {name: {"$eq": value} for name, value in only.items() if value is not None}
    # Among some ids the server might take an index of all that a partner has.
    return {"where": {"_id": {"$in": list(ids)}, **asked}, "hint": BY_ID if asked else None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Some fields of the first documents that match, in the order of an index; they fit into one answer (16 MB)."""

    where: Filter
    limit: int
    hint: str
    fields: Sequence[str]
    sort: Sort = ()


class Reading:
    """Reads a database; each call blocks its thread. All may raise what `failures.translated` says."""

    def __init__(self, database: Database[Doc]) -> None:
        self._database = database

    def find(self, collection: str, asked: Question) -> bytes:
        """The batch that answers a question: for `documents`."""
        shape = {"filter": asked.where, "projection": dict.fromkeys(asked.fields, 1), "hint": asked.hint}
        order = {"sort": dict(asked.sort)} if asked.sort else {}
        return self._batch({"find": collection, **shape, **order, "limit": asked.limit, "singleBatch": True})

    def aggregate(self, collection: str, pipeline: Sequence[Doc], *, hint: str, at_most: int) -> bytes:
        """The batch of a pipeline that gives at most so many documents: for `documents`."""
        command = {"aggregate": collection, "pipeline": list(pipeline), "cursor": {"batchSize": at_most + 1}}
        return self._batch({**command, "hint": hint})

    def count_keys(self, collection: str, where: Filter, *, hint: str, at_most: int) -> int:
        """How many match, up to a bound, where keys of the index say all: the older command needs half of the time."""
        return int(self._ask({"count": collection, "query": where, "hint": hint, "limit": at_most})["n"])

    def _batch(self, command: Doc) -> bytes:
        batch: RawBSONDocument = self._ask(command)["cursor"]
        return bytes(batch.raw)

    def _ask(self, command: Doc) -> RawBSONDocument:
        asked = {**command, "readConcern": _MAJORITY}
        try:
            return self._database.command(asked, codec_options=_RAW)
        except AutoReconnect as error:
            if error.timeout:
                raise
            # As the driver does with the reads that it knows: a lost connection or another primary, once.
            return self._database.command(asked, codec_options=_RAW)


def documents(batch: bytes) -> list[bytes]:
    """The documents of a batch, each as the server sent it: for `encoding.decoded`."""
    found: Sequence[RawBSONDocument] = RawBSONDocument(batch)["firstBatch"]
    return [bytes(doc.raw) for doc in found]
