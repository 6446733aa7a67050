"""A portal on real engines, as its process serves it: composed by the composition root, over a socket."""

from __future__ import annotations

import asyncio
import socket
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

import httpx
from pydantic import SecretStr

from services.adapters.process import http_loop
from services.adapters.settings import Settings
from services.bootstrap import World, open_world, prepare
from services.core.accounts import ApiToken
from services.portal.keys import key_hash
from services.portal.program_work import client_for, token_for
from services.portal_wiring import finder_of, portal_app
from tests.builders import make_partner

#: Tokens of partner 1, and of an operator.
KEY, OPERATOR_KEY = "rxt_real", "rxt_operator"
#: Id and secret of an OAuth client of partner 1, as HTTP Basic says them.
CLIENT = b64encode(b"crm:rxs_real").decode()


@asynccontextmanager
async def real_world(kafka: str, mongo_server: str, mongo_database: str) -> AsyncIterator[World]:
    """The engines with topics and indexes, partners 1 and 2, a token and a client of partner 1, an operator's."""
    settings = Settings(
        kafka=kafka, mongo=SecretStr(mongo_server), mongo_database=mongo_database, portal_requests_per_minute=10**6
    )
    async with open_world(settings, "portal") as world:
        await prepare(world)
        await world.stores.partners.put_partners([make_partner(1), make_partner(2)])
        token = ApiToken(
            id="real",
            token_hash=key_hash(KEY),
            name="CRM",
            partner_id=make_partner(1).id,
            scopes=("referrals.write", "profiles.write", "users.write", "webhooks.write"),
            created_at=datetime.now(UTC),
        )
        await world.stores.tokens.add_token(token)
        _, client = client_for("crm", "CRM", ["referrals.write"], datetime.now(UTC), partner_id=make_partner(1).id)
        await world.stores.tokens.add_client(replace(client, secret_hash=key_hash("rxs_real")))
        _, theirs = token_for("Console", ["operator"], datetime.now(UTC), partner_id=None)
        await world.stores.tokens.add_token(replace(theirs, token_hash=key_hash(OPERATOR_KEY)))
        yield world


@asynccontextmanager
async def served(world: World) -> AsyncIterator[str]:
    """The portal at an address, as its process serves it; it finds the partners that are stored now."""
    finder = finder_of(world)
    await finder.load()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    stop = asyncio.Event()
    serving = asyncio.ensure_future(http_loop(portal_app(world, finder), "127.0.0.1", port)(stop))
    address = f"http://127.0.0.1:{port}"
    async with httpx.AsyncClient() as client, asyncio.timeout(20):
        while True:
            try:
                await client.get(f"{address}/openapi.json")
                break
            except httpx.TransportError:
                await asyncio.sleep(0.05)
    try:
        yield address
    finally:
        stop.set()
        await serving
