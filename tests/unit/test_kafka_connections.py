"""A connection that has just been reset is a broken one, also under uvloop; a consumer whose task died says so."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.conn import AIOKafkaConnection
from aiokafka.errors import KafkaConnectionError, KafkaError
from aiokafka.protocol.admin import ApiVersionRequest

from services.adapters.kafka.connections import expect_closed_transports
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


def consumer_with(fetching: asyncio.Task[None], coordinating: asyncio.Task[None]) -> SteadyConsumer:
    consumer: SteadyConsumer = object.__new__(SteadyConsumer)
    consumer._closed = True  # Nothing to close: it was never opened.
    consumer.steering = Steering(Progress("group-1"))
    consumer._fetcher = SimpleNamespace(_fetch_task=fetching)
    consumer._coordinator = SimpleNamespace(_coordination_task=coordinating)
    return consumer


async def test_a_consumer_whose_fetching_died_is_not_alive() -> None:
    alive = asyncio.ensure_future(asyncio.sleep(60))
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
