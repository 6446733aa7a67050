"""Small parts of delivery: partitions of keys, progress, what an error may say, which subscribers are refused."""

from __future__ import annotations

from typing import Any

import pytest
from aiokafka.partitioner import DefaultPartitioner
from faststream import AckPolicy
from hypothesis import given
from hypothesis import strategies as st

from services.adapters.kafka.backoff import pause_s
from services.adapters.kafka.broker import make_broker
from services.adapters.kafka.consumer import SteadyConsumer
from services.adapters.kafka.dead_letters import describe
from services.adapters.kafka.delivery import check_subscribers
from services.adapters.kafka.partitioner import murmur2, partition_of
from services.adapters.kafka.progress import Progress
from services.adapters.kafka.steering import Steering
from services.core.errors import Misconfigured, UnknownMessage


@pytest.mark.parametrize(
    ("key", "java"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"abc", 479470107),
    ],
)
def test_the_hash_is_the_java_clients(key: bytes, java: int) -> None:
    assert murmur2(key) == java & 0xFFFFFFFF


@given(key=st.binary(max_size=80), partitions=st.integers(1, 64))
def test_a_key_gets_the_partition_that_aiokafka_gives_it(key: bytes, partitions: int) -> None:
    theirs = DefaultPartitioner()(key, list(range(partitions)), [])
    assert partition_of(key, partitions) == theirs


class Turned:
    """A clock that the test turns."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Turned:
    return Turned()


@pytest.fixture
def progress(clock: Turned) -> Progress:
    return Progress("consumer", clock=clock, waiting_on=None)


def test_a_consumer_that_polls_is_alive_and_ready(progress: Progress, clock: Turned) -> None:
    for _ in range(100):
        progress.polled()
        clock.now += 29
        assert progress.stuck() is None
        assert progress.unready() is None


def test_a_consumer_that_polls_no_more_is_stuck(progress: Progress, clock: Turned) -> None:
    progress.polled()
    clock.now += 31
    assert progress.stuck() == "consumer: no poll for 31 s"


def test_a_batch_in_hand_for_too_long_is_stuck(progress: Progress, clock: Turned) -> None:
    progress.took()
    clock.now += 44
    assert progress.stuck() is None
    clock.now += 2
    assert "in hand for 46 s" in (progress.stuck() or "")
    progress.done(5)
    assert progress.stuck() is None
    assert progress.records == 5


def test_a_batch_in_hand_within_its_limit_needs_no_poll(progress: Progress, clock: Turned) -> None:
    progress.took()
    clock.now += 45
    assert progress.stuck() is None


def test_waiting_for_a_dependency_is_alive_but_not_ready(progress: Progress, clock: Turned) -> None:
    progress.polled()
    progress.waiting_on = "mongo"
    clock.now += 3600
    assert progress.stuck() is None
    assert progress.unready() == "consumer: waiting on mongo"


def test_a_group_that_never_shares_out_its_partitions_is_stuck(progress: Progress, clock: Turned) -> None:
    progress.joining()
    assert progress.unready() == "consumer: joining its group"
    for _ in range(5):
        clock.now += 25
        progress.polled()
        progress.joining()
    assert "without partitions for 125 s" in (progress.stuck() or "")
    progress.joined()
    assert progress.unready() is None


def test_a_consumer_that_stopped_for_good_is_stuck(progress: Progress) -> None:
    progress.stopped = "too many internal errors"
    progress.waiting_on = "mongo"
    assert "too many" in (progress.stuck() or "")


def test_pauses_grow_and_stay_below_the_cap() -> None:
    assert all(0 <= pause_s(1) <= 0.2 for _ in range(50))
    assert max(pause_s(1000) for _ in range(50)) <= 30


def test_a_foreign_error_says_where_but_not_what() -> None:
    try:
        dict[str, int]()["ana@customer.example"]
    except KeyError as error:
        words = describe(error)
    assert "ana" not in words
    assert "test_kafka_parts.py" in words
    assert describe(UnknownMessage("type x is unknown")) == "type x is unknown"
    assert "unknown place" in describe(KeyError())


GOOD: dict[str, Any] = {
    "batch": True,
    "group_id": "g",
    "auto_offset_reset": "earliest",
    "ack_policy": AckPolicy.MANUAL,
    "no_reply": True,
}


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"batch": False}, "not a batch subscriber"),
        ({"group_id": None}, "has no group"),
        ({"auto_offset_reset": "latest"}, "earliest"),
        ({"ack_policy": AckPolicy.NACK_ON_ERROR}, "by hand"),
        ({"ack_policy": AckPolicy.ACK_FIRST}, "commits by itself"),
        ({"no_reply": False}, "reply_to"),
        ({"listener": None}, "steering"),
    ],
)
async def test_a_subscriber_that_could_lose_messages_is_refused(change: dict[str, Any], fault: str) -> None:
    broker = make_broker("127.0.0.1:1", client_id="test")
    broker.subscriber("topic", **{**GOOD, "listener": Steering(Progress("p")), **change})
    with pytest.raises(Misconfigured, match=fault):
        check_subscribers(broker)


async def test_a_subscriber_with_everything_is_accepted() -> None:
    broker = make_broker("127.0.0.1:1", client_id="test")
    broker.subscriber("topic", **GOOD, listener=Steering(Progress("p")))
    check_subscribers(broker)


async def test_a_consumer_that_nobody_steers_is_refused() -> None:
    consumer = SteadyConsumer(bootstrap_servers="127.0.0.1:1")
    with pytest.raises(Misconfigured, match="Delivery"):
        consumer.subscribe(["topic"])
    await consumer.stop()
