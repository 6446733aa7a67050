"""Which operations of the MongoDB driver do we use? The one module that imports it: another driver is another import.

A misspelt method of motor is a sub-collection that fails only when called; here every operation in use has a signature
that the type checker knows. Nothing is opened before the first operation.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Self, TypeAlias, TypeVar

from bson.raw_bson import RawBSONDocument
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorCollection
from pymongo import (
    ASCENDING,
    DESCENDING,
    DeleteOne,
    IndexModel,
    MongoClient,
    ReplaceOne,
    ReturnDocument,
    UpdateMany,
    UpdateOne,
)
from pymongo.collation import Collation, CollationStrength
from pymongo.errors import BulkWriteError, ConfigurationError, DuplicateKeyError

from services.adapters.mongo.connecting import Timing, options_of
from services.adapters.mongo.encoding import CODECS, NAIVE, Doc
from services.adapters.mongo.failures import duplicates, translated
from services.adapters.mongo.questions import BY_ID, Filter, Reading, Sort, by_id
from services.adapters.mongo.walking import ahead, walk
from services.core.errors import Misconfigured

__all__ = [
    "ASCENDING",
    "BY_ID",
    "DESCENDING",
    "Collection",
    "DeleteOne",
    "Doc",
    "Index",
    "Mongo",
    "ReplaceOne",
    "Timing",
    "UpdateMany",
    "UpdateOne",
]

Write: TypeAlias = UpdateOne | UpdateMany | ReplaceOne[Doc] | DeleteOne
Index: TypeAlias = IndexModel
T = TypeVar("T")

#: Compares texts whatever their case; an index serves only queries that compare as it does.
WITHOUT_CASE = Collation(locale="en", strength=CollationStrength.SECONDARY)


@dataclass(frozen=True, slots=True)
class Changed:
    """What a bulk of updates met: documents that matched, and documents that came into being or were altered."""

    matched: int
    modified: int
    upserted: int


class Mongo:
    """A connection to one database; safe to make before the event loop runs, to be closed when done."""

    def __init__(
        self,
        uri: str,
        database: str,
        *,
        timing: Timing | None = None,
        pool: int = 32,
        listeners: Sequence[Any] = (),
    ) -> None:
        """Take the address; `listeners` are pymongo's, for tests that look at what is asked.

        Raises:
            Misconfigured: the address is not one.
        """
        timing = timing or Timing()
        options, most = options_of(timing, listeners), int(timing.operation_s * 1000)
        try:
            self._client: AsyncIOMotorClient[Doc] = AsyncIOMotorClient(uri, **options, timeoutMS=most, maxPoolSize=pool)
        except (ConfigurationError, ValueError) as error:  # The error's words may hold the password: leave them out.
            raise Misconfigured("the address of MongoDB is not valid: check REFERRALS_MONGO") from error
        self._database = self._client.get_database(database, codec_options=CODECS)
        self._reading = Reading(self._database.delegate)
        self._walker = partial(MongoClient[RawBSONDocument], uri, **options, socketTimeoutMS=most, maxPoolSize=1)
        # Its own, as many as connections: slow searches leave the event loop's few threads to others.
        self._readers = ThreadPoolExecutor(pool, "mongo-reading")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def collection(self, name: str) -> Collection:
        """A collection by name."""
        return Collection(self._database.get_collection(name))

    async def reading(self, ask: Callable[[Reading], T]) -> T:
        """What a function finds that asks one question after the other, in one thread of a pool."""
        with translated():
            return await asyncio.get_running_loop().run_in_executor(self._readers, ask, self._reading)

    def walk(self, collection: str, without: Sequence[str], batch: int) -> AsyncGenerator[bytes, None]:
        """Everything in a collection, as `walking.walk` says; while one batch is looked at, the next is on its way."""
        return ahead(walk(self._walker, self._database.name, collection, without, batch), self._readers)

    async def hello(self) -> Doc:
        """The server's account of itself, its `localTime` among it."""
        with translated():
            return dict(await self._client.admin.command("hello", codec_options=CODECS))

    async def ping(self) -> None:
        """Return if a primary answers."""
        with translated():
            await self._client.admin.command("ping")

    async def disk(self) -> tuple[int, int]:
        """Free and total bytes of the file system with the data."""
        with translated():
            told = await self._database.command("dbStats")
        return int(told["fsTotalSize"] - told["fsUsedSize"]), int(told["fsTotalSize"])

    async def explain(self, command: Mapping[str, Any]) -> Doc:
        """How the server would carry out a command; for the test that no query scans a collection."""
        with translated():
            return dict(
                await self._database.command("explain", command, verbosity="queryPlanner", codec_options=CODECS)
            )

    async def drop(self) -> None:
        """Drop the whole database: for tests and benchmarks."""
        with translated():
            await self._client.drop_database(self._database.name)

    def close(self) -> None:
        """Close the connections."""
        self._readers.shutdown(wait=False)
        self._client.close()


