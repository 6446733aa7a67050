"""How does somebody read a topic without being in a group: views of compacted topics, audits, replays, watchers?"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, Literal

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from services.adapters.kafka.admin import KafkaAdmin, Offsets
from services.adapters.kafka.backoff import pause_s
from services.adapters.kafka.consumer import SteadyConsumer
from services.adapters.kafka.progress import Progress
from services.adapters.kafka.records import to_record
from services.adapters.kafka.salvage import Unreadable
from services.adapters.kafka.security import PLAINTEXT, Security
from services.adapters.kafka.steering import Steering
from services.core.errors import DependencyUnavailable
from services.core.ports import Record

log = structlog.get_logger(__name__)

#: As the consumers', and longer: no partition comes here while one reads, so that nothing waits for an answer but news.
_FETCH_WAIT_MS = 2500
#: Empty polls of half a second after which nothing more is expected of places that have something.
_IN_VAIN = 4

Start = Mapping[tuple[str, int], int] | Literal["beginning", "end"]


class Follower:
    """Reads topics from wherever it is told to. Commits nothing, so each reader sees everything.

    Args:
        bootstrap: addresses, `host:port[,host:port]`.
        client_id: name of the process in Kafka's logs.
        security: what the brokers want of their clients.
        stop_timeout_s: longest time that closing takes.
    """

    def __init__(
        self,
        bootstrap: str,
        *,
        client_id: str = "referrals-follower",
        security: Security = PLAINTEXT,
        stop_timeout_s: float = 5.0,
    ) -> None:
        self._reached: dict[str, Any] = {"bootstrap_servers": bootstrap, **security.options()}
        self._client_id = client_id
        self._stop_timeout_s = stop_timeout_s
        self._admin = KafkaAdmin(bootstrap, security=security)
        self.progress = Progress(client_id, waiting_on=None)

    async def end_offsets(self, topics: Collection[str]) -> Offsets:
        """The offset behind the last record of each partition.

        Raises:
            DependencyUnavailable: Kafka does not answer, or a topic does not exist.
        """
        await self._admin.require(topics)
        return await self._admin.end_offsets(topics)

    async def follow(
        self, topics: Collection[str], start: Start, *, max_records: int = 1000
    ) -> AsyncGenerator[list[Record]]:
        """Batches of records as they come, for ever; unreadable ones are left out (and logged).

        Args:
            topics: which topics; all of their partitions are read.
            start: `beginning`, `end`, or an offset for each partition (those not named begin at the beginning).
            max_records: size of a batch at most.

        An empty batch says that nothing came for about half a second. Kafka being away is waited for.
        """
        consumer = await self._patiently_opened(topics, start)
        try:
            while True:
                yield _readable(await consumer.getmany(max_records=max_records))
                consumer.steering.done()
        finally:
            await self._close(consumer)

    async def read_all(
        self, topics: Collection[str], upto: Mapping[tuple[str, int], int], start: Start = "beginning"
    ) -> AsyncGenerator[list[Record]]:
        """Batches of all records from the beginning (or from `start`) to the offsets `upto`, not more; then it ends.

        Raises:
            DependencyUnavailable: Kafka does not answer.
        """
        consumer = await self._opened(topics, start)
        try:
            while await _positions_below(consumer, upto):
                batch = _readable(await consumer.getmany(max_records=5000))
                consumer.steering.done()
                wanted = [r for r in batch if r.offset < upto.get((r.topic, r.partition), 0)]
                if wanted:
                    yield wanted
        finally:
            await self._close(consumer)

    async def times(self, starts: Mapping[tuple[str, int], int]) -> dict[tuple[str, int], datetime]:
        """When the first record at or behind each offset was written; a place where none comes soon is left out.

        Raises:
            DependencyUnavailable: Kafka does not answer, or a topic does not exist.
        """
        if not starts:
            return {}
        consumer = await self._opened({topic for topic, _ in starts}, starts)
        found: dict[tuple[str, int], datetime] = {}
        try:
            in_vain = 0
            while in_vain < _IN_VAIN and (wanted := [TopicPartition(*place) for place in starts if place not in found]):
                batch = await consumer.getmany(*wanted, max_records=1000)
                consumer.steering.done()
                found |= {(p.topic, p.partition): to_record(raws[0]).timestamp for p, raws in batch.items() if raws}
                in_vain = 0 if batch else in_vain + 1
        finally:
            await self._close(consumer)
        return found

    async def _patiently_opened(self, topics: Collection[str], start: Start) -> SteadyConsumer:
        attempt = 0
        while True:
            attempt += 1
            try:
                consumer = await self._opened(topics, start)
            except DependencyUnavailable as error:
                self.progress.waiting_on = error.dependency
                log.warning("kafka.follow_failed", error=str(error), attempt=attempt)
                await asyncio.sleep(pause_s(attempt))
            else:
                self.progress.waiting_on = None
                return consumer

    async def _opened(self, topics: Collection[str], start: Start) -> SteadyConsumer:
        counts = await self._admin.topics()
        await self._admin.require(topics)
        places = [TopicPartition(topic, p) for topic in topics for p in range(counts[topic])]
        consumer = SteadyConsumer(
            **self._reached,
            client_id=self._client_id,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=_FETCH_WAIT_MS,
        )
        consumer.steering = Steering(self.progress)
        try:
            await consumer.start()
            consumer.assign(places)
            await _seek(consumer, places, start)
        except (KafkaError, OSError, TimeoutError) as error:
            await self._close(consumer)
            raise DependencyUnavailable("kafka", type(error).__name__) from error
        return consumer

    async def _close(self, consumer: Any) -> None:
        with suppress(KafkaError, TimeoutError, OSError):
            async with asyncio.timeout(self._stop_timeout_s):
                await consumer.stop()


async def _seek(consumer: Any, places: list[TopicPartition], start: Start) -> None:
    if start == "end":
        await consumer.seek_to_end(*places)
    elif start == "beginning":
        await consumer.seek_to_beginning(*places)
    else:
        await consumer.seek_to_beginning(*places)
        for place in places:
            if (offset := start.get((place.topic, place.partition))) is not None:
                consumer.seek(place, offset)


async def _positions_below(consumer: Any, upto: Mapping[tuple[str, int], int]) -> bool:
    positions = [
        (await consumer.position(place), upto.get((place.topic, place.partition), 0)) for place in consumer.assignment()
    ]
    return any(position < end for position, end in positions)


def _readable(found: Mapping[TopicPartition, list[Any]]) -> list[Record]:
    records: list[Record] = []
    for raws in found.values():
        for raw in raws:
            if isinstance(raw, Unreadable):
                log.warning("kafka.unreadable_record", record=to_record(raw).where, why=raw.reason)
            else:
                records.append(to_record(raw))
    return records
