"""Followers and administration on a real Kafka: reading without a group, ends, lag, topics."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import cast
from uuid import uuid4

import pytest
from aiokafka import TopicPartition

from schemas.topics import Topic, TopicSpec
from services.adapters.kafka.admin import KafkaAdmin
from services.adapters.kafka.backlog import Backlog, backlogs
from services.adapters.kafka.connections import Answers
from services.adapters.kafka.consumer import SteadyConsumer
from services.adapters.kafka.follower import Follower, Start
from services.adapters.kafka.producer import KafkaPublisher
from services.adapters.kafka.progress import Progress
from services.adapters.kafka.steering import Steering
from services.auditing import events_kept_since
from services.core.errors import DependencyUnavailable, Misconfigured
from services.core.ports import Outgoing
from tests.kafka_world import Handled, consuming, new_topic, outgoing, send_bad_header_key, until


class Elsewhere(StrEnum):
    """A topic that the exchange does not have."""

    NEVER = "partner.never"


async def publish(kafka: str, topic: str, *values: str, partition: int = 0) -> None:
    publisher = KafkaPublisher(kafka)
    await publisher.publish(outgoing(topic, *values, partition=partition))
    await publisher.stop()


async def first_values(follower: Follower, topic: str, start: Start, number: int) -> list[str]:
    values: list[str] = []
    async with aclosing(follower.follow([topic], start)) as batches:
        async for batch in batches:
            values += [(r.value or b"").decode() for r in batch]
            if len(values) >= number:
                return values
    return values


async def test_following_begins_where_it_is_told_to_and_goes_on(kafka: str) -> None:
    topic = await new_topic(kafka, partitions=2)
    follower = Follower(kafka)
    await publish(kafka, topic, "a", "b")
    ends = await follower.end_offsets([topic])
    assert ends == {(topic, 0): 2, (topic, 1): 0}
    await publish(kafka, topic, "c")
    await publish(kafka, topic, "d", partition=1)
    assert sorted(await first_values(follower, topic, ends, 2)) == ["c", "d"]
    assert sorted(await first_values(follower, topic, "beginning", 4)) == ["a", "b", "c", "d"]
    async with aclosing(follower.follow([topic], "end")) as batches:
        assert await anext(batches) == []
        await publish(kafka, topic, "e")
        async for batch in batches:
            if batch:
                assert [r.value for r in batch] == [b"e"]
                break


async def test_from_when_on_all_events_are_kept_follows_from_what_was_dropped(kafka: str) -> None:
    topic, now = await new_topic(kafka, partitions=2), datetime.now(UTC)
    admin, follower = KafkaAdmin(kafka), Follower(kafka)
    await publish(kafka, topic, "a", "b")
    assert await events_kept_since(admin, follower, now, [topic]) is None
    await admin.delete_before({(topic, 0): 1})
    assert await admin.begin_offsets([topic]) == {(topic, 0): 1, (topic, 1): 0}
    kept = await events_kept_since(admin, follower, now, [topic])
    assert kept is not None
    assert abs(kept - now) < timedelta(minutes=5), "the time of the first record that is left"
    await admin.delete_before({(topic, 0): 2})
    assert await events_kept_since(admin, follower, now, [topic]) == now - timedelta(days=90)


async def test_reading_all_ends_at_the_offsets_given(kafka: str) -> None:
    topic = await new_topic(kafka, partitions=2)
    await publish(kafka, topic, "a", "b")
    follower = Follower(kafka)
    ends = await follower.end_offsets([topic])
    await publish(kafka, topic, "later")
    values = [r.value async for batch in follower.read_all([topic], ends) for r in batch]
    assert values == [b"a", b"b"]


async def test_a_record_that_nobody_can_decode_does_not_stop_a_follower(kafka: str) -> None:
    topic = await new_topic(kafka)
    await publish(kafka, topic, "a")
    await send_bad_header_key(kafka, topic, b"bad")
    await publish(kafka, topic, "b")
    follower = Follower(kafka)
    ends = await follower.end_offsets([topic])
    values = [r.value async for batch in follower.read_all([topic], ends) for r in batch]
    assert values == [b"a", b"b"]


@asynccontextmanager
async def reading(kafka: str, topic: str, partitions: int, group: str | None = None) -> AsyncIterator[SteadyConsumer]:
    """A consumer that has just been given its partitions, and does not know yet where they begin."""
    consumer = SteadyConsumer(
        bootstrap_servers=kafka, group_id=group, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    consumer.steering = Steering(Progress("test", waiting_on=None))
    await consumer.start()
    try:
        consumer.assign([TopicPartition(topic, number) for number in range(partitions)])
        yield consumer
    finally:
        await consumer.stop()


@pytest.mark.parametrize("group", [None, "group-new"])
async def test_partitions_found_during_a_poll_that_fails_lose_nothing(kafka: str, group: str | None) -> None:
    """Which of them is taken first is left to chance: many make it likely that one is lost, each round likelier."""
    topic = await new_topic(kafka, partitions=9)
    publisher = KafkaPublisher(kafka)
    await publisher.publish([each for p in range(9) for each in outgoing(topic, "a", "b", partition=p)])
    await publisher.stop()
    await send_bad_header_key(kafka, topic, b"bad", partition=4)
    for _ in range(4):
        found: list[str] = []
        async with reading(kafka, topic, 9, group) as consumer, asyncio.timeout(20):
            while len(found) < 19:
                batch = await consumer.getmany(max_records=100)
                found += [f"{place.partition}@{raw.offset}" for place, raws in batch.items() for raw in raws]
        assert sorted(found) == sorted([*(f"{p}@{at}" for p in range(9) for at in range(2)), "4@2"])


async def test_what_a_real_client_keeps_private_tells_how_long_its_broker_owes_an_answer(kafka: str) -> None:
    """A version of aiokafka that keeps it elsewhere fails here: silent brokers would be noticed no more."""
    time_s = 0.0
    answers = Answers(lambda: time_s)

    async with reading(kafka, await new_topic(kafka), 1) as consumer:

        def is_late() -> bool:
            nonlocal time_s
            time_s += 1
            return answers.late_s(consumer._client) > 0

        # Where nothing is written the request for records is under way nearly all the time.
        await until(is_late)


async def test_reading_a_topic_that_does_not_exist_says_which(kafka: str) -> None:
    with pytest.raises(DependencyUnavailable, match=r"test\.absent"):
        await Follower(kafka).end_offsets(["test.absent"])


async def test_lag_counts_what_a_group_has_not_done(kafka: str) -> None:
    topic = await new_topic(kafka, partitions=2)
    admin = KafkaAdmin(kafka)
    await publish(kafka, topic, "a", "b")
    assert await admin.lag("group-lag", [topic]) == {(topic, 0): 2, (topic, 1): 0}
    async with consuming(kafka, topic, Handled(), group="group-lag") as world:
        await world.until_committed()
        assert world.counted("referrals_consumer_lag_records", topic=topic, partition="0") == 0
    await publish(kafka, topic, "c", partition=1)
    assert await admin.lag("group-lag", [topic]) == {(topic, 0): 0, (topic, 1): 1}
    assert await admin.end_offsets(["test.absent"]) == {}


async def test_a_backlog_tells_since_when_the_oldest_record_waits(kafka: str) -> None:
    topic, group = await new_topic(kafka, partitions=3), f"group-{uuid4().hex}"
    admin, follower = KafkaAdmin(kafka), Follower(kafka)
    reads = {group: [topic]}
    assert await backlogs(admin, follower, reads) == {group: Backlog(0, None)}
    await publish(kafka, topic, "a", "b")
    async with consuming(kafka, topic, Handled(), group=group) as world:
        await world.until_committed()
    assert await backlogs(admin, follower, reads) == {group: Backlog(0, None)}
    before = datetime.now(UTC)
    await send_bad_header_key(kafka, topic, b"bad")
    between = datetime.now(UTC)
    await publish(kafka, topic, "c", partition=2)
    found = (await backlogs(admin, follower, reads))[group]
    assert found.records == 2
    assert found.oldest is not None
    # Kafka keeps whole milliseconds.
    assert before - timedelta(milliseconds=1) <= found.oldest <= between


async def test_creating_topics_twice_changes_nothing(kafka: str) -> None:
    spec = TopicSpec(topic=Topic.CLOCK_TICKS, key="shard", partitions=2, retention=timedelta(hours=1), purpose="test")
    admin = KafkaAdmin(kafka)
    await admin.create_topics([spec])
    before = await admin.topics()
    assert await admin.create_topics([spec], partitions={Topic.CLOCK_TICKS: 9}) == []
    assert (await admin.topics())[Topic.CLOCK_TICKS] == before[Topic.CLOCK_TICKS]


async def test_a_topic_that_kafka_refuses_is_named(kafka: str) -> None:
    # A name of its own: other tests of the session create the exchange's topics on this broker.
    spec = TopicSpec(
        topic=cast("Topic", Elsewhere.NEVER), key="partner id", partitions=1, retention=None, purpose="test"
    )
    with pytest.raises(Misconfigured, match=r"partner\.never"):
        await KafkaAdmin(kafka).create_topics([spec], replication=9)


async def test_the_lag_grows_while_one_fetch_holds_all_the_work(kafka: str) -> None:
    """Records that are alike are small when compressed: one fetch holds thousands, and its end of the log grows old."""
    topic, place = await new_topic(kafka), "x" * 500
    publisher = KafkaPublisher(kafka)
    alike = [Outgoing(topic=topic, key="k", value=place.encode(), partition=0)] * 300
    await publisher.publish(alike)
    async with reading(kafka, topic, 1) as consumer:
        time_s = 0.0
        consumer.steering.progress.clock = lambda: time_s

        async def taken(number: int) -> int:
            batch: dict[TopicPartition, list[object]] = {}
            while not batch:
                batch = await consumer.getmany(max_records=number)
            return consumer.lag()[TopicPartition(topic, 0)]

        assert await taken(100) == 200
        await publisher.publish(alike)
        # So late that Kafka is asked again; the answer comes beside the work.
        time_s += 5.0
        assert await taken(1) in {199, 499}
        await until(lambda: consumer.lag()[TopicPartition(topic, 0)] == 499, what="the records that came since count")
    await publisher.stop()


async def test_a_commit_that_failed_is_made_up_for_though_nothing_new_comes(kafka: str) -> None:
    """A disk that was full, a broker that was away: what was done just before must not look undone for ever."""
    topic = await new_topic(kafka)
    place = TopicPartition(topic, 0)
    await publish(kafka, topic, "a", "b")
    async with reading(kafka, topic, 1, "group-that-owes") as consumer, asyncio.timeout(20):
        batch: dict[TopicPartition, list[object]] = {}
        while not batch:
            batch = await consumer.getmany()
        consumer.steering.done(2)
        assert await consumer.committed(place) is None
        # What the worker notes when its commit fails.
        consumer.steering.owed[place] = 2
        consumer.steering.progress.waiting_on = "mongo"
        assert await consumer.getmany() == {}
        assert consumer.steering.owed, "not while something is known to be away"
        consumer.steering.progress.waiting_on = None
        while consumer.steering.owed:
            assert await consumer.getmany() == {}
        assert await consumer.committed(place) == 2
