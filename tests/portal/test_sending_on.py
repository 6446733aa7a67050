"""A request that a partner sends on over the API is an RFI like any other: on a real Kafka and mongod."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from schemas.topics import Topic
from services.bootstrap import World
from services.intake.app import IntakePorts
from services.intake.app import build as build_intake
from tests.builders import make_partner
from tests.portal.real_portal import KEY, real_world, served
from tests.portal.test_engagements import PATH, own_referral


@pytest.fixture
async def world(kafka: str, mongo_server: str, mongo_database: str) -> AsyncIterator[World]:
    async with real_world(kafka, mongo_server, mongo_database) as world:
        yield world


async def taken_in(world: World, rfi_id: str) -> None:
    """Let intake handle what is on Kafka until it has stored the RFI."""
    stores = world.stores
    ports = IntakePorts(
        rfis=stores.rfis,
        refusals=stores.refusals,
        idempotency=stores.idempotency,
        publishers=stores.publishers,
        publisher=world.publisher,
        clock=world.clock,
    )
    handler = build_intake(ports, regions=world.regions).handler
    async with asyncio.timeout(60):
        async for records in world.follow([Topic.RFI_SUBMITTED], "beginning"):
            assert await handler(records) == []
            if await stores.rfis.load([rfi_id]):
                return


async def test_what_is_sent_on_is_stored_by_intake_and_then_found_by_its_sender(world: World) -> None:
    async with served(world) as address, httpx.AsyncClient(base_url=address) as crm:
        crm.headers["authorization"] = f"Bearer {KEY}"
        answers = await asyncio.gather(
            *(crm.post(PATH, json=own_referral(), headers={"Idempotency-Key": "k"}) for _ in range(4))
        )
        assert [each.status_code for each in answers] == [201] * 4, answers[0].text
        (id_,) = {each.json()["id"] for each in answers}
        await taken_in(world, id_)
        found = await crm.get(f"{PATH}/{id_}")
        assert (found.status_code, found.json()["direction"]) == (200, "Outgoing")
    stored = (await world.stores.rfis.load([id_]))[id_]
    assert stored.selected_partners == (make_partner(2).id,)
    assert (stored.channel, stored.source) == ("sales", f"urn:partner:{make_partner(1).id}")
