"""Which topics exist, how far have groups got, and where do topics end?"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Any, Literal

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from schemas.topics import TopicSpec
from services.adapters.kafka.security import PLAINTEXT, Security
from services.core.errors import DependencyUnavailable, Misconfigured

#: From this many copies on, one broker may die without a record being lost.
_SAFE_REPLICATION = 3
_RETRY_S = 0.1
#: Offsets are asked before a new consumer knows who leads each partition, and again after this pause, milliseconds. The
#: library's own, ten times as long, is most of what an answer took.
_LEADER_RETRY_MS = 10
#: How long segments of topics with personal data grow.
_SEGMENT = timedelta(hours=1)

#: (topic, partition) -> offset
Offsets = dict[tuple[str, int], int]


class KafkaAdmin:
    """Administration. Connects for each call: it is asked rarely, by the CLI, at starts and by the audit.

    Args:
        bootstrap: addresses, `host:port[,host:port]`.
        security: what the brokers want of their clients.
        timeout_s: longest time for one call.

    Every method raises `DependencyUnavailable` when Kafka does not answer in time.
    """

    def __init__(self, bootstrap: str, *, security: Security = PLAINTEXT, timeout_s: float = 15.0) -> None:
        self._reached: dict[str, Any] = {"bootstrap_servers": bootstrap, **security.options()}
        self._timeout_s = timeout_s

    async def create_topics(
        self, specs: Iterable[TopicSpec], *, replication: int = 1, partitions: Mapping[str, int] | None = None
    ) -> list[str]:
        """Create the topics that are missing; return their names. What exists is left as it is.

        Args:
            specs: the topics.
            replication: copies of each partition; at most the number of brokers.
            partitions: numbers of partitions that differ from the specs, by topic.

        Raises:
            Misconfigured: Kafka refuses a topic; says which and why.
        """
        wanted = [_new_topic(spec, replication, (partitions or {}).get(spec.topic)) for spec in specs]
        async with self._client() as client:
            answer = await _patiently(partial(client.create_topics, wanted))
        created = []
        for name, code, *words in answer.topic_errors:
            if code == 0:
                created.append(name)
            elif for_code(code) is not TopicAlreadyExistsError:
                raise Misconfigured(f"Kafka refuses topic {name}: {words[0] if words else for_code(code).__name__}")
        return created

    async def topics(self) -> dict[str, int]:
        """Every topic with its number of partitions."""
        async with self._client() as client:
            return await _counted(client)

    async def require(self, topics: Collection[str]) -> None:
        """Return when all of these topics exist.

        Raises:
            DependencyUnavailable: some do not (yet); names them.
        """
        missing = sorted(set(topics) - set(await self.topics()))
        if missing:
            raise DependencyUnavailable("kafka", f"has no topic {', '.join(missing)}; create the topics first")

    async def committed(self, group: str) -> Offsets:
        """The offsets a group has committed; partitions without one are left out."""
        async with self._client() as client:
            found = await _patiently(partial(client.list_consumer_group_offsets, group))
        return {(tp.topic, tp.partition): at.offset for tp, at in found.items() if at.offset >= 0}

    async def end_offsets(self, topics: Collection[str]) -> Offsets:
        """The offset behind the last record of each partition."""
        places = _places(await self.topics(), topics)
        return await self._asked(places, "end_offsets")

    async def lag(self, group: str, topics: Collection[str]) -> Offsets:
        """How many records the group has not done yet, for each partition of the topics."""
        return (await self.lags({group: topics}))[group]

    async def lags(self, reads: Mapping[str, Collection[str]]) -> dict[str, Offsets]:
        """The lag of several groups, by group, each in the topics it reads.

        All committed offsets are read before the ends of the topics: where every lag is zero, nothing was on its way
        between the groups at that moment.
        """
        async with self._client() as client:
            done = {group: await _patiently(partial(client.list_consumer_group_offsets, group)) for group in reads}
            counts = await _counted(client)
        wanted = {topic for topics in reads.values() for topic in topics}
        ends = await self._asked(_places(counts, wanted), "end_offsets")
        # Where a group has committed nothing it begins at the beginning, which is asked for only then.
        new = {
            place
            for group, topics in reads.items()
            for place, end in ends.items()
            if end and place[0] in topics and _committed_or(done[group], place, -1) < 0
        }
        begins = await self._asked([TopicPartition(*place) for place in new], "beginning_offsets")
        return {
            group: {
                place: max(0, end - _committed_or(done[group], place, begins.get(place, 0)))
                for place, end in ends.items()
                if place[0] in topics
            }
            for group, topics in reads.items()
        }

    async def delete_before(self, upto: Mapping[tuple[str, int], int]) -> None:
        """Delete the records before these offsets; of places where none is left before them nothing is changed.

        They can't be read any more at once. Their bytes leave the disk with their segment, see `_new_topic`.
        """
        if upto:
            records = {TopicPartition(*place): RecordsToDelete(before_offset=end) for place, end in upto.items()}
            async with self._client() as client:
                await _patiently(partial(client.delete_records, records))

    async def reset_to_earliest(self, group: str, topics: Collection[str]) -> None:
        """Set a group back to the first record, so that it does all again. The group must have no members.

        Raises:
            Misconfigured: a consumer of the group is still running.
        """
        begins = await self.begin_offsets(topics)
        async with self._consumer(group_id=group, enable_auto_commit=False) as consumer:
            consumer.assign([TopicPartition(*place) for place in begins])
            try:
                await consumer.commit({TopicPartition(*place): offset for place, offset in begins.items()})
            except KafkaError as error:
                raise Misconfigured(f"group {group} is in use: stop its consumers first") from error

    async def begin_offsets(self, topics: Collection[str]) -> Offsets:
        """The offset of the first record that each partition still has (or would have)."""
        places = _places(await self.topics(), topics)
        return await self._asked(places, "beginning_offsets")

    async def _asked(self, places: list[TopicPartition], which: Literal["beginning_offsets", "end_offsets"]) -> Offsets:
        if not places:
            return {}
        async with self._consumer() as consumer:
            found = await getattr(consumer, which)(places)
        return {tuple(tp): at for tp, at in found.items()}

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[Any]:
        client = AIOKafkaAdminClient(**self._reached, request_timeout_ms=int(self._timeout_s * 1000))
        async with self._bounded(client.start, client.close):
            yield client

    @asynccontextmanager
    async def _consumer(self, **options: Any) -> AsyncIterator[Any]:
        consumer = AIOKafkaConsumer(**self._reached, retry_backoff_ms=_LEADER_RETRY_MS, **options)
        async with self._bounded(consumer.start, consumer.stop):
            yield consumer

    @asynccontextmanager
    async def _bounded(self, start: Any, stop: Any) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._timeout_s):
                try:
                    await start()
                    yield
                finally:
                    await stop()
        except (KafkaError, TimeoutError, OSError) as error:
            raise DependencyUnavailable(
                "kafka", f"at {self._reached['bootstrap_servers']}: {type(error).__name__}"
            ) from error


def _committed_or(found: Mapping[TopicPartition, Any], place: tuple[str, int], begin: int) -> int:
    """The committed offset; where there is none (-1) a group begins at the beginning."""
    at = found.get(TopicPartition(*place))
    return int(at.offset) if at is not None and at.offset >= 0 else begin


async def _counted(client: Any) -> dict[str, int]:
    """Every topic with its number of partitions."""
    return {t["topic"]: len(t["partitions"]) for t in await client.describe_topics() if not t["is_internal"]}


def _places(counts: Mapping[str, int], topics: Iterable[str]) -> list[TopicPartition]:
    """All partitions of these topics; a topic that is not there has none."""
    return [TopicPartition(topic, p) for topic in topics for p in range(counts.get(topic, 0))]


async def _patiently(call: Callable[[], Awaitable[Any]]) -> Any:
    """Repeat what Kafka says may be repeated, such as the first question for a group on a new broker."""
    while True:
        try:
            return await call()
        except KafkaError as error:
            if not error.retriable:
                raise
            await asyncio.sleep(_RETRY_S)


def _new_topic(spec: TopicSpec, replication: int, partitions: int | None) -> NewTopic:
    if spec.retention is None:
        settings = {"cleanup.policy": "compact"}
    else:
        settings = {"retention.ms": str(int(spec.retention.total_seconds() * 1000))}
    if spec.personal_data:
        # Deleted records stay on the disk until their segment is closed.
        settings["segment.ms"] = str(int(_SEGMENT.total_seconds() * 1000))
    if replication >= _SAFE_REPLICATION:
        # Two copies of three must have a record before it counts as acknowledged: one broker may die.
        settings["min.insync.replicas"] = "2"
    return NewTopic(spec.topic.value, partitions or spec.partitions, replication, topic_configs=settings)
