"""How do messages get onto Kafka so that none is lost and no caller waits for ever?

One idempotent producer, `acks=all`, with record batches built here: one batch for a partition costs far less than one
`send` for a message. Few messages are sent one by one, which lets those of many callers travel together. aiokafka's
idempotent producer has no delivery time-out of its own, and with Kafka away neither its send nor its stop returns, so
each goes under a bound, and a producer that keeps failing is replaced.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, UnknownTopicOrPartitionError

from services.adapters.kafka.connections import expect_closed_transports
from services.adapters.kafka.partitioner import partition_of
from services.adapters.kafka.security import PLAINTEXT, Security
from services.adapters.kafka.sizes import MAX_RECORD_BYTES, MessageTooLarge, check_size
from services.core.errors import DependencyUnavailable, Misconfigured
from services.core.ports import Outgoing

log = structlog.get_logger(__name__)

#: So many messages for a partition are sent one by one.
_FEW_MESSAGES = 8


class KafkaPublisher:
    """The `Publisher` of production. Connects at the first use; one for a process is enough.

    Args:
        bootstrap: addresses, `host:port[,host:port]`.
        client_id: name of the process in Kafka's logs.
        security: what the brokers want of their clients.
        publish_timeout_s: longest time until everything of one `publish` is acknowledged.
        stop_timeout_s: longest time that closing a producer may take.
        replace_after: failures in a row after which the producer is replaced by a new one.
        max_record_bytes: largest message; must be below the topic's `max.message.bytes`.
        batch_bytes: where a record batch is closed and the next one begun, before compression.
    """

    def __init__(
        self,
        bootstrap: str,
        *,
        client_id: str = "referrals",
        security: Security = PLAINTEXT,
        publish_timeout_s: float = 10.0,
        stop_timeout_s: float = 5.0,
        replace_after: int = 3,
        max_record_bytes: int = MAX_RECORD_BYTES,
        batch_bytes: int = 512 * 1024,
    ) -> None:
        self._settings: dict[str, Any] = {
            "bootstrap_servers": bootstrap,
            **security.options(),
            "client_id": client_id,
            "acks": "all",
            "enable_idempotence": True,
            "compression_type": "lz4",
            "max_batch_size": batch_bytes,
            # Half of the caller's patience, so that one lost answer can be repeated within it.
            "request_timeout_ms": max(1000, int(publish_timeout_s * 500)),
        }
        self._publish_timeout_s = publish_timeout_s
        self._stop_timeout_s = stop_timeout_s
        self._replace_after = replace_after
        self._max_record_bytes = max_record_bytes
        self._producer: AIOKafkaProducer | None = None
        self._connecting = asyncio.Lock()
        self._failures = 0
        self._turns: defaultdict[tuple[str, int], asyncio.Lock] = defaultdict(asyncio.Lock)
        #: Whose turn it is to hand batches to a partition.

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        """Return when every message is acknowledged; messages of one key keep their order.

        Raises:
            DependencyUnavailable: not all were acknowledged in time; any of them may have been written.
            MessageTooLarge: one of them is too large; none was sent.
            Misconfigured: an explicit partition does not exist; none was sent.
        """
        if not messages:
            return
        for message in messages:
            check_size(message, self._max_record_bytes)
        try:
            async with asyncio.timeout(self._publish_timeout_s):
                await self._send(messages)
        except (KafkaError, TimeoutError, OSError) as error:
            await self._failed()
            raise _translated(error, messages) from error
        self._failures = 0

    async def start(self) -> None:
        """Connect now instead of at the first use.

        Raises:
            DependencyUnavailable: Kafka does not answer.
        """
        try:
            async with asyncio.timeout(self._publish_timeout_s):
                await self._connected()
        except (KafkaError, TimeoutError, OSError) as error:
            raise DependencyUnavailable("kafka", type(error).__name__) from error

    async def stop(self) -> None:
        """Close the connections within `stop_timeout_s`, whether Kafka answers or not."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await self._close(producer)

    async def _send(self, messages: Sequence[Outgoing]) -> None:
        producer = await self._connected()
        counts = {topic: len(await producer.partitions_for(topic)) for topic in {m.topic for m in messages}}
        lanes: dict[tuple[str, int], list[tuple[bytes, Outgoing]]] = {}
        for message in messages:
            lane = (message.topic, _partition(message, counts[message.topic]))
            lanes.setdefault(lane, []).append((message.key.encode(), message))
        sending = [_send_lane(producer, *lane, items, self._turns[lane]) for lane, items in lanes.items()]
        # All of them are awaited, also when one fails: nothing is still being sent after the error is raised.
        for outcome in await asyncio.gather(*sending, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome

    async def _connected(self) -> AIOKafkaProducer:
        async with self._connecting:
            if self._producer is None:
                expect_closed_transports()
                producer = AIOKafkaProducer(**self._settings)
                try:
                    await producer.start()
                except BaseException:
                    # A producer that never started has nothing to flush; closing it frees its sockets.
                    await producer.stop()
                    raise
                self._producer = producer
            return self._producer

    async def _failed(self) -> None:
        self._failures += 1
        if self._failures < self._replace_after:
            return
        self._failures = 0
        producer, self._producer = self._producer, None
        if producer is not None:
            log.warning("kafka.producer_replaced", after_failures=self._replace_after)
            # The old one must be quiet before a new one writes: a late batch of it would break the order.
            await self._close(producer)

    async def _close(self, producer: AIOKafkaProducer) -> None:
        with suppress(KafkaError, TimeoutError, OSError):
            async with asyncio.timeout(self._stop_timeout_s):
                await producer.stop()
                return
        # stop() waits for a flush that cannot happen; end its sender by force (no public way: aiokafka issue 1101).
        sender = producer._sender  # noqa: SLF001
        if sender.sender_task is not None:
            sender.sender_task.cancel()
            await asyncio.wait([sender.sender_task], timeout=self._stop_timeout_s)
        producer._message_accumulator.fail_all(KafkaError("the producer was closed"))  # noqa: SLF001
        with suppress(KafkaError, TimeoutError, OSError):
            async with asyncio.timeout(self._stop_timeout_s):
                await producer.client.close()


def _partition(message: Outgoing, partitions: int) -> int:
    if message.partition is None:
        return _lane(message.lane or message.key, partitions)
    if not 0 <= message.partition < partitions:
        raise Misconfigured(f"{message.topic} has {partitions} partitions, there is no number {message.partition}")
    return message.partition


@lru_cache(maxsize=16_384)
def _lane(text: str, partitions: int) -> int:
    # Messages of one lane follow one another; murmur2 in Python is too slow to ask for each.
    return partition_of(text.encode(), partitions)


async def _send_lane(
    producer: AIOKafkaProducer, topic: str, partition: int, items: list[tuple[bytes, Outgoing]], turn: asyncio.Lock
) -> None:
    if len(items) <= _FEW_MESSAGES:
        # They join whatever waits for the partition.
        sent = [await producer.send(topic, m.value, key, partition, headers=list(m.headers)) for key, m in items]
        await asyncio.gather(*sent)
        return
    # One batch after the other: send_batch returns when the one before has left, and the producer keeps their order.
    # One caller at a time: to those that wait for the same partition the producer counts their time more than once.
    async with turn:
        acknowledged = [await producer.send_batch(b, topic, partition=partition) for b in _batches(producer, items)]
    await asyncio.gather(*acknowledged)


def _batches(producer: AIOKafkaProducer, items: list[tuple[bytes, Outgoing]]) -> Iterator[Any]:
    batch = producer.create_batch()
    for key, message in items:
        if batch.append(key=key, value=message.value, timestamp=None, headers=list(message.headers)) is None:
            yield batch  # Full, and closed by itself.
            batch = producer.create_batch()
            batch.append(key=key, value=message.value, timestamp=None, headers=list(message.headers))
    batch.close()  # An open batch would linger for more.
    yield batch


def _translated(error: Exception, messages: Sequence[Outgoing]) -> Exception:
    topics = ", ".join(sorted({m.topic for m in messages}))
    if isinstance(error, MessageSizeTooLargeError):
        largest = max(messages, key=lambda m: len(m.value))
        return MessageTooLarge(largest, len(largest.value), len(largest.value) - 1)
    if isinstance(error, UnknownTopicOrPartitionError):
        return DependencyUnavailable("kafka", f"has no topic {topics}; create the topics first")
    if isinstance(error, TimeoutError):
        return DependencyUnavailable("kafka", f"did not acknowledge in time ({topics})")
    return DependencyUnavailable("kafka", f"{type(error).__name__} ({topics})")
