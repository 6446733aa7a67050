"""What happens to a batch of records: handled, put back, or put aside; and when is it committed?

The one place where offsets are committed, and in this order: effects, dead letters, commit. A crash before the commit
brings the batch again, and handlers are idempotent; a crash after it finds everything done.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from time import perf_counter
from typing import Any, Protocol

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError, KafkaError

from services.adapters.kafka.backoff import pause_s
from services.adapters.kafka.dead_letters import DeadLetters, describe
from services.adapters.kafka.metrics import DeliveryMetrics
from services.adapters.kafka.records import first_offsets, next_offsets, to_record
from services.adapters.kafka.salvage import Unreadable
from services.adapters.kafka.settling import Aside, Settling
from services.adapters.kafka.steering import Steering
from services.adapters.kafka.subscription import Subscription, is_for
from services.core.errors import DependencyUnavailable, Misconfigured, UnreadableRecord, Verdict, verdict_of
from services.core.ports import BatchHandler, Record

log = structlog.get_logger(__name__)

#: So many commits refused one after the other are no rebalance any more.
_REFUSED_COMMITS = 10


class Committing(Protocol):
    """What a worker needs of its consumer; `SteadyConsumer` has it."""

    def put_back(self, first: dict[TopicPartition, int]) -> None:
        """Go back to these offsets."""

    async def commit(self, offsets: dict[TopicPartition, int]) -> None:
        """Commit these offsets."""

    def lag(self) -> dict[TopicPartition, int]:
        """Records not yet fetched."""


class Worker:
    """Takes the batches of one consumer, one at a time.

    Args:
        subscription: the group and its limits.
        handler: what is done with the records.
        steering: shared with the consumer.
        dead_letters: where records go that cannot be used.
        metrics: what is counted.
        on_halt: told once when the worker stops for good.
        commit_timeout_s: longest time for a commit; one that fails is only counted.
    """

    def __init__(
        self,
        subscription: Subscription,
        handler: BatchHandler,
        steering: Steering,
        *,
        dead_letters: DeadLetters,
        metrics: DeliveryMetrics,
        on_halt: Callable[[Exception], None],
        commit_timeout_s: float,
    ) -> None:
        self._subscription = subscription
        self._group = subscription.group
        self._settling = Settling(handler, internal_error_limit=subscription.internal_error_limit)
        self._steering = steering
        self._dead_letters = dead_letters
        self._metrics = metrics
        self._on_halt = on_halt
        self._commit_timeout_s = commit_timeout_s
        self._failed_attempts = 0
        self._refused_commits = 0
        #: Partitions of which the lag was told.
        self._behind: set[TopicPartition] = set()
        steering.assigned = self._assigned

    async def deliver(self, raws: Sequence[Any], consumer: Committing) -> None:
        """Handle a batch to its end. Raises no `Exception`: FastStream would swallow it and go on past the batch."""
        done = 0
        try:
            if self._steering.halted:
                consumer.put_back(first_offsets(raws))
            elif await self._settled(raws, consumer):
                done = len(raws)
                await self._commit(raws, consumer)
        except Exception as error:  # noqa: BLE001  see the docstring
            self._halt(error)
        finally:
            self._steering.done(done)

    async def _settled(self, raws: Sequence[Any], consumer: Committing) -> bool:
        started = perf_counter()
        try:
            await self._settle(raws)
        except Exception as error:  # noqa: BLE001  any error concerns the batch; its verdict decides
            consumer.put_back(first_offsets(raws))
            if verdict_of(error) is Verdict.RETRY:
                self._retry_later(error)
            else:
                self._halt(error)
            return False
        self._metrics.batch_seconds.labels(self._group).observe(perf_counter() - started)
        self._failed_attempts = 0
        self._steering.release()
        return True

    async def _settle(self, raws: Sequence[Any]) -> None:
        asides = await self._damaged([(to_record(r), str(r.reason)) for r in raws if isinstance(r, Unreadable)])
        records = [to_record(r) for r in raws if not isinstance(r, Unreadable)]
        mine = [r for r in records if is_for(r, self._group)]
        if mine:
            weary = self._failed_attempts >= self._subscription.retry_limit
            asides += await self._settling.settle(mine, weary=weary)
        await self._dead_letters.put(self._group, asides)
        dead = Counter(aside.record.topic for aside in asides)
        skipped = Counter(r.topic for r in records) - Counter(r.topic for r in mine)
        self._count("dead_letter", dead)
        self._count("skipped", skipped)
        self._count("done", Counter(r.topic for r in raws) - dead - skipped)

    async def _damaged(self, damaged: Sequence[tuple[Record, str]]) -> list[Aside]:
        """Give records that can't be decoded to the room; without one that takes them they are put aside."""
        take = self._subscription.damaged
        if damaged and take is not None:
            try:
                await take(damaged)
            except Exception as error:
                if verdict_of(error) in {Verdict.RETRY, Verdict.CRASH}:
                    raise
                # Strangers write such records: what the room did not foresee must not stop it for all others.
                log.error("kafka.damaged_not_taken", group=self._group, error=describe(error))  # noqa: TRY400
            else:
                return []
        return [Aside(record, UnreadableRecord(reason), 1) for record, reason in damaged]

    def _count(self, outcome: str, by_topic: Counter[str]) -> None:
        for topic, number in by_topic.items():
            self._metrics.records.labels(topic, self._group, outcome).inc(number)

    def _retry_later(self, error: Exception) -> None:
        self._failed_attempts += 1
        waiting_on = error.dependency if isinstance(error, DependencyUnavailable) else type(error).__name__
        delay_s = pause_s(self._failed_attempts)
        self._steering.hold(delay_s, waiting_on)
        self._metrics.retries.labels(self._group, waiting_on).inc()
        log.warning(
            "kafka.batch_put_back",
            group=self._group,
            waiting_on=waiting_on,
            error=describe(error),
            attempt=self._failed_attempts,
            retry_in_s=round(delay_s, 3),
        )

    def _halt(self, error: Exception) -> None:
        self._steering.halt(describe(error))
        log.critical("kafka.consumer_stopped", group=self._group, error=describe(error))
        self._on_halt(error)

    async def _commit(self, raws: Sequence[Any], consumer: Committing) -> None:
        if self._steering.stale:
            # The partitions went to somebody else, who has begun at the last commit; ours would set them back.
            self._metrics.commit_failures.labels(self._group, "stale").inc()
            return
        try:
            async with asyncio.timeout(self._commit_timeout_s):
                await consumer.commit({**self._steering.owed, **next_offsets(raws)})
            self._steering.owed.clear()
            self._refused_commits = 0
        except (KafkaError, TimeoutError) as error:
            self._commit_failed(raws, error)
        for partition, records in consumer.lag().items():
            self._metrics.lag.labels(self._group, partition.topic, partition.partition).set(records)
            self._behind.add(partition)

    def _commit_failed(self, raws: Sequence[Any], error: Exception) -> None:
        """The effects are done; without the commit they are met again as duplicates.

        The next commit covers this one, and the consumer makes up for it when nothing else comes.
        """
        if not (self._steering.stale or isinstance(error, CommitFailedError)):
            self._steering.owed |= next_offsets(raws)
        self._metrics.commit_failures.labels(self._group, type(error).__name__).inc()
        log.warning("kafka.commit_failed", group=self._group, error=type(error).__name__)
        self._refused_commits += isinstance(error, CommitFailedError)
        if self._refused_commits >= _REFUSED_COMMITS:
            # Two processes that claim to be the same instance throw each other out for ever.
            raise Misconfigured(
                f"Kafka refused {self._refused_commits} commits of {self._group} in a row: "
                "does another process run under the same instance name?"
            ) from error

    def _assigned(self, partitions: Collection[TopicPartition]) -> None:
        """Tell no more of partitions that are somebody else's: with what he tells they would count twice."""
        for gone in self._behind.difference(partitions):
            self._metrics.lag.remove(self._group, gone.topic, gone.partition)
        self._behind.intersection_update(partitions)
