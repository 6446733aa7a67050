"""The consumer suite over the in-memory twin and over a real Kafka."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from prometheus_client import CollectorRegistry

from services.adapters.kafka.dead_letters import DeadLetters
from services.adapters.kafka.metrics import DeliveryMetrics
from services.adapters.kafka.producer import KafkaPublisher
from services.adapters.kafka.subscription import Subscription
from services.adapters.memory.kafka import MemoryConsumer, MemoryLog, MemoryPublisher
from services.core.errors import Misconfigured
from services.core.ports import Outgoing
from tests.contract.consumer_suite import AT_A_TIME, ERRORS, Begin, ConsumerSuite, ConsumerWorld
from tests.kafka_world import Handled, KeptLetters, World, new_topic, outgoing, until


class MemoryWorld(ConsumerWorld):
    """Moved by hand: every step is a batch."""

    topic, group = "topic", "group"

    def __init__(self, handled: Handled) -> None:
        self.log = MemoryLog({self.topic: 1, "dead.letters": 1})
        self.letters = KeptLetters()
        publisher, metrics = MemoryPublisher(self.log), DeliveryMetrics(CollectorRegistry())
        letters = DeadLetters(self.letters, publisher, now=lambda: datetime.now(UTC), metrics=metrics)
        limits = Subscription(
            topics=(self.topic,), group=self.group, max_records=AT_A_TIME, internal_error_limit=ERRORS
        )
        self.consumer = MemoryConsumer(self.log, limits, handled, letters)

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        await MemoryPublisher(self.log).publish(messages)

    async def done(self) -> None:
        await self.consumer.drain()
        assert self.consumer.waiting_on is None

    async def put_back(self, times: int) -> None:
        for _ in range(times):
            await self.consumer.drain()
            assert self.consumer.waiting_on is not None

    async def stopped(self) -> Exception:
        with pytest.raises(Exception) as stopped:  # noqa: PT011 - the suite says which
            await self.consumer.drain()
        return stopped.value

    async def committed(self) -> int:
        return self.log.committed.get((self.group, self.topic, 0), 0)

    async def set_back(self) -> None:
        self.log.rewind(self.group)

    def references(self) -> list[bytes]:
        return [record.value or b"" for record in self.log.records("dead.letters")]


class KafkaWorld(ConsumerWorld):
    """Goes on by itself."""

    def __init__(self, kafka: str, topic: str, handled: Handled) -> None:
        self.topic, self.group, self._kafka, self._handled = topic, f"group-{uuid4().hex[:8]}", kafka, handled
        self.process = self._begun()
        self.letters = self.process.letters

    def _begun(self) -> World:
        return World(
            self._kafka, self.topic, self.group, self._handled, max_records=AT_A_TIME, internal_error_limit=ERRORS
        )

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        publisher = KafkaPublisher(self._kafka)
        await publisher.publish(messages)
        await publisher.stop()

    async def done(self) -> None:
        await self.process.until_committed()
        await until(lambda: self.process.delivery.unready() is None)

    async def put_back(self, times: int) -> None:
        await until(lambda: self.process.counted("referrals_batch_retries_total", waiting_on="mongo") >= times)
        assert "waiting on mongo" in (self.process.delivery.unready() or "")
        assert self.process.delivery.stuck() is None

    async def stopped(self) -> Exception:
        async with asyncio.timeout(60):
            error = await self.process.delivery.halted()
        assert "stopped" in (self.process.delivery.stuck() or "")
        return error

    async def committed(self) -> int:
        return (await self.process.committed()).get(0, 0)

    async def set_back(self) -> None:
        with pytest.raises(Misconfigured, match="in use"):
            await self.process.admin.reset_to_earliest(self.group, [self.topic])
        await self.process.delivery.stop()
        await self.process.admin.reset_to_earliest(self.group, [self.topic])
        self.process = self._begun()
        await self.process.delivery.start()

    def references(self) -> list[bytes]:
        assert {message.topic for message in self.process.sent.messages} <= {"dead.letters"}
        return [message.value for message in self.process.sent.messages]

    def counted(self, name: str, **labels: str) -> float | None:
        return self.process.counted(name, **labels)


class TestMemoryConsumer(ConsumerSuite):
    @pytest.fixture
    def begin(self) -> Begin:
        async def begun(handled: Handled) -> ConsumerWorld:
            return MemoryWorld(handled)

        return begun

    async def test_a_crash_before_the_commit_brings_the_batch_again(self) -> None:
        handled = Handled()
        world = MemoryWorld(handled)
        await world.publish(outgoing(world.topic, *"abc"))
        world.consumer.crash_before_commit = True
        assert await world.consumer.step() == 0
        await world.done()
        assert handled.values() == ["a", "b", "a", "b", "c"]


class TestKafkaConsumer(ConsumerSuite):
    @pytest.fixture
    async def begin(self, kafka: str) -> AsyncIterator[Begin]:
        worlds: list[KafkaWorld] = []

        async def begun(handled: Handled) -> ConsumerWorld:
            world = KafkaWorld(kafka, await new_topic(kafka), handled)
            worlds.append(world)
            await world.process.delivery.start()
            return world

        yield begun
        for world in worlds:
            await world.process.delivery.stop()
