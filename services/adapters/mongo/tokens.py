"""How are programs' tokens and OAuth clients kept in MongoDB? Only hashes of what is secret."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from services.adapters.mongo.documents import OAUTH_CLIENTS, TOKENS
from services.adapters.mongo.driver import DESCENDING, Mongo, UpdateMany, UpdateOne
from services.adapters.mongo.indexes import OAUTH_CLIENTS as CLIENTS_COLLECTION
from services.adapters.mongo.indexes import TOKENS as TOKENS_COLLECTION
from services.core.accounts import ApiToken, OAuthClient

_NEWEST_FIRST = [("created_at", DESCENDING)]


class MongoTokens:
    """Port `TokenStore`."""

    def __init__(self, mongo: Mongo) -> None:
        self._tokens = mongo.collection(TOKENS_COLLECTION)
        self._clients = mongo.collection(CLIENTS_COLLECTION)

    async def add_token(self, token: ApiToken) -> bool:
        """By id."""
        return not await self._tokens.insert_new([TOKENS.to_doc(token)])

    async def token(self, token_hash: str, now: datetime) -> ApiToken | None:
        """Through the unique index of hashes."""
        found = await self._tokens.find({"token_hash": {"$eq": token_hash}}, limit=1)
        token = TOKENS.from_doc(found[0]) if found else None
        return token if token is not None and is_good(token, now) else None

    async def tokens_of(self, partner_id: str | None) -> list[ApiToken]:
        """Through the index of partners."""
        where = {"partner_id": {"$eq": partner_id}, "client_id": {"$eq": None}}
        return TOKENS.readable(await self._tokens.find(where, sort=_NEWEST_FIRST))

    async def revoke_token(self, id_: str, partner_id: str | None, at: datetime) -> bool:
        """One update; revoking again keeps it revoked."""
        done = await self._tokens.write([UpdateOne(_owned(id_, partner_id), {"$set": {"revoked_at": at}})])
        return done.matched > 0

    async def used(self, id_: str, at: datetime) -> None:
        """Never backwards."""
        await self._tokens.write([UpdateOne({"_id": id_}, {"$max": {"last_used_at": at}})])

    async def add_client(self, client: OAuthClient) -> bool:
        """By id."""
        return not await self._clients.insert_new([OAUTH_CLIENTS.to_doc(client)])

    async def client(self, id_: str) -> OAuthClient | None:
        """By id."""
        doc = await self._clients.get(id_)
        client = OAUTH_CLIENTS.from_doc(doc) if doc else None
        return client if client is not None and client.revoked_at is None else None

    async def clients_of(self, partner_id: str | None) -> list[OAuthClient]:
        """Through the index of partners."""
        found = await self._clients.find({"partner_id": {"$eq": partner_id}}, sort=_NEWEST_FIRST)
        return OAUTH_CLIENTS.readable(found)

    async def partner_of(self, id_: str) -> str | None:
        """By id in both collections."""
        doc = await self._tokens.get(id_) or await self._clients.get(id_)
        return None if doc is None else doc.get("partner_id") or ""

    async def revoke_client(self, id_: str, partner_id: str | None, at: datetime) -> bool:
        """The client first: whoever issues a token looks at the client again after storing it."""
        change = {"$set": {"revoked_at": at}}
        done = await self._clients.write([UpdateOne(_owned(id_, partner_id), change)])
        if done.matched:
            await self._tokens.write([UpdateMany({"client_id": {"$eq": id_}}, change)])
        return done.matched > 0


def _owned(id_: str, partner_id: str | None) -> Mapping[str, Any]:
    return {"_id": id_} if partner_id is None else {"_id": id_, "partner_id": {"$eq": partner_id}}


def is_good(token: ApiToken, now: datetime) -> bool:
    """Neither revoked nor expired."""
    return token.revoked_at is None and (token.expires_at is None or now < token.expires_at)
