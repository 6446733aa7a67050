"""What does the port of the publishers' topic promise? Held to the same words: the twin, and a real Kafka."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.topics import Group, Topic
from services.adapters.kafka.admin import KafkaAdmin
from services.adapters.kafka.follower import Follower
from services.adapters.kafka.submitted import KafkaSubmittedLog
from services.adapters.memory.kafka import MemoryLog
from services.adapters.memory.submitted import MemorySubmittedLog
from services.core.erasures import SubmittedLog
from services.core.ports import Outgoing
from tests.kafka_world import new_topic, plain_producer


class Site(Protocol):
    """A topic of two partitions, its readers, and the port on it."""

    log: SubmittedLog

    async def write(self, partition: int, *values: str) -> None: ...
    async def read_upto(self, partition: int, offset: int) -> None: ...
    async def values(self) -> Sequence[str]: ...


@dataclass
class MemorySite:
    kafka: MemoryLog
    log: SubmittedLog

    async def write(self, partition: int, *values: str) -> None:
        for value in values:
            self.kafka.append(Outgoing(topic=Topic.RFI_SUBMITTED, key="k", value=value.encode()), partition)

    async def read_upto(self, partition: int, offset: int) -> None:
        self.kafka.committed[Group.INTAKE, Topic.RFI_SUBMITTED, partition] = offset

    async def values(self) -> Sequence[str]:
        return sorted(each.value.decode() for each in self.kafka.records(Topic.RFI_SUBMITTED) if each.value)


@dataclass
class KafkaSite:
    kafka: str
    topic: str
    group: str
    log: SubmittedLog

    async def write(self, partition: int, *values: str) -> None:
        async with plain_producer(self.kafka) as producer:
            for value in values:
                await producer.send_and_wait(self.topic, value.encode(), partition=partition)

    async def read_upto(self, partition: int, offset: int) -> None:
        consumer = AIOKafkaConsumer(bootstrap_servers=self.kafka, group_id=self.group, enable_auto_commit=False)
        await consumer.start()
        try:
            place = TopicPartition(self.topic, partition)
            consumer.assign([place])
            await consumer.commit({place: offset})
        finally:
            await consumer.stop()

    async def values(self) -> Sequence[str]:
        follower = Follower(self.kafka)
        ends = await follower.end_offsets([self.topic])
        found = [each async for batch in follower.read_all([self.topic], ends) for each in batch]
        return sorted((each.value or b"").decode() for each in found)


@pytest.fixture(params=["twin", "kafka"])
async def site(request: pytest.FixtureRequest) -> AsyncIterator[Site]:
    if request.param == "twin":
        memory = MemoryLog({Topic.RFI_SUBMITTED: 2})
        yield MemorySite(memory, MemorySubmittedLog(memory))
        return
    kafka: str = request.getfixturevalue("kafka")
    topic, group = await new_topic(kafka, 2), f"group-{uuid4().hex}"
    yield KafkaSite(kafka, topic, group, KafkaSubmittedLog(KafkaAdmin(kafka), topic, group))


async def test_what_intake_has_read_is_deleted_and_later_records_stay(site: Site) -> None:
    await site.write(0, "a", "b")
    await site.write(1, "c")
    ends = await site.log.ends()
    assert dict(ends) == {0: 2, 1: 1}
    await site.write(0, "d")
    await site.read_upto(0, 3)
    assert await site.log.delete_before(ends) is False
    assert await site.values() == ["a", "b", "c", "d"]
    await site.read_upto(1, 1)
    assert await site.log.delete_before(ends) is True
    assert await site.values() == ["d"]
    assert await site.log.delete_before(ends) is True
    assert dict(await site.log.ends()) == {0: 3, 1: 1}


async def test_a_partition_without_records_waits_for_nobody(site: Site) -> None:
    await site.write(1, "c")
    await site.read_upto(1, 1)
    assert await site.log.delete_before({0: 0, 1: 1}) is True
    assert await site.values() == []
