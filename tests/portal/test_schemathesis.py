"""The API keeps what its OpenAPI document says, whatever is sent to it: on a real Kafka and mongod, signed in."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.bootstrap import World
from services.core.referral import Referral
from services.openapi import current
from tests.builders import make_profile, make_referral, make_rfi
from tests.portal.real_portal import CLIENT, KEY, OPERATOR_KEY, real_world, served

CONFIG = Path(__file__).with_name("schemathesis.toml")


@pytest.fixture
async def world(kafka: str, mongo_server: str, mongo_database: str) -> AsyncIterator[World]:
    async with real_world(kafka, mongo_server, mongo_database) as world:
        await world.stores.rfis.add([make_rfi(n) for n in range(1, 41)])
        await world.stores.referrals.add([make_referral(n, partner=n % 2 + 1) for n in range(1, 41)])
        await world.stores.partners.put_profiles([make_profile(1), make_profile(2)])
        yield world


#: Who asks what: a key of each kind, and the paths that are tried with it.
TRIED = {
    "partner": (f"Bearer {KEY}", "^/v1(.0)?/"),
    "operator": (f"Bearer {OPERATOR_KEY}", "^/v1/(partners|engagements|search)"),
    "client": (f"Basic {CLIENT}", "^/oauth/"),
}


def test_every_operation_of_the_document_is_tried() -> None:
    paths = current()["paths"]
    assert {path for path in paths if not any(re.search(tried, path) for _, tried in TRIED.values())} == set()
    for _, tried in TRIED.values():
        assert any(re.search(tried, path) for path in paths)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("key", "paths"), TRIED.values(), ids=TRIED)
async def test_whatever_is_sent_the_answer_is_as_documented(world: World, tmp_path: Path, key: str, paths: str) -> None:
    async with served(world) as address:
        command = [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "run", f"{address}/openapi.json"),
            *("--header", f"Authorization: {key}", "--include-path-regex", paths, "--seed", "1"),
        ]
        run = await asyncio.create_subprocess_exec(
            *command, cwd=tmp_path, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        output, _ = await asyncio.wait_for(run.communicate(), 240)
    said = output.decode()
    assert run.returncode == 0, said[-8000:]
    meant = sum(len(each) for path, each in current()["paths"].items() if re.search(paths, path))
    assert re.findall(r"Tested: (\d+)", said) == [str(meant)], said[-8000:]
    theirs = {id_: each for id_, each in (await _theirs(world)).items() if each.version != 1}
    assert theirs == {}


async def _theirs(world: World) -> dict[str, Referral]:
    """The other partner's referrals: nothing that was sent may have touched them."""
    ids = [make_referral(n, partner=2).id for n in range(1, 41, 2)]
    return dict(await world.stores.referrals.load(ids))
