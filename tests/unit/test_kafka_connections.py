"""A connection that has just been reset is a broken one, also under uvloop; a consumer whose task died says so."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.client import ConnectionGroup
from aiokafka.conn import AIOKafkaConnection
from aiokafka.errors import KafkaConnectionError, KafkaError
from aiokafka.protocol.admin import ApiVersionRequest

from services.adapters.kafka.connections import Answers, expect_closed_transports
from services.adapters.kafka.consumer import SteadyConsumer
from services.adapters.kafka.progress import Progress
from services.adapters.kafka.steering import Steering


class _ClosedTransport:
    """A writer as uvloop leaves it when its transport is closed."""

    def __init__(self, error: Exception) -> None:
        self.error, self.closed = error, False

    def write(self, _data: bytes) -> None:
        raise self.error

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize("error", [RuntimeError("the handler is closed"), ConnectionResetError("reset")])
async def test_writing_to_a_closed_transport_is_a_broken_connection(error: Exception) -> None:
    expect_closed_transports()
    expect_closed_transports()
    connection: Any = AIOKafkaConnection("127.0.0.1", 9092)
    writer = _ClosedTransport(error)
    connection._writer, connection._reader, connection._read_task = writer, object(), await dead(None)
    with pytest.raises(KafkaConnectionError):
        connection.send(ApiVersionRequest())
    assert writer.closed
    assert not connection.connected()


async def dead(error: BaseException | None) -> asyncio.Task[None]:
    async def work() -> None:
        if error is not None:
            raise error

    task = asyncio.ensure_future(work())
    await asyncio.wait([task])
    return task


async def living() -> None:
    """What a task of the client does that has not died."""
    await asyncio.Event().wait()


def consumer_with(fetching: asyncio.Task[None], coordinating: asyncio.Task[None]) -> SteadyConsumer:
    consumer: SteadyConsumer = object.__new__(SteadyConsumer)
    consumer._closed = True  # Nothing to close: it was never opened.
    consumer.steering = Steering(Progress("group-1"))
    consumer._fetcher = SimpleNamespace(_fetch_task=fetching)
    consumer._coordinator = SimpleNamespace(_coordination_task=coordinating)
    return consumer


async def test_a_consumer_whose_fetching_died_is_not_alive() -> None:
    alive = asyncio.ensure_future(living())
    consumer = consumer_with(alive, alive)
    consumer._notice_dead_task()
    assert not consumer.steering.halted
    for pair in ((await dead(KafkaError("unexpected")), alive), (alive, await dead(RuntimeError("closed")))):
        consumer = consumer_with(*pair)
        consumer._notice_dead_task()
        consumer._notice_dead_task()
        assert consumer.steering.halted
        assert "died of" in (consumer.steering.progress.stuck() or "")
    alive.cancel()


def connection_with(*requests: object) -> SimpleNamespace:
    return SimpleNamespace(_requests=[*requests])


def test_a_broker_that_owes_an_answer_is_late_until_it_gives_it() -> None:
    time_s = 0.0
    answers = Answers(lambda: time_s)
    records, group = (1, ConnectionGroup.DEFAULT), (1, ConnectionGroup.COORDINATION)
    client = SimpleNamespace(_conns={records: connection_with("fetch 1"), group: connection_with("join")})
    assert answers.late_s(client) == 0
    time_s = 4.0
    assert answers.late_s(client) == 4
    client._conns[records]._requests = ["fetch 2"]
    assert answers.late_s(client) == 0, "the first was answered, the next is new"
    time_s = 10.0
    assert answers.late_s(client) == 6
    client._conns[records]._requests = []
    assert answers.late_s(client) == 0, "the coordinator may take its time"
    assert answers.late_s(object()) == 0


async def test_a_consumer_of_a_silent_broker_waits_for_kafka_and_goes_on_when_it_answers() -> None:
    alive = asyncio.ensure_future(living())
    times = [0.0]
    consumer = consumer_with(alive, alive)
    consumer.steering = Steering(Progress("group-1", clock=lambda: times[-1], waiting_on=None))
    connection = connection_with("fetch 1")
    client: Any = SimpleNamespace(_conns={(1, ConnectionGroup.DEFAULT): connection})
    consumer._client = client
    for at, waits in ((0.0, None), (5.0, None), (5.1, "kafka"), (60.0, "kafka")):
        times.append(at)
        consumer._notice_outage()
        assert consumer.steering.progress.waiting_on == waits
    assert consumer.steering.progress.stuck() is None
    connection._requests = ["fetch 2"]
    consumer._notice_outage()
    assert consumer.steering.progress.waiting_on is None
    alive.cancel()