class Collection:
    """The operations in use on one collection. All may raise what `translated` says."""

    def __init__(self, collection: AsyncIOMotorCollection[Doc]) -> None:
        self._it = collection
        self._naive = collection.with_options(codec_options=NAIVE)

    @property
    def name(self) -> str:
        """Name of the collection."""
        return str(self._it.name)

    async def insert_new(self, docs: Sequence[Doc]) -> set[str]:
        """Insert the documents whose `_id` is not there; return the ids that were there already."""
        if not docs:
            return set()
        with translated():
            try:
                await self._it.insert_many(docs, ordered=False)
            except BulkWriteError as error:
                found = duplicates(error)
                if found is None:
                    raise
                return found
        return set()

    async def write(self, writes: Sequence[Write]) -> Changed:
        """Carry out the writes in one call, in any order; a document that an upsert finds taken counts for nothing."""
        if not writes:
            return Changed(0, 0, 0)
        with translated():
            try:
                done = (await self._it.bulk_write(writes, ordered=False)).bulk_api_result
            except BulkWriteError as error:
                if duplicates(error) is None:
                    raise
                done = dict(error.details or {})
        return Changed(done["nMatched"], done["nModified"], done["nUpserted"])

    async def update_all(self, where: Filter, change: Mapping[str, Any]) -> int:
        """Change every document that matches; return how many."""
        with translated():
            return int((await self._it.update_many(where, change)).modified_count)

    async def take(self, where: Filter) -> Doc | None:
        """Delete one document that matches and return it: of several who try, one gets it."""
        with translated():
            return await self._it.find_one_and_delete(where)

    async def delete(self, where: Filter) -> int:
        """Delete every document that matches; return how many."""
        with translated():
            return int((await self._it.delete_many(where)).deleted_count)

    async def put(self, id_: str, doc: Doc) -> None:
        """Insert or replace one document."""
        with translated():
            try:
                await self._it.replace_one({"_id": id_}, doc, upsert=True)
            except DuplicateKeyError:  # Two first writers: the other one inserted in between.
                await self._it.replace_one({"_id": id_}, doc)

    async def upsert_and_get(self, id_: str, change: Mapping[str, Any]) -> Doc:
        """Change (or make) one document and return it as it is then."""
        with translated():
            try:
                found = await self._it.find_one_and_update(
                    {"_id": id_}, change, upsert=True, return_document=ReturnDocument.AFTER
                )
            except DuplicateKeyError:
                found = await self._it.find_one_and_update({"_id": id_}, change, return_document=ReturnDocument.AFTER)
        return dict(found)

    async def get(self, id_: str) -> Doc | None:
        """One document by id."""
        with translated():
            return await self._it.find_one({"_id": id_})

    async def by_ids(self, ids: Sequence[str], fields: Sequence[str] | None = None, **only: str | None) -> list[Doc]:
        """Documents by id, in any order; `only` those whose fields have these values, None: whatever they have."""
        return await self.find(**by_id(ids, only), limit=len(ids), fields=fields) if ids else []

    async def naive_by_ids(self, ids: Sequence[str], without: Sequence[str] = (), **only: str | None) -> list[Doc]:
        """The same without some fields; their instants (UTC) lack the zone."""
        return await self.find(**by_id(ids, only), limit=len(ids), without=without, naive=True) if ids else []

    async def find(
        self,
        where: Filter,
        *,
        sort: Sort | None = None,
        limit: int = 0,
        fields: Sequence[str] | None = None,
        without: Sequence[str] = (),
        hint: str | None = None,
        collation: Collation | None = None,
        naive: bool = False,
    ) -> list[Doc]:
        """Documents that match, with some fields or without; `limit` 0: all; `naive` instants (UTC) lack the zone."""
        shown = dict.fromkeys(without, False) if without else fields
        order = list(sort) if sort else None
        with translated():
            # The server gives 101 documents at first; whoever bounds their number is spared further questions.
            cursor = (self._naive if naive else self._it).find(
                where, shown, limit=limit, batch_size=limit, sort=order, hint=hint, collation=collation
            )
            return await cursor.to_list(None)

    async def count(self, where: Filter, *, hint: str) -> int:
        """How many documents match, counted exactly (the server's estimate is off after a crash)."""
        with translated():
            return int(await self._it.count_documents(where, hint=hint))

    async def distinct(self, field: str) -> list[Any]:
        """The values of an indexed field."""
        with translated():
            return list(await self._it.distinct(field))

    async def aggregate(self, pipeline: Sequence[Mapping[str, Any]], *, hint: str) -> list[Doc]:
        """The pipeline's answer."""
        with translated():
            return await self._it.aggregate(list(pipeline), hint=hint).to_list(None)

    async def ensure(self, indexes: Sequence[Index]) -> None:
        """Make the indexes that are not there."""
        if indexes:
            with translated():
                await self._it.create_indexes(list(indexes))

    async def index_names(self) -> list[str]:
        """The names of the indexes that are there, but the one of ids."""
        with translated():
            return sorted(set(await self._it.index_information()) - {"_id_"})

    async def drop_index(self, name: str) -> None:
        """Drop one; it must be there."""
        with translated():
            await self._it.drop_index(name)
