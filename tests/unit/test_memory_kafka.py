"""The in-memory Kafka moves like the real one: redelivery, waiting, dead letters, groups of their own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry

from services.adapters.kafka.dead_letters import DeadLetters
from services.adapters.kafka.metrics import DeliveryMetrics
from services.adapters.kafka.subscription import REPLAY_GROUP_HEADER, Subscription
from services.adapters.memory.kafka import MemoryConsumer, MemoryLog, MemoryPublisher
from services.core.errors import DependencyUnavailable, UnknownMessage
from services.core.ports import Failure, Outgoing, Record
from tests.kafka_world import Handled, KeptLetters, outgoing


class Memory:
    def __init__(self, handler: Handled, group: str = "group") -> None:
        self.log = MemoryLog({"topic": 2, "dead.letters": 1})
        self.publisher = MemoryPublisher(self.log)
        self.letters = KeptLetters()
        metrics = DeliveryMetrics(CollectorRegistry())
        letters = DeadLetters(self.letters, self.publisher, now=lambda: datetime.now(UTC), metrics=metrics)
        subscription = Subscription(topics=("topic",), group=group, max_records=2)
        self.consumer = MemoryConsumer(self.log, subscription, handler, letters)


async def test_a_crash_before_the_commit_brings_the_batch_again() -> None:
    handled = Handled()
    memory = Memory(handled)
    await memory.publisher.publish(outgoing("topic", "a", "b", "c"))
    memory.consumer.crash_before_commit = True
    assert await memory.consumer.step() == 0
    assert await memory.consumer.drain() == 3
    assert handled.values() == ["a", "b", "a", "b", "c"]


async def test_a_refused_record_is_put_aside_with_a_reference() -> None:
    async def refuse_b(records: Sequence[Record]) -> Sequence[Failure]:
        return [Failure(r, UnknownMessage()) for r in records if r.value == b"b"]

    handled = Handled(refuse_b)
    memory = Memory(handled)
    await memory.publisher.publish(outgoing("topic", "a", "b", "c"))
    assert await memory.consumer.drain() == 3
    assert handled.values() == ["a", "c"]
    assert memory.letters.reasons() == [("UnknownMessage", 1)]
    assert len(memory.log.records("dead.letters")) == 1


async def test_an_absent_dependency_puts_the_batch_back() -> None:
    away = True

    async def need(_: Sequence[Record]) -> None:
        if away:
            raise DependencyUnavailable("mongo")

    handled = Handled(need)
    memory = Memory(handled)
    await memory.publisher.publish(outgoing("topic", "a"))
    assert await memory.consumer.drain() == 0
    assert isinstance(memory.consumer.waiting_on, DependencyUnavailable)
    away = False
    assert await memory.consumer.drain() == 1
    assert memory.consumer.waiting_on is None


async def test_a_replay_for_another_group_is_skipped_and_a_rewind_does_all_again() -> None:
    handled = Handled()
    memory = Memory(handled)
    for group in (b"group", b"other"):
        await memory.publisher.publish(
            [Outgoing(topic="topic", key="k", value=group, headers=((REPLAY_GROUP_HEADER, group),))]
        )
    assert await memory.consumer.drain() == 2
    memory.log.rewind("group")
    assert await memory.consumer.drain() == 2
    assert handled.values() == ["group", "group"]
