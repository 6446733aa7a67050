"""How is a whole collection read, without looking each document up and without waiting for each batch?

As it lies there: in the order of an index the server looks each document up, which takes it six to twenty times as
long. Answers stay as the server sent them; the driver's own cursors make an object of each document, also where they
hand over bytes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Sequence
from concurrent.futures import Executor
from contextlib import suppress

from bson.codec_options import CodecOptions
from bson.int64 import Int64
from bson.raw_bson import RawBSONDocument
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from services.adapters.mongo.encoding import Doc
from services.adapters.mongo.failures import translated

#: A hint: read without an index. Named where a query reads everything on purpose.
AS_IT_LIES = {"$natural": 1}

_RAW: CodecOptions[RawBSONDocument] = CodecOptions(document_class=RawBSONDocument)
_BATCHES = (b"firstBatch", b"nextBatch")
#: Lengths of values in BSON (bsonspec.org) by their types, as far as they may stand in what describes a cursor:
#: numbers, flags, times, ids, nothing; others begin with their length, to which so much is added.
_FIXED = {0x01: 8, 0x07: 12, 0x08: 1, 0x09: 8, 0x0A: 0, 0x10: 4, 0x11: 8, 0x12: 8}
_ADDED = {0x02: 4, 0x03: 0, 0x04: 0, 0x05: 5}
_EMPTY = 5


def walk(
    connect: Callable[[], MongoClient[RawBSONDocument]], name: str, collection: str, without: Sequence[str], batch: int
) -> Generator[bytes, None, None]:
    """Everything in a collection of a database but for some fields, some documents at a time: an array in BSON each.

    It has a connection of its own: with the driver's clock for a whole operation one can't ask for more of a cursor.
    """
    with connect() as client, client.start_session() as session:
        database = client.get_database(name)
        shown = dict.fromkeys(without, False)
        ask: Doc = {"find": collection, "projection": shown, "hint": AS_IT_LIES, "readConcern": {"level": "majority"}}
        while True:
            answer = database.command({**ask, "batchSize": batch}, session=session, codec_options=_RAW)
            documents, cursor = _told(bytes(answer["cursor"].raw))
            ask = {"getMore": Int64(cursor), "collection": collection}
            try:
                if len(documents) > _EMPTY:
                    yield documents
            except GeneratorExit:
                if cursor:
                    with suppress(PyMongoError):
                        database.command({"killCursors": collection, "cursors": [Int64(cursor)]}, session=session)
                raise
            if not cursor:
                return


def _told(cursor: bytes) -> tuple[bytes, int]:
    """The documents of an answer, and the number to ask for more with, 0 if there are none."""
    documents, number, at = b"", 0, 4
    while kind := cursor[at]:
        end = cursor.index(0, at + 1)
        name, at = cursor[at + 1 : end], end + 1
        size = _FIXED[kind] if kind in _FIXED else _ADDED[kind] + int.from_bytes(cursor[at : at + 4], "little")
        if name in _BATCHES:
            documents = cursor[at : at + size]
        elif name == b"id":
            number = int.from_bytes(cursor[at : at + size], "little", signed=True)
        at += size
    return documents, number


def array_of(documents: Iterable[bytes]) -> bytes:
    """An array of documents, as the server sends them."""
    inside = b"".join(b"\x03%d\0%b" % (place, document) for place, document in enumerate(documents))
    return (len(inside) + _EMPTY).to_bytes(4, "little") + inside + b"\0"


async def ahead(batches: Generator[bytes, None, None], threads: Executor) -> AsyncGenerator[bytes, None]:
    """The batches, each asked for by a thread as soon as the one before has come. May raise what `translated` says."""
    read = asyncio.get_running_loop().run_in_executor
    coming = read(threads, next, batches, b"")
    try:
        while True:
            with translated():
                # Whoever gives up waiting does not make the thread give up.
                found = await asyncio.shield(coming)
            if not found:
                return
            coming = read(threads, next, batches, b"")
            yield found
    finally:
        # A thread may still be at it: only when it has ended can the cursor be closed.
        await asyncio.wait({coming})
        # Nobody asks any more what it came to.
        coming.exception()
        await read(threads, batches.close)
