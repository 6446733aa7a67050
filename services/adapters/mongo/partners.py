"""How are partners and their business profiles kept in MongoDB?

A profile's document carries `unpublished` until its newest version is known to be on Kafka. Every document carries
`line`: what its last versions were made by. So a writer who is told that not all of its writes took place can see which
of them did, also when others have written later versions since (ADR 6).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import aclosing
from hashlib import sha1
from typing import TypeVar

from services.adapters.mongo.documents import PARTNERS, PROFILES, ROUTABLE, Codec, encoded
from services.adapters.mongo.driver import ASCENDING, BY_ID, Collection, Doc, Mongo, UpdateOne
from services.adapters.mongo.indexes import PARTNERS as PARTNERS_COLLECTION
from services.adapters.mongo.indexes import PROFILES as PROFILES_COLLECTION
from services.adapters.mongo.indexes import UNPUBLISHED
from services.core.partner import Partner, Profile
from services.core.stored import StoredProfiles

T = TypeVar("T", Partner, Profile)
V = TypeVar("V")

#: Versions whose writers a document remembers: more than can be written while one writer waits for its answer.
LINE = 32

#: What a document holds beyond a routable profile: the people, and who wrote it.
_NOT_ROUTABLE = ("locations.contact", "line")


class MongoPartners:
    """Port `PartnerStore`."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo
        self._partners = mongo.collection(PARTNERS_COLLECTION)
        self._profiles = mongo.collection(PROFILES_COLLECTION)

    async def put_partners(self, partners: Sequence[Partner]) -> set[str]:
        """Insert, or replace lower versions."""
        return await _put_newer(self._partners, PARTNERS, partners)

    async def put_profiles(self, profiles: Sequence[Profile]) -> set[str]:
        """Insert, or replace lower versions; each that was written is unpublished."""
        return await _put_newer(self._profiles, PROFILES, profiles)

    async def load_partners(self, ids: Sequence[str]) -> dict[str, Partner]:
        """By id."""
        return PARTNERS.by_id_of_naive(await self._partners.naive_by_ids(ids))

    async def load_profiles(self, ids: Sequence[str], *, partner_id: str | None = None) -> dict[str, Profile]:
        """By id."""
        return PROFILES.by_id_of_naive(await self._profiles.naive_by_ids(ids, partner_id=partner_id))

    async def profiles_of(self, partner_id: str) -> list[Profile]:
        """Through the index of partners."""
        docs = await self._profiles.find({"partner_id": {"$eq": partner_id}}, sort=[("country", ASCENDING)])
        return PROFILES.readable(docs)

    async def profiles_of_each(self, partner_ids: Sequence[str]) -> dict[str, list[Profile]]:
        """Through the index of partners."""
        wanted = {"partner_id": {"$in": list(partner_ids)}}
        docs = await self._profiles.find(wanted, sort=[("partner_id", ASCENDING), ("country", ASCENDING)])
        return by_partner(PROFILES.readable(docs))

    async def all_profiles(self) -> list[Profile]:
        """By id, in the order of ids."""
        return PROFILES.readable(await self._profiles.find({}, hint=BY_ID))

    async def all_partners(self) -> list[Partner]:
        """By id, in the order of ids."""
        return [PARTNERS.from_doc(doc) for doc in await self._partners.find({}, hint=BY_ID)]

    async def scan_partners(self, after: str, limit: int) -> list[Partner]:
        """Through the index of ids."""
        return await _walked(self._partners, PARTNERS, after, limit)

    async def stored_profiles(self, limit: int) -> AsyncGenerator[StoredProfiles, None]:
        """In the order in which they lie there."""
        async with aclosing(self._mongo.walk(PROFILES_COLLECTION, _NOT_ROUTABLE, limit)) as pages:
            async for documents in pages:
                yield StoredProfiles(documents=documents, read=ROUTABLE.read)

    async def unpublished(self, limit: int) -> list[Profile]:
        """Through the index of unpublished profiles."""
        return PROFILES.readable(await self._profiles.find(UNPUBLISHED, limit=limit))

    async def mark_published(self, versions: Mapping[str, int]) -> None:
        """Only where the stored version is still the published one."""
        await self._profiles.write(
            [
                UpdateOne({"_id": id_, "version": version}, {"$unset": {"unpublished": ""}})
                for id_, version in versions.items()
            ]
        )


async def _walked(collection: Collection, codec: Codec[V], after: str, limit: int) -> list[V]:
    """The next `limit` values in the order of ids. Fewer are the last: no page is short of those that can't be read."""
    values: list[V] = []
    while left := limit - len(values):
        where, order = {"_id": {"$gt": after}}, [("_id", ASCENDING)]
        docs = await collection.find(where, sort=order, limit=left)
        values += codec.readable(docs)
        if len(docs) < left:
            break
        after = docs[-1]["_id"]
    return values


async def _put_newer(collection: Collection, codec: Codec[T], values: Sequence[T]) -> set[str]:
    """Upsert where the stored version is lower; an upsert that finds a newer one collides with it, which is the point.

    Two first writers can collide as well: the second round writes what lost to a lower version.
    """
    marks: dict[str, str] = {}
    writes: list[UpdateOne] = []
    for value in newest(values):
        doc = codec.to_doc(value)
        marks[value.id] = _mark(value, doc)
        newer = {"_id": value.id, "version": {"$lt": value.version}}
        writes.append(UpdateOne(newer, _replacement(doc, marks[value.id]), upsert=True))
    done = await collection.write(writes)
    if done.matched + done.upserted < len(writes):
        await collection.write(writes)
        lines = await collection.by_ids(list(marks), ["line"])
        return {doc["_id"] for doc in lines if marks[doc["_id"]] in doc.get("line", ())}
    return set(marks)


def _mark(value: Partner | Profile, doc: Doc) -> str:
    """What names one write: the same change repeated after a lost answer has the same mark, another's has not."""
    return f"{value.version}:{sha1(encoded(doc), usedforsecurity=False).hexdigest()}"


def _replacement(doc: Doc, mark: str) -> list[Doc]:
    """The whole document as a pipeline, which alone can carry the line on. `$literal`: texts stay texts."""
    line = {"$slice": [{"$concatArrays": [{"$ifNull": ["$line", []]}, [{"$literal": mark}]]}, -LINE]}
    return [{"$replaceWith": {"$mergeObjects": [{"$literal": doc}, {"line": line}]}}]


def by_partner(profiles: Iterable[Profile]) -> dict[str, list[Profile]]:
    """The profiles of each partner, as they come."""
    found: dict[str, list[Profile]] = {}
    for profile in profiles:
        found.setdefault(profile.partner_id, []).append(profile)
    return found


def newest(values: Iterable[T]) -> list[T]:
    """The highest version of each; the first of several that are equal."""
    found: dict[str, T] = {}
    for value in values:
        if value.id not in found or found[value.id].version < value.version:
            found[value.id] = value
    return list(found.values())
