"""The publisher on a real Kafka: where messages land, in which order, and what cannot be sent."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from services.adapters.kafka.admin import KafkaAdmin
from services.adapters.kafka.follower import Follower
from services.adapters.kafka.producer import KafkaPublisher
from services.adapters.kafka.sizes import MessageTooLarge
from services.core.errors import DependencyUnavailable, Misconfigured
from services.core.ports import Outgoing, Record
from tests.kafka_world import new_topic, plain_producer


@pytest.fixture
async def publisher(kafka: str) -> AsyncIterator[KafkaPublisher]:
    publisher = KafkaPublisher(kafka, publish_timeout_s=10.0)
    yield publisher
    await publisher.stop()


async def everything(kafka: str, topic: str) -> list[Record]:
    follower = Follower(kafka)
    ends = await follower.end_offsets([topic])
    return [record async for batch in follower.read_all([topic], ends) for record in batch]


async def test_a_key_lands_where_any_other_client_puts_it(kafka: str, publisher: KafkaPublisher) -> None:
    topic = await new_topic(kafka, partitions=7)
    keys = [str(uuid4())[: n % 37] or "k" for n in range(200)] + ["ñandú", "日本"]
    await publisher.publish([Outgoing(topic=topic, key=key, value=b"ours") for key in keys])
    async with plain_producer(kafka) as stranger:
        for key in keys:
            await stranger.send(topic, b"theirs", key=key.encode())
    places: dict[bytes | None, set[int]] = {}
    for record in await everything(kafka, topic):
        places.setdefault(record.key, set()).add(record.partition)
    assert all(len(partitions) == 1 for partitions in places.values())
    assert len({p for partitions in places.values() for p in partitions}) > 1


async def test_messages_of_a_key_keep_their_order_over_many_record_batches(
    kafka: str, publisher: KafkaPublisher
) -> None:
    topic = await new_topic(kafka, partitions=3)
    noise = os.urandom(3000)
    sent = [Outgoing(topic=topic, key=f"key-{n % 5}", value=b"%06d" % n + noise) for n in range(1500)]
    await publisher.publish(sent)
    for key in {m.key for m in sent}:
        mine = [r.value for r in await everything(kafka, topic) if r.key == key.encode()]
        assert mine == [m.value for m in sent if m.key == key]


async def test_headers_and_an_explicit_partition_are_kept(kafka: str, publisher: KafkaPublisher) -> None:
    topic = await new_topic(kafka, partitions=4)
    await publisher.publish(
        [Outgoing(topic=topic, key="k", value=b"v", headers=(("a", b"1"), ("b", b"")), partition=3)]
    )
    (record,) = await everything(kafka, topic)
    assert (record.partition, record.headers) == (3, (("a", b"1"), ("b", b"")))
    assert record.timestamp.tzinfo is not None


async def test_a_partition_that_does_not_exist_is_refused_before_anything_is_sent(
    kafka: str, publisher: KafkaPublisher
) -> None:
    topic = await new_topic(kafka)
    with pytest.raises(Misconfigured, match="there is no number 1"):
        await publisher.publish([Outgoing(topic=topic, key="k", value=b"v", partition=p) for p in (0, 1)])
    assert await everything(kafka, topic) == []


async def test_the_largest_message_allowed_is_taken_with_headers(kafka: str, publisher: KafkaPublisher) -> None:
    topic = await new_topic(kafka)
    await publisher.publish([Outgoing(topic=topic, key="k", value=os.urandom(990_000), headers=(("h", bytes(9000)),))])
    assert len(await everything(kafka, topic)) == 1


async def test_a_topic_with_a_smaller_limit_names_the_largest_message(kafka: str, publisher: KafkaPublisher) -> None:
    topic = await new_topic(kafka, settings={"max.message.bytes": "5000"})
    with pytest.raises(MessageTooLarge, match="large"):
        await publisher.publish([Outgoing(topic=topic, key="large", value=os.urandom(9000))])
    await publisher.publish([Outgoing(topic=topic, key="small", value=b"v")])
    assert [r.key for r in await everything(kafka, topic)] == [b"small"]


async def test_a_topic_that_does_not_exist_is_named(kafka: str) -> None:
    publisher = KafkaPublisher(kafka, publish_timeout_s=2.0)
    with pytest.raises(DependencyUnavailable, match=r"test\.absent"):
        await publisher.publish([Outgoing(topic="test.absent", key="k", value=b"v")])
    assert "test.absent" not in await KafkaAdmin(kafka).topics()
    await publisher.stop()
