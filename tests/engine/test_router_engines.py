"""The router on a real Kafka and a real MongoDB: killed in the middle, two at once, while profiles change."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from schemas.topics import TOPICS, Topic
from services.adapters import wire
from services.adapters.kafka.admin import KafkaAdmin
from services.adapters.kafka.follower import Follower
from services.adapters.kafka.producer import KafkaPublisher
from services.adapters.mongo.driver import Mongo
from services.adapters.mongo.indexes import ensure_indexes
from services.adapters.mongo.stores import MongoStores, stores_of
from services.core.codes import Substatus
from services.core.creation import accepted_event
from services.core.engagement import WithdrawRfi, decide_rfi
from services.core.events import Event, EventType
from services.core.ids import referral_id
from services.core.ports import Change, Failure, Record
from services.core.rfi import Rfi
from services.router.app import Router
from tests.builders import START, make_profile, make_rfi
from tests.engine.router_program import router_of
from tests.kafka_world import Handled, consuming, new_topic, until

ROOT = Path(__file__).parent.parent.parent
OUT = (Topic.ENGAGEMENT_EVENTS, Topic.REFERRAL_EVENTS)


@dataclass
class World:
    """Real engines, a router, and a topic of accepted RFIs that no other test uses."""

    kafka: str
    server: str
    database: str
    stores: MongoStores
    router: Router
    publisher: KafkaPublisher
    topic: str
    since: dict[tuple[str, int], int]

    async def accept(self, *rfis: Rfi) -> None:
        await self.stores.rfis.add(rfis)
        told = [wire.outgoing(accepted_event(rfi)) for rfi in rfis]
        await self.publisher.publish([replace(message, topic=self.topic) for message in told])

    async def route(self, records: Sequence[Record]) -> Sequence[Failure]:
        return await self.router.handler(records)

    async def told(self, rfis: Sequence[Rfi]) -> list[Event]:
        """What was told of these RFIs since the test began; the topics are shared with other tests."""
        follower, mine = Follower(self.kafka), {rfi.id for rfi in rfis}
        batches = [b async for b in follower.read_all(OUT, await follower.end_offsets(OUT))]
        records = [r for b in batches for r in b if r.offset >= self.since.get((r.topic, r.partition), 0)]
        return [event for event in map(wire.event_of, records) if event.rfi_id in mine]

    async def assert_complete(self, rfis: Sequence[Rfi]) -> list[Event]:
        """Each RFI is routed, with exactly its referrals, each told once by id, as created first."""
        stored = await self.stores.rfis.load([rfi.id for rfi in rfis])
        wanted = {
            referral_id(rfi.id, chosen.partner_id)
            for rfi in stored.values()
            if rfi.routing
            for chosen in rfi.routing.chosen
        }
        referrals = await self.stores.referrals.of_rfis([rfi.id for rfi in rfis])
        assert {referral.id for each in referrals.values() for referral in each} == wanted
        assert len(wanted) == 5 * len(rfis)
        events = await self.told(rfis)
        by_id = {event.id: event for event in events}
        assert all(by_id[event.id] == event for event in events), "one id was told with different words"
        assert {e.subject for e in events if e.type is EventType.CREATED} == wanted
        assert {e.subject for e in events if e.type is EventType.ROUTED} == set(stored)
        return events


@pytest.fixture
async def world(kafka: str, mongo_server: str, mongo_database: str) -> AsyncIterator[World]:
    async with world_of(kafka, mongo_server, mongo_database) as made:
        yield made


@asynccontextmanager
async def world_of(kafka: str, server: str, database: str) -> AsyncIterator[World]:
    await KafkaAdmin(kafka).create_topics(TOPICS)
    since = dict(await Follower(kafka).end_offsets(OUT))
    with Mongo(server, database) as mongo:
        await ensure_indexes(mongo)
        stores = stores_of(mongo)
        await stores.partners.put_profiles([make_profile(n) for n in range(12)])
        router, publisher = router_of(kafka, mongo)
        await router.prepare()
        try:
            yield World(kafka, server, database, stores, router, publisher, await new_topic(kafka, 2), since)
        finally:
            await publisher.stop()


async def test_every_accepted_rfi_is_routed_stored_and_told_once(world: World) -> None:
    rfis = [make_rfi(n) for n in range(120)]
    await world.accept(*rfis)
    async with consuming(world.kafka, world.topic, Handled(world.route)) as consumer:
        await consumer.until_committed()
    events = await world.assert_complete(rfis)
    assert len(events) == len({event.id for event in events})


def start(world: World, group: str) -> subprocess.Popen[bytes]:
    program = Path(__file__).with_name("router_program.py")
    arguments = [world.kafka, world.server, world.database, world.topic, group]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen([sys.executable, str(program), *arguments], cwd=ROOT, env=env, stdout=subprocess.DEVNULL)


async def test_a_router_killed_in_the_middle_loses_nothing_and_doubles_nothing(world: World) -> None:
    rfis = [make_rfi(n) for n in range(600)]
    await world.accept(*rfis)
    group = f"group-{world.topic}"

    async def routed() -> int:
        return sum(rfi.routing is not None for rfi in (await world.stores.rfis.load([r.id for r in rfis])).values())

    for _ in range(3):
        before = await routed()
        process = start(world, group)
        try:

            async def has_begun(before: int = before) -> bool:
                return await routed() > before

            await until(has_begun, within_s=40)
        finally:
            process.kill()
            process.wait()
    assert await routed() < len(rfis)
    async with consuming(world.kafka, world.topic, Handled(world.route), group=group, instance="one") as consumer:
        await consumer.until_committed()
    await world.assert_complete(rfis)


async def test_two_routers_on_the_same_records_agree_on_what_was_stored_first(world: World) -> None:
    rfis = [make_rfi(n) for n in range(60)]
    await world.accept(*rfis)
    with Mongo(world.server, world.database) as mongo:
        other, publisher = router_of(world.kafka, mongo)
        await other.prepare()
        # It knows a profile that the first does not, so it decides differently.
        other.matcher.put(make_profile(99))

        async def route(records: Sequence[Record]) -> Sequence[Failure]:
            return await other.handler(records)

        async with (
            consuming(world.kafka, world.topic, Handled(world.route)) as first,
            consuming(world.kafka, world.topic, Handled(route)) as second,
        ):
            await first.until_committed()
            await second.until_committed()
        await publisher.stop()
    await world.assert_complete(rfis)


async def test_a_withdrawal_between_routing_and_storing_leaves_nothing_open(world: World) -> None:
    rfi = make_rfi(1)
    await world.accept(rfi)
    (routing,) = world.router.matcher.match([rfi], START)
    await world.stores.rfis.route({rfi.id: routing})
    stored = (await world.stores.rfis.load([rfi.id]))[rfi.id]
    withdrawn = decide_rfi(stored, WithdrawRfi(by="customer"), START)
    await world.stores.rfis.save([Change(withdrawn, stored.version)])
    async with consuming(world.kafka, world.topic, Handled(world.route)) as consumer:
        await consumer.until_committed()
    referrals = (await world.stores.referrals.of_rfis([rfi.id]))[rfi.id]
    assert {referral.substatus for referral in referrals} == {Substatus.WITHDRAWN}
    assert not await world.stores.referrals.with_outbox(10)


async def test_a_profile_change_reaches_a_running_router(world: World) -> None:
    stop = asyncio.Event()
    following = asyncio.ensure_future(world.router.view.follow(stop))
    newer = make_profile(3, version=2, active=False)
    await world.publisher.publish([wire.profile_outgoing(newer)])

    def taken_in() -> bool:
        held = world.router.matcher.profile(newer.id)
        return held is not None and not held.active

    await until(taken_in)
    stop.set()
    await asyncio.wait_for(following, 10)
