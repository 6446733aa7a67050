"""When does a worker commit, and what does it do when that is refused?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.errors import CommitFailedError, KafkaConnectionError, KafkaError
from prometheus_client import CollectorRegistry

from schemas.topics import Topic
from services.adapters.kafka.dead_letters import DeadLetters
from services.adapters.kafka.metrics import DeliveryMetrics
from services.adapters.kafka.progress import Progress
from services.adapters.kafka.salvage import Unreadable
from services.adapters.kafka.steering import Steering
from services.adapters.kafka.subscription import REPLAY_GROUP_HEADER, DamagedHandler, Subscription
from services.adapters.kafka.worker import Worker
from services.core.errors import DependencyUnavailable, Misconfigured
from services.core.ports import Record
from tests.kafka_world import Handled, KeptLetters, Sent

TP = TopicPartition("topic", 0)


class Consumer:
    """A consumer that remembers, and refuses commits when told to."""

    def __init__(self) -> None:
        self.committed: list[dict[TopicPartition, int]] = []
        self.back: list[dict[TopicPartition, int]] = []
        self.error: KafkaError | None = None

    def put_back(self, first: dict[TopicPartition, int]) -> None:
        self.back.append(first)

    async def commit(self, offsets: dict[TopicPartition, int]) -> None:
        if self.error is not None:
            raise self.error
        self.committed.append(offsets)

    def lag(self) -> dict[TopicPartition, int]:
        return {TP: 7}


class Bench:
    def __init__(self, handler: Handled, damaged: DamagedHandler | None = None) -> None:
        self.registry = CollectorRegistry()
        metrics = DeliveryMetrics(self.registry)
        self.steering = Steering(Progress("worker", waiting_on=None), revoke_wait_s=0.01)
        self.consumer = Consumer()
        self.letters = KeptLetters()
        self.halts: list[Exception] = []
        letters = DeadLetters(self.letters, Sent(), now=lambda: datetime.now(UTC), metrics=metrics)
        self.worker = Worker(
            Subscription(topics=("topic",), group="group", damaged=damaged),
            handler,
            self.steering,
            dead_letters=letters,
            metrics=metrics,
            on_halt=self.halts.append,
            commit_timeout_s=1.0,
        )

    async def deliver(self, *offsets: int, partition: int = 0) -> None:
        self.steering.took()
        raws: list[ConsumerRecord[bytes, bytes]] = [
            ConsumerRecord("topic", partition, n, 0, 0, None, b"v", None, -1, 1, ()) for n in offsets
        ]
        await self.worker.deliver(raws, self.consumer)


@pytest.fixture
def handled() -> Handled:
    return Handled()


@pytest.fixture
def bench(handled: Handled) -> Bench:
    return Bench(handled)


async def test_what_is_done_is_committed_with_its_own_offsets(bench: Bench, handled: Handled) -> None:
    await bench.deliver(4, 5, 9)
    assert bench.consumer.committed == [{TP: 10}]
    assert len(handled.done) == 3
    assert bench.steering.progress.records == 3
    labels = {"group": "group", "topic": "topic", "partition": "0"}
    assert bench.registry.get_sample_value("referrals_consumer_lag_records", labels) == 7


async def test_the_lag_of_a_partition_that_is_somebody_elses_now_is_told_no_more(bench: Bench) -> None:
    labels = {"group": "group", "topic": "topic", "partition": "0"}
    await bench.deliver(4)
    await bench.steering.on_partitions_assigned({TP})
    assert bench.registry.get_sample_value("referrals_consumer_lag_records", labels) == 7
    await bench.steering.on_partitions_assigned({TopicPartition("topic", 1)})
    assert bench.registry.get_sample_value("referrals_consumer_lag_records", labels) is None


async def test_a_batch_that_outlived_its_rebalance_is_not_committed(handled: Handled) -> None:
    bench: Bench

    async def lose_the_partition(_: Sequence[Record]) -> None:
        await bench.steering.on_partitions_revoked({TP})

    bench = Bench(Handled(lose_the_partition))
    await bench.deliver(1)
    assert bench.consumer.committed == []
    labels = {"group": "group", "cause": "stale"}
    assert bench.registry.get_sample_value("referrals_commit_failures_total", labels) == 1


async def test_a_refused_commit_is_no_reason_to_stop(bench: Bench) -> None:
    bench.consumer.error = CommitFailedError()
    for offset in range(9):
        await bench.deliver(offset)
    bench.consumer.error = None
    await bench.deliver(9)
    bench.consumer.error = CommitFailedError()
    for offset in range(9):
        await bench.deliver(offset)
    assert bench.halts == []


async def test_what_could_not_be_committed_goes_with_the_next_commit(bench: Bench) -> None:
    """Of another partition too: nothing new may ever come in the one whose commit failed."""
    bench.consumer.error = KafkaConnectionError()
    await bench.deliver(4, 5)
    assert bench.steering.owed == {TP: 6}
    bench.consumer.error = None
    await bench.deliver(2, partition=1)
    assert bench.consumer.committed == [{TP: 6, TopicPartition("topic", 1): 3}]
    assert bench.steering.owed == {}


async def test_what_went_to_somebody_else_is_owed_no_more(bench: Bench) -> None:
    bench.consumer.error = CommitFailedError()
    await bench.deliver(4)
    assert bench.steering.owed == {}, "whoever has it now begins at the last commit"
    bench.consumer.error = KafkaConnectionError()
    await bench.deliver(4)
    await bench.steering.on_partitions_assigned({TP})
    assert bench.steering.owed == {}, "and so do we after a rebalance"


async def test_commits_refused_again_and_again_stop_the_worker(bench: Bench) -> None:
    bench.consumer.error = CommitFailedError()
    for offset in range(10):
        await bench.deliver(offset)
    (error,) = bench.halts
    assert isinstance(error, Misconfigured)
    assert "same instance name" in str(error)


async def test_an_unreachable_kafka_never_stops_the_worker(bench: Bench) -> None:
    bench.consumer.error = KafkaConnectionError()
    for offset in range(30):
        await bench.deliver(offset)
    assert bench.halts == []


async def test_a_stopped_worker_handles_nothing_more(bench: Bench, handled: Handled) -> None:
    bench.steering.halt("a test")
    await bench.deliver(3, 4)
    assert handled.batches == []
    assert bench.consumer.back == [{TP: 3}]


async def test_a_fault_of_the_wrapper_itself_stops_the_worker_instead_of_passing_over_the_batch() -> None:
    async def refuse(records: Sequence[Record]) -> None:
        raise ValueError

    broken = Bench(Handled(refuse))
    broken.letters.error = RuntimeError("the store has a bug")
    await broken.deliver(1)
    assert broken.consumer.committed == []
    assert broken.consumer.back == [{TP: 1}]
    assert [type(error) for error in broken.halts] == [RuntimeError]


def named_for(group: str, topic: str) -> ConsumerRecord[bytes, bytes]:
    return ConsumerRecord(topic, 0, 1, 0, 0, None, b"v", None, -1, 1, ((REPLAY_GROUP_HEADER, group.encode()),))


async def test_a_replay_for_another_group_is_skipped(bench: Bench, handled: Handled) -> None:
    await bench.worker.deliver([named_for("another", "topic")], bench.consumer)
    assert handled.batches == []
    assert len(bench.consumer.committed) == 1


async def test_a_publisher_cannot_have_its_rfi_skipped_by_naming_a_group(bench: Bench, handled: Handled) -> None:
    await bench.worker.deliver([named_for("another", Topic.RFI_SUBMITTED)], bench.consumer)
    assert len(handled.done) == 1


#: As the salvage of a broken batch hands it over.
DAMAGED = Unreadable("topic", 0, 3, 0, 0, b"k", b"v", None, -1, 1, (), "the checksum is wrong")


async def test_a_record_that_cannot_be_decoded_is_a_dead_letter(bench: Bench) -> None:
    bench.steering.took()
    await bench.worker.deliver([DAMAGED], bench.consumer)
    assert [(letter.reason, letter.detail) for letter in bench.letters.letters] == [
        ("UnreadableRecord", "the checksum is wrong")
    ]
    assert bench.consumer.committed == [{TP: 4}]


async def test_a_record_at_which_the_room_breaks_is_a_dead_letter_and_the_room_goes_on(handled: Handled) -> None:
    async def broken(_: Sequence[tuple[Record, str]]) -> None:
        raise ValueError("unforeseen")

    bench = Bench(handled, broken)
    bench.steering.took()
    await bench.worker.deliver([DAMAGED], bench.consumer)
    assert bench.letters.reasons() == [("UnreadableRecord", 3)]
    assert (bench.halts, bench.consumer.committed) == ([], [{TP: 4}])


async def test_a_room_may_take_such_records_itself_and_is_asked_again_after_an_outage(handled: Handled) -> None:
    asked: list[tuple[bytes | None, str]] = []

    async def damaged(records: Sequence[tuple[Record, str]]) -> None:
        asked.extend((record.value, reason) for record, reason in records)
        if len(asked) == 1:
            raise DependencyUnavailable("mongo")

    bench = Bench(handled, damaged)
    for _ in range(2):
        bench.steering.took()
        await bench.worker.deliver([DAMAGED], bench.consumer)
    assert asked == [(b"v", "the checksum is wrong")] * 2
    assert bench.consumer.back == [{TP: 3}]
    assert bench.consumer.committed == [{TP: 4}]
    assert bench.letters.letters == []
