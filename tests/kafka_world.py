"""What do tests on a real Kafka need: topics of their own, odd records, a consumer with everything around it?"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.record.util import calc_crc32c
from prometheus_client import CollectorRegistry

from services.adapters.kafka.admin import KafkaAdmin
from services.adapters.kafka.broker import make_broker
from services.adapters.kafka.dead_letters import DeadLetters
from services.adapters.kafka.delivery import Delivery
from services.adapters.kafka.metrics import DeliveryMetrics
from services.adapters.kafka.security import PLAINTEXT, Security
from services.adapters.kafka.subscription import Subscription, Timing
from services.core.ports import DeadLetter, Failure, Outgoing, Record

QUICK = Timing(session_timeout_s=6.0, revoke_wait_s=10.0, start_timeout_s=20.0, drain_s=5.0, leave_s=3.0)


async def until(condition: Callable[[], bool | Awaitable[bool]], *, within_s: float = 20.0, what: str = "") -> None:
    """Wait until the condition holds; fails when it does not within the bound."""
    async with asyncio.timeout(within_s):
        while True:
            answer = condition()
            if answer if isinstance(answer, bool) else await answer:
                return
            await asyncio.sleep(0.02)


async def new_topic(kafka: str, partitions: int = 1, settings: dict[str, str] | None = None) -> str:
    """Create a topic that no other test uses."""
    name = f"test.{uuid4().hex}"
    client = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await client.start()
    try:
        await client.create_topics([NewTopic(name, partitions, 1, topic_configs=settings or {})])
    finally:
        await client.close()
    return name


def outgoing(topic: str, *values: str, partition: int | None = 0) -> list[Outgoing]:
    """Messages whose key is their value."""
    return [Outgoing(topic=topic, key=v, value=v.encode(), partition=partition) for v in values]


@asynccontextmanager
async def plain_producer(kafka: str, **options: Any) -> AsyncIterator[Any]:
    """An ordinary producer, as a stranger would use."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka, acks="all", **options)
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def send_bad_header_key(kafka: str, topic: str, value: bytes, partition: int = 0) -> None:
    """Write a record whose header key is not UTF-8; clients in other languages can do that."""
    async with plain_producer(kafka) as producer:
        batch = producer.create_batch()
        batch.append(key=b"bad", value=value, timestamp=None, headers=[("ZZZZ", b"v")])
        batch.close()
        raw = bytearray(batch._build().replace(b"ZZZZ", b"\xff\xfe\xfd\xfc"))
        raw[17:21] = calc_crc32c(bytes(raw[21:])).to_bytes(4)
        batch._buffer = bytes(raw)
        await (await producer.send_batch(batch, topic, partition=partition))


class KeptLetters:
    """A dead letter store that remembers, and fails when told to."""

    def __init__(self) -> None:
        self.letters: list[DeadLetter] = []
        self.error: Exception | None = None

    async def put(self, letters: Sequence[DeadLetter]) -> None:
        if self.error is not None:
            raise self.error
        known = {(x.group, x.record.where) for x in self.letters}
        self.letters += [x for x in letters if (x.group, x.record.where) not in known]

    def reasons(self) -> list[tuple[str, int]]:
        return [(letter.reason, letter.record.offset) for letter in self.letters]


class Sent:
    """A publisher that remembers."""

    def __init__(self) -> None:
        self.messages: list[Outgoing] = []

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        self.messages += messages


class Handled:
    """A handler that remembers what it was given and does what the test says."""

    def __init__(self, act: Callable[[Sequence[Record]], Awaitable[Sequence[Failure] | None]] | None = None) -> None:
        self.batches: list[list[Record]] = []
        self.done: list[Record] = []
        self._act = act

    async def __call__(self, records: Sequence[Record]) -> Sequence[Failure]:
        self.batches.append(list(records))
        failures = (await self._act(records) if self._act else None) or ()
        failed = {failure.record.where for failure in failures}
        self.done += [record for record in records if record.where not in failed]
        return failures

    def values(self) -> list[str]:
        return [(record.value or b"").decode() for record in self.done]


class World:
    """One process that consumes one topic."""

    def __init__(
        self,
        kafka: str,
        topic: str,
        group: str,
        handler: Handled,
        *,
        timing: Timing = QUICK,
        security: Security = PLAINTEXT,
        **limits: Any,
    ) -> None:
        self.kafka, self.topic, self.group, self.handler = kafka, topic, group, handler
        self.letters, self.sent = KeptLetters(), Sent()
        self.registry = CollectorRegistry()
        self.admin = KafkaAdmin(kafka, security=security)
        metrics = DeliveryMetrics(self.registry)
        self.delivery = Delivery(
            make_broker(kafka, client_id="test", security=security, drain_s=timing.drain_s),
            admin=self.admin,
            dead_letters=DeadLetters(self.letters, self.sent, now=lambda: datetime.now(UTC), metrics=metrics),
            metrics=metrics,
            timing=timing,
            instance=limits.pop("instance", None),
        )
        self.delivery.subscribe(Subscription(topics=(topic,), group=group, **limits), handler)

    async def committed(self) -> dict[int, int]:
        return {partition: at for (_, partition), at in (await self.admin.committed(self.group)).items()}

    async def until_committed(self, **_: Any) -> None:
        """Wait until nothing is left to do."""

        async def nothing_left() -> bool:
            return not any((await self.admin.lag(self.group, [self.topic])).values())

        await until(nothing_left)

    def counted(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(name, {"group": self.group, **labels}) or 0.0


@asynccontextmanager
async def consuming(kafka: str, topic: str, handler: Handled, **limits: Any) -> AsyncIterator[World]:
    """A consumer of a fresh group, started; stopped at the end."""
    world = World(kafka, topic, limits.pop("group", f"group-{uuid4().hex[:8]}"), handler, **limits)
    await world.delivery.start()
    try:
        yield world
    finally:
        await world.delivery.stop()
