"""How are sessions and sign-in links kept in MongoDB? The server drops them some time after they expire."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TypeAlias

import bson

from services.adapters.mongo.documents import SESSIONS, SIGN_IN_LINKS
from services.adapters.mongo.documents import USERS as PEOPLE
from services.adapters.mongo.driver import BY_ID, Doc, Mongo
from services.adapters.mongo.encoding import CODECS
from services.adapters.mongo.indexes import SESSIONS as SESSIONS_COLLECTION
from services.adapters.mongo.indexes import SIGN_IN_LINKS as LINKS_COLLECTION
from services.adapters.mongo.indexes import USERS as USERS_COLLECTION
from services.adapters.mongo.questions import Reading, documents
from services.adapters.mongo.together import Together
from services.core.accounts import Session, SignInLink, User

_WITH_USER = {"$lookup": {"from": USERS_COLLECTION, "localField": "user_id", "foreignField": "_id", "as": "user"}}
Holder: TypeAlias = tuple[Session, User]


#: Sessions with their users that are kept by the bytes they were read from, at some 2 KB each.
_KEPT = 1024


@dataclass(frozen=True, slots=True)
class Held:
    """A session with its user, as the server sent them; None: there is none."""

    doc: bytes | None

    def until(self, now: datetime) -> Holder | None:
        """Who it is, if the session has not expired."""
        holder = None if self.doc is None else _holder(self.doc)
        return holder if holder is not None and now < holder[0].expires_at else None


@lru_cache(maxsize=_KEPT)
def _holder(doc: bytes) -> Holder | None:
    """Whom some bytes tell of: what is kept by them can't be out of date."""
    held: Doc = bson.decode(doc, CODECS)
    return (SESSIONS.from_doc(held), PEOPLE.from_doc(held["user"][0])) if held["user"] else None


@lru_cache(maxsize=_KEPT)
def _id(doc: bytes) -> str:
    return str(bson.decode(doc, CODECS)["_id"])


def forget() -> None:
    """Let go of what is kept in memory."""
    _holder.cache_clear()
    _id.cache_clear()


def held_by(reading: Reading, ids: Sequence[str]) -> list[Held]:
    """Sessions by id, in their order, each joined with its user by the server: one question costs half of two."""
    pipeline: list[Doc] = [{"$match": {"_id": {"$in": [*ids]}}}, _WITH_USER]
    batch = reading.aggregate(SESSIONS_COLLECTION, pipeline, hint=BY_ID, at_most=len(ids))
    found = {_id(doc): Held(doc) for doc in documents(batch)}
    return [found.get(id_, Held(None)) for id_ in ids]


class MongoSignIns:
    """Port `SignInStore`."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo, self._sessions = mongo, mongo.collection(SESSIONS_COLLECTION)
        self._links = mongo.collection(LINKS_COLLECTION)
        self._held: Together[str, Held] = Together(self._all)

    async def put_session(self, session: Session) -> None:
        """By id, the hash of the cookie."""
        await self._sessions.put(session.id, SESSIONS.to_doc(session))

    async def session(self, id_: str, now: datetime) -> Session | None:
        """By id; the server may not have dropped an expired one yet."""
        doc = await self._sessions.get(id_)
        session = SESSIONS.from_doc(doc) if doc else None
        return session if session is not None and now < session.expires_at else None

    async def holder(self, id_: str, now: datetime) -> Holder | None:
        """Every page asks this first: those who ask at the same moment travel together."""
        return (await self._held(id_)).until(now)

    async def _all(self, ids: Sequence[str]) -> list[Held]:
        return await self._mongo.reading(lambda reading: held_by(reading, ids))

    async def end_session(self, id_: str) -> None:
        """Deleted."""
        await self._sessions.delete({"_id": id_})

    async def end_sessions_of(self, user_id: str) -> None:
        """Deleted, through the index of users."""
        await self._sessions.delete({"user_id": {"$eq": user_id}})

    async def put_link(self, link: SignInLink) -> None:
        """By id, the hash of the token."""
        await self._links.put(link.id, SIGN_IN_LINKS.to_doc(link))

    async def link(self, id_: str, now: datetime) -> SignInLink | None:
        """By id."""
        doc = await self._links.get(id_)
        link = SIGN_IN_LINKS.from_doc(doc) if doc else None
        return link if link is not None and now < link.expires_at else None

    async def take_link(self, id_: str, now: datetime) -> SignInLink | None:
        """Deleted and returned in one step, so that one of several gets it."""
        doc = await self._links.take({"_id": id_, "expires_at": {"$gt": now}})
        return SIGN_IN_LINKS.from_doc(doc) if doc else None
