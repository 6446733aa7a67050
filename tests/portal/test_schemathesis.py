"""The API keeps what its OpenAPI document says, whatever is sent to it: on a real Kafka and mongod, signed in."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from services.adapters.process import http_loop
from services.adapters.settings import Settings
from services.bootstrap import World, open_world, prepare
from services.core.accounts import ApiToken
from services.core.referral import Referral
from services.portal.keys import key_hash
from services.portal_wiring import portal_app
from tests.builders import make_partner, make_referral, make_rfi

KEY = "rxt_schemathesis"
CONFIG = Path(__file__).with_name("schemathesis.toml")


@pytest.fixture
async def world(kafka: str, mongo_server: str, mongo_database: str) -> AsyncIterator[World]:
    settings = Settings(
        kafka=kafka, mongo=mongo_server, mongo_database=mongo_database, portal_requests_per_minute=10**6
    )
    async with open_world(settings, "portal") as world:
        await prepare(world)
        await world.stores.partners.put_partners([make_partner(1), make_partner(2)])
        await world.stores.rfis.add([make_rfi(n) for n in range(1, 41)])
        await world.stores.referrals.add([make_referral(n, partner=n % 2 + 1) for n in range(1, 41)])
        token = ApiToken(
            id="schemathesis",
            token_hash=key_hash(KEY),
            name="schemathesis",
            partner_id=make_partner(1).id,
            scopes=("referrals.write",),
            created_at=datetime.now(UTC),
        )
        await world.stores.tokens.put_token(token)
        yield world


@asynccontextmanager
async def served(world: World) -> AsyncIterator[str]:
    """The portal at an address, as its process serves it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    stop = asyncio.Event()
    serving = asyncio.ensure_future(http_loop(portal_app(world), "127.0.0.1", port)(stop))
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


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_whatever_is_sent_the_answer_is_as_documented(world: World, tmp_path: Path) -> None:
    async with served(world) as address:
        command = [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "run", f"{address}/openapi.json"),
            *("--header", f"Authorization: Bearer {KEY}", "--include-path-regex", "^/v1.0/", "--seed", "1"),
        ]
        run = await asyncio.create_subprocess_exec(
            *command, cwd=tmp_path, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        output, _ = await asyncio.wait_for(run.communicate(), 240)
    assert run.returncode == 0, output.decode()[-8000:]
    theirs = {id_: each for id_, each in (await _theirs(world)).items() if each.version != 1}
    assert theirs == {}


async def _theirs(world: World) -> dict[str, Referral]:
    """The other partner's referrals: nothing that was sent may have touched them."""
    ids = [make_referral(n, partner=2).id for n in range(1, 41, 2)]
    return dict(await world.stores.referrals.load(ids))
