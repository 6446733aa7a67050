"""What must whoever follows topics without a group be told? Asked of the feed in memory, and of a real Kafka."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import cast

import pytest

from services.adapters.kafka.follower import Follower
from services.adapters.kafka.producer import KafkaPublisher
from services.adapters.memory.kafka import MemoryLog, MemoryPublisher
from services.core.errors import DependencyUnavailable
from services.core.ports import Publisher, Record
from services.matching.view import Feed, Offsets
from tests.kafka_world import new_topic, outgoing
from tests.router_world import MemoryFeed


class Channel:
    """A feed, a topic of two partitions, and somebody who writes to it."""

    def __init__(self, feed: Feed, topic: str, publisher: Publisher) -> None:
        self.feed, self.topic, self._publisher = feed, topic, publisher

    async def write(self, *values: str, partition: int = 0) -> None:
        await self._publisher.publish(outgoing(self.topic, *values, partition=partition))

    async def first(self, number: int, start: Offsets) -> list[Record]:
        """So many records from there on, by partition."""
        found: list[Record] = []
        batches = cast("AsyncGenerator[list[Record]]", self.feed.follow([self.topic], start))
        async with aclosing(batches):
            async for batch in batches:
                found += batch
                if len(found) >= number:
                    break
        return sorted(found, key=lambda record: record.partition)


@pytest.fixture(params=["memory", "kafka"])
async def channel(request: pytest.FixtureRequest) -> AsyncIterator[Channel]:
    if request.param == "memory":
        log = MemoryLog({"topic": 2})
        yield Channel(MemoryFeed(log), "topic", MemoryPublisher(log))
        return
    kafka: str = request.getfixturevalue("kafka")
    publisher = KafkaPublisher(kafka)
    yield Channel(Follower(kafka), await new_topic(kafka, partitions=2), publisher)
    await publisher.stop()


async def test_the_end_is_told_of_each_partition(channel: Channel) -> None:
    await channel.write("a", "b")
    assert await channel.feed.end_offsets([channel.topic]) == {(channel.topic, 0): 2, (channel.topic, 1): 0}


async def test_what_is_followed_begins_where_it_was_noted_and_keeps_its_order(channel: Channel) -> None:
    await channel.write("a", "b")
    ends = await channel.feed.end_offsets([channel.topic])
    await channel.write("c", "d")
    await channel.write("e", partition=1)
    found = await channel.first(3, ends)
    assert [(each.partition, each.offset, each.value) for each in found] == [(0, 2, b"c"), (0, 3, b"d"), (1, 0, b"e")]


async def test_a_partition_that_was_not_noted_is_followed_from_its_beginning(channel: Channel) -> None:
    await channel.write("a", "b")
    await channel.write("c", partition=1)
    found = await channel.first(2, {(channel.topic, 0): 1})
    assert [each.value for each in found] == [b"b", b"c"]


async def test_a_topic_that_does_not_exist_is_an_absence(channel: Channel) -> None:
    with pytest.raises(DependencyUnavailable):
        await channel.feed.end_offsets(["partner.never"])
