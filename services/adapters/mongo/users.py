"""How are the people who sign in kept in MongoDB?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from services.adapters.mongo.documents import USERS
from services.adapters.mongo.driver import ASCENDING, Mongo, ReplaceOne
from services.adapters.mongo.indexes import MAILED, OPERATOR
from services.adapters.mongo.indexes import USERS as COLLECTION
from services.core.accounts import User
from services.core.ports import Change, Saved

_BY_EMAIL = [("email", ASCENDING)]


class MongoUsers:
    """Port `UserStore`."""

    def __init__(self, mongo: Mongo) -> None:
        self._users = mongo.collection(COLLECTION)

    async def add(self, users: Sequence[User]) -> set[str]:
        """One insert; ids that are there collide."""
        return await self._users.insert_new([USERS.to_doc(user) for user in users])

    async def load(self, ids: Sequence[str], *, partner_id: str | None = None) -> dict[str, User]:
        """By id."""
        return USERS.by_id(await self._users.by_ids(ids, partner_id=partner_id))

    async def save(self, changes: Sequence[Change[User]]) -> Saved:
        """One conditional write each. A write whose answer was lost is told from somebody else's by what is stored."""
        writes = [
            ReplaceOne({"_id": each.document.id, "version": each.expected}, USERS.to_doc(each.document))
            for each in changes
        ]
        done = await self._users.write(writes)
        ids = [each.document.id for each in changes]
        if done.matched == len(writes):
            return Saved(written=ids)
        stored = await self.load(ids)
        ours = {each.document.id for each in changes if stored.get(each.document.id) == each.document}
        return Saved(written=[id_ for id_ in ids if id_ in ours], conflicts=[id_ for id_ in ids if id_ not in ours])

    async def of_partner(self, partner_id: str) -> list[User]:
        """Through the index of partners, in its order."""
        found = await self._users.find({"partner_id": {"$eq": partner_id}}, sort=_BY_EMAIL)
        return USERS.readable(found)

    async def notified(self, partner_ids: Sequence[str]) -> dict[str, list[User]]:
        """Through the index of those who are mailed."""
        if not partner_ids:
            return {}
        found: dict[str, list[User]] = {}
        docs = await self._users.find({"partner_id": {"$in": list(partner_ids)}, **MAILED})
        for user in USERS.readable(docs):
            found.setdefault(user.partner_id or "", []).append(user)
        return {id_: sorted(users, key=lambda user: user.email) for id_, users in found.items()}

    async def digests_due(self, shards: Sequence[int], at: datetime, limit: int) -> list[User]:
        """Through the index on (shard, digest_at)."""
        where = {"shard": {"$in": list(shards)}, "digest_at": {"$lte": at}}
        return USERS.readable(await self._users.find(where, sort=[("digest_at", ASCENDING)], limit=limit))

    async def operators(self) -> list[User]:
        """Through the index of operators."""
        return USERS.readable(await self._users.find(OPERATOR, sort=_BY_EMAIL))
