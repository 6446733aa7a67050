"""Intake on a real Kafka and a real MongoDB: every record ends accepted or refused, once, also after a failure."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import orjson
import pytest

from schemas.refused import RfiRefusedV1
from schemas.topics import TOPICS, Topic
from services.adapters.kafka.admin import KafkaAdmin
from services.adapters.kafka.follower import Follower
from services.adapters.kafka.producer import KafkaPublisher
from services.adapters.mongo.driver import Mongo
from services.adapters.mongo.indexes import ensure_indexes
from services.adapters.mongo.stores import MongoStores, stores_of
from services.adapters.wire import event_of
from services.adapters.wire_envelope import cloud_event_of
from services.core import ids
from services.core.errors import DependencyUnavailable
from services.core.ports import Outgoing, Record
from services.core.stores import Publisher
from services.intake.access import token_hash
from services.intake.app import Intake, IntakePorts, build
from services.intake.submission import WIRE_TYPE
from tests.builders import SOURCE
from tests.kafka_world import Handled, consuming, new_topic, plain_producer
from tests.submissions import StoppedClock, regions, rfi_json

OUT = (Topic.RFI_ACCEPTED, Topic.RFI_REFUSED)
PLAIN = [("x-referrals-source", SOURCE.encode())]
BINARY = [("ce_specversion", b"1.0"), ("ce_id", b"e1"), ("ce_source", SOURCE.encode()), ("ce_type", WIRE_TYPE.encode())]


class Interrupted:
    """A publisher that fails as often as told before it publishes, as Kafka does when it is away."""

    def __init__(self, inner: KafkaPublisher, failures: int) -> None:
        self.inner, self.failures = inner, failures

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        if self.failures:
            self.failures -= 1
            raise DependencyUnavailable("kafka")
        await self.inner.publish(messages)


async def behind(kafka: str, topic: Topic, since: dict[tuple[str, int], int]) -> list[Record]:
    """The records of a topic from these offsets on; the topic is shared with other tests."""
    follower = Follower(kafka)
    batches = [b async for b in follower.read_all([topic], await follower.end_offsets([topic]))]
    return [r for batch in batches for r in batch if r.offset >= since.get((r.topic, r.partition), 0)]


@dataclass
class World:
    """Intake over real engines, with what it published since the start of the test."""

    kafka: str
    stores: MongoStores
    intake: Intake
    publisher: Interrupted
    since: dict[tuple[str, int], int]

    async def told(self, topic: Topic) -> list[Record]:
        return await behind(self.kafka, topic, self.since)

    async def accepted(self) -> set[str]:
        mine = [event_of(r) for r in await self.told(Topic.RFI_ACCEPTED)]
        return {str(e.facts["publisherId"]) for e in mine}

    async def refused(self) -> list[RfiRefusedV1]:
        records = await self.told(Topic.RFI_REFUSED)
        return [RfiRefusedV1.model_validate_json(cloud_event_of(r).data) for r in records]


@asynccontextmanager
async def world_of(kafka: str, server: str, database: str) -> AsyncIterator[World]:
    await KafkaAdmin(kafka).create_topics(TOPICS)
    inner = KafkaPublisher(kafka)
    with Mongo(server, database) as mongo:
        await ensure_indexes(mongo)
        stores, publisher = stores_of(mongo), Interrupted(inner, 0)
        ports = IntakePorts(
            rfis=stores.rfis,
            refusals=stores.refusals,
            idempotency=stores.idempotency,
            publishers=stores.publishers,
            publisher=publisher,
            clock=StoppedClock(),
        )
        since = await Follower(kafka).end_offsets(OUT)
        yield World(kafka, stores, build(ports, regions=regions()), publisher, dict(since))
    await inner.stop()


@pytest.fixture
async def world(kafka: str, mongo_server: str, mongo_database: str) -> AsyncIterator[World]:
    async with world_of(kafka, mongo_server, mongo_database) as made:
        yield made


def dumped(**overrides: Any) -> bytes:
    return orjson.dumps(rfi_json(**overrides))


async def send(kafka: str, topic: str, *messages: tuple[bytes | None, list[tuple[str, bytes]]]) -> None:
    async with plain_producer(kafka) as producer:
        for value, headers in messages:
            await producer.send_and_wait(topic, value, key=b"k", headers=headers)


async def test_every_form_of_record_ends_accepted_or_refused_and_is_committed(world: World) -> None:
    topic = await new_topic(world.kafka)
    structured = orjson.dumps(
        {"specversion": "1.0", "id": "e", "source": SOURCE, "type": WIRE_TYPE, "data": rfi_json(id="structured")}
    )
    await send(
        world.kafka,
        topic,
        (dumped(id="plain"), PLAIN),
        (dumped(id="binary"), BINARY),
        (structured, [("content-type", b"application/cloudevents+json")]),
        (dumped(id="plain"), PLAIN),
        (dumped(id="plain", need__title="Other content"), PLAIN),
        (b"{", PLAIN),
        (None, PLAIN),
        (dumped(id="odd header"), [("ce_id", b"\xff")]),
        (dumped(id="faulty", channel="fax", consent__share=False), PLAIN),
        (dumped(id="last"), [*PLAIN, ("other", b"\xff")]),
    )
    async with consuming(world.kafka, topic, Handled(world.intake.handler)) as consumer:
        await consumer.until_committed()
        assert await consumer.committed() == {0: 10}
        assert consumer.letters.letters == []
    names = {"plain", "binary", "structured", "last"}
    assert await world.accepted() == names
    stored = await world.stores.rfis.load([ids.rfi_id(SOURCE, name) for name in names])
    assert {rfi.publisher_id for rfi in stored.values()} == names
    told = await world.refused()
    assert {tuple(sorted(p.code for p in r.problems)) for r in told} >= {
        ("id_reused",),
        ("not_json",),
        ("tombstone",),
        ("no_consent", "unknown_channel"),
    }
    kept = await world.stores.refusals.load([r.refusal_id for r in told])
    assert len(kept) == len(told) == await world.stores.refusals.count() == 5
    assert {r.record.offset: r.record.value for r in kept.values()}[5] == b"{"


async def test_what_was_stored_before_kafka_failed_is_told_when_it_is_back(world: World) -> None:
    topic = await new_topic(world.kafka)
    await send(world.kafka, topic, *((dumped(id=f"R{n}"), PLAIN) for n in range(20)), (b"{", PLAIN))
    world.publisher.failures = 2
    async with consuming(world.kafka, topic, Handled(world.intake.handler)) as consumer:
        await consumer.until_committed()
    assert await world.accepted() == {f"R{n}" for n in range(20)}
    assert len({r.refusal_id for r in await world.refused()}) == await world.stores.refusals.count() == 1


async def test_a_redelivered_topic_changes_nothing(world: World) -> None:
    topic = await new_topic(world.kafka)
    await send(world.kafka, topic, (dumped(), PLAIN), (b"{", PLAIN))
    for _ in range(2):
        # Each time a group that has committed nothing, as after the loss of its offsets.
        async with consuming(world.kafka, topic, Handled(world.intake.handler)) as consumer:
            await consumer.until_committed()
    for out in OUT:
        first, second = await world.told(out)
        assert (first.key, first.value, cloud_event_of(first).id) == (
            second.key,
            second.value,
            cloud_event_of(second).id,
        )
    assert await world.stores.refusals.count() == 1
    assert len(await world.stores.rfis.recent(10)) == 1


async def test_an_rfi_posted_over_http_comes_through(world: World) -> None:
    await world.stores.publishers.put(Publisher(id="crm", source="urn:crm", token_hash=token_hash("secret")))
    place = await Follower(world.kafka).end_offsets([Topic.RFI_SUBMITTED])
    headers = {"authorization": "Bearer secret", "idempotency-key": "k"}
    transport = httpx.ASGITransport(world.intake.http)
    async with httpx.AsyncClient(transport=transport, base_url="http://intake.test", headers=headers) as client:
        answers = [await client.post("/v1/rfis", json=rfi_json()) for _ in range(2)]
        assert [a.status_code for a in answers] == [202, 202]
        location = answers[0].headers["location"]
        assert (await client.get(location)).json()["status"] == "submitted"
        sent = await behind(world.kafka, Topic.RFI_SUBMITTED, place)
        assert len(sent) == 2
        assert await world.intake.handler(sent) == []
        assert (await client.get(location)).json()["status"] == "accepted"
    assert await world.accepted() == {"RFI-1"}
    assert await world.refused() == []
