"""Kafka in memory, for tests that take milliseconds: partitions, offsets, groups, redelivery, dead letters.

What it cannot show (rebalances, broker faults, bytes that break a client) is tested on a real broker.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from services.adapters.kafka.dead_letters import DeadLetters
from services.adapters.kafka.partitioner import partition_of
from services.adapters.kafka.settling import Settling
from services.adapters.kafka.sizes import check_size
from services.adapters.kafka.subscription import Subscription, is_for
from services.core.errors import DependencyUnavailable, Misconfigured, Verdict, verdict_of
from services.core.ports import BatchHandler, Outgoing, Record


class MemoryLog:
    """All topics of a cluster, and how far each group has got.

    Args:
        topics: numbers of partitions by topic.
        now: the time that records get; a test's clock may be turned by setting it.
    """

    def __init__(self, topics: Mapping[str, int], *, now: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self.now = now
        self.committed: dict[tuple[str, str, int], int] = {}
        self._topics: dict[str, list[list[Record]]] = {t: [[] for _ in range(n)] for t, n in topics.items()}

    def partitions(self, topic: str) -> list[list[Record]]:
        """The records of each partition of a topic.

        Raises:
            DependencyUnavailable: there is no such topic.
        """
        if topic not in self._topics:
            raise DependencyUnavailable("kafka", f"has no topic {topic}; create the topics first")
        return self._topics[topic]

    def records(self, topic: str) -> list[Record]:
        """All records of a topic, partition by partition."""
        return [record for lane in self.partitions(topic) for record in lane]

    def append(self, message: Outgoing, partition: int) -> None:
        """Write one record at the end of a partition."""
        lane = self.partitions(message.topic)[partition]
        lane.append(
            Record(
                topic=message.topic,
                partition=partition,
                offset=len(lane),
                timestamp=self.now,
                key=message.key.encode(),
                value=message.value,
                headers=tuple(message.headers),
            )
        )

    def delete_before(self, topic: str, partition: int, offset: int) -> None:
        """Take the content out of the records before an offset; offsets stay as they are."""
        lane = self.partitions(topic)[partition]
        lane[:offset] = [replace(record, key=None, value=None, headers=()) for record in lane[:offset]]

    def rewind(self, group: str) -> None:
        """Forget what a group has committed, so that it does all again."""
        self.committed = {place: at for place, at in self.committed.items() if place[0] != group}


class MemoryPublisher:
    """The twin of `KafkaPublisher`. Set `away` to make it fail like a Kafka that does not answer."""

    def __init__(self, log: MemoryLog) -> None:
        self.log = log
        self.away = False

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        """Append all messages.

        Raises:
            DependencyUnavailable: `away` is set, or a topic does not exist.
            MessageTooLarge: one of them is; none was written.
            Misconfigured: an explicit partition does not exist; none was written.
        """
        for message in messages:
            check_size(message)
        if self.away:
            raise DependencyUnavailable("kafka", "did not acknowledge in time")
        placed = [(message, self._partition(message)) for message in messages]
        for message, partition in placed:
            self.log.append(message, partition)

    def _partition(self, message: Outgoing) -> int:
        number = len(self.log.partitions(message.topic))
        if message.partition is None:
            return partition_of((message.lane or message.key).encode(), number)
        if not 0 <= message.partition < number:
            raise Misconfigured(f"{message.topic} has {number} partitions, there is no number {message.partition}")
        return message.partition


class MemoryConsumer:
    """One consumer of a group, moved by hand: every `step` is a batch.

    Set `crash_before_commit` to let the next step do its effects and lose its commit, as a kill -9 would.
    """

    def __init__(
        self, log: MemoryLog, subscription: Subscription, handler: BatchHandler, dead_letters: DeadLetters
    ) -> None:
        self.crash_before_commit = False
        self.waiting_on: Exception | None = None
        #: The error that put the last batch back, None when it was done.
        self._log = log
        self._subscription = subscription
        self._settling = Settling(handler, internal_error_limit=subscription.internal_error_limit)
        self._dead_letters = dead_letters

    async def step(self) -> int:
        """Take the next batch and handle it to its end; return how many records were committed.

        Raises:
            Exception: one with the verdict `crash`; in a process it ends the process.
        """
        batch = self._fetch()
        mine = [record for record in batch if is_for(record, self._subscription.group)]
        self.waiting_on = None
        try:
            asides = await self._settling.settle(mine) if mine else []
            await self._dead_letters.put(self._subscription.group, asides)
        except Exception as error:
            if verdict_of(error) is not Verdict.RETRY:
                raise
            self.waiting_on = error
            return 0
        if self.crash_before_commit:
            self.crash_before_commit = False
            return 0
        for record in batch:
            self._log.committed[self._subscription.group, record.topic, record.partition] = record.offset + 1
        return len(batch)

    async def drain(self, *, steps: int = 1000) -> int:
        """Step until nothing is left or a batch was put back; return how many records were committed."""
        total = 0
        for _ in range(steps):
            done = await self.step()
            total += done
            if not done:
                break
        return total

    def _fetch(self) -> list[Record]:
        batch: list[Record] = []
        for topic in self._subscription.topics:
            for number, lane in enumerate(self._log.partitions(topic)):
                start = self._log.committed.get((self._subscription.group, topic, number), 0)
                batch += lane[start : start + self._subscription.max_records - len(batch)]
        return batch
