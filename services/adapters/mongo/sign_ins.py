"""How are sessions and sign-in links kept in MongoDB? The server drops them some time after they expire."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from services.adapters.mongo.documents import SESSIONS, SIGN_IN_LINKS
from services.adapters.mongo.documents import USERS as PEOPLE
from services.adapters.mongo.driver import BY_ID, Doc, Mongo
from services.adapters.mongo.indexes import SESSIONS as SESSIONS_COLLECTION
from services.adapters.mongo.indexes import SIGN_IN_LINKS as LINKS_COLLECTION
from services.adapters.mongo.indexes import USERS as USERS_COLLECTION
from services.adapters.mongo.together import Together
from services.core.accounts import Session, SignInLink, User

_WITH_USER = {"$lookup": {"from": USERS_COLLECTION, "localField": "user_id", "foreignField": "_id", "as": "user"}}


class MongoSignIns:
    """Port `SignInStore`."""

    def __init__(self, mongo: Mongo) -> None:
        self._sessions = mongo.collection(SESSIONS_COLLECTION)
        self._links = mongo.collection(LINKS_COLLECTION)
        self._held = Together(self._with_users)

    async def put_session(self, session: Session) -> None:
        """By id, the hash of the cookie."""
        await self._sessions.put(session.id, SESSIONS.to_doc(session))

    async def session(self, id_: str, now: datetime) -> Session | None:
        """By id; the server may not have dropped an expired one yet."""
        doc = await self._sessions.get(id_)
        session = SESSIONS.from_doc(doc) if doc else None
        return session if session is not None and now < session.expires_at else None

    async def holder(self, id_: str, now: datetime) -> tuple[Session, User] | None:
        """Every page asks this first: those who ask at the same moment travel together."""
        doc = await self._held(id_)
        session = SESSIONS.from_doc(doc) if doc else None
        if doc is None or session is None or session.expires_at <= now or not doc["user"]:
            return None
        return session, PEOPLE.from_doc(doc["user"][0])

    async def _with_users(self, ids: Sequence[str]) -> list[Doc | None]:
        """Sessions by id, in their order, each joined with its user by the server: one question costs half of two."""
        docs = await self._sessions.aggregate([{"$match": {"_id": {"$in": [*ids]}}}, _WITH_USER], hint=BY_ID)
        found = {doc["_id"]: doc for doc in docs}
        return [found.get(id_) for id_ in ids]

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
