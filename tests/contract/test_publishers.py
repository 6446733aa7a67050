"""The publisher suite over the in-memory twin and over a real Kafka."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from services.adapters.kafka.follower import Follower
from services.adapters.kafka.producer import KafkaPublisher
from services.adapters.memory.kafka import MemoryLog, MemoryPublisher
from services.core.ports import Record
from tests.contract.publisher_suite import PublisherSuite, PublisherWorld
from tests.kafka_world import new_topic


class MemoryWorld(PublisherWorld):
    def __init__(self) -> None:
        self.topic = "topic"
        self.log = MemoryLog({self.topic: 4})
        self.publisher = MemoryPublisher(self.log)

    async def records(self) -> list[Record]:
        return self.log.records(self.topic)


class KafkaWorld(PublisherWorld):
    def __init__(self, kafka: str, topic: str, publisher: KafkaPublisher) -> None:
        self.kafka, self.topic, self.publisher = kafka, topic, publisher

    async def records(self) -> list[Record]:
        follower = Follower(self.kafka)
        ends = await follower.end_offsets([self.topic])
        found = [r async for batch in follower.read_all([self.topic], ends) for r in batch]
        return sorted(found, key=lambda r: (r.partition, r.offset))


class TestMemoryPublisher(PublisherSuite):
    @pytest.fixture
    def world(self) -> PublisherWorld:
        return MemoryWorld()


class TestKafkaPublisher(PublisherSuite):
    @pytest.fixture
    async def world(self, kafka: str) -> AsyncIterator[PublisherWorld]:
        publisher = KafkaPublisher(kafka, publish_timeout_s=3.0)
        yield KafkaWorld(kafka, await new_topic(kafka, partitions=4), publisher)
        await publisher.stop()
