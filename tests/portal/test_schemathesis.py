"""The API keeps what its OpenAPI document says, whatever is sent to it: on a real Kafka and mongod, signed in."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.bootstrap import World
from services.core.referral import Referral
from tests.builders import make_profile, make_referral, make_rfi
from tests.portal.real_portal import KEY, OPERATOR_KEY, real_world, served

CONFIG = Path(__file__).with_name("schemathesis.toml")


@pytest.fixture
async def world(kafka: str, mongo_server: str, mongo_database: str) -> AsyncIterator[World]:
    async with real_world(kafka, mongo_server, mongo_database) as world:
        await world.stores.rfis.add([make_rfi(n) for n in range(1, 41)])
        await world.stores.referrals.add([make_referral(n, partner=n % 2 + 1) for n in range(1, 41)])
        await world.stores.partners.put_profiles([make_profile(1), make_profile(2)])
        yield world


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("key", "paths"),
    [(KEY, "^/v1(.0)?/"), (OPERATOR_KEY, "^/v1/(partners|engagements|search)")],
    ids=["partner", "operator"],
)
async def test_whatever_is_sent_the_answer_is_as_documented(world: World, tmp_path: Path, key: str, paths: str) -> None:
    async with served(world) as address:
        command = [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "run", f"{address}/openapi.json"),
            *("--header", f"Authorization: Bearer {key}", "--include-path-regex", paths, "--seed", "1"),
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
