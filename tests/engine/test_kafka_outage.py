"""Kafka goes away and comes back: nobody waits for ever, nothing acknowledged is lost, nothing has to be restarted."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.adapters.kafka.follower import Follower
from services.adapters.kafka.producer import KafkaPublisher
from services.core.errors import DependencyUnavailable
from services.engines.bundled.together import BundledEngines
from services.engines.locations import free_port
from tests.engines import breakable
from tests.kafka_world import Handled, World, consuming, new_topic, outgoing, until


@pytest.fixture
def engines(tmp_path: Path) -> Iterator[BundledEngines]:
    with breakable(tmp_path, kafka=True) as running:
        yield running


async def test_a_consumer_and_a_publisher_outlive_the_death_of_the_broker(engines: BundledEngines) -> None:
    kafka = engines.endpoints.kafka
    topic = await new_topic(kafka, partitions=2)
    publisher = KafkaPublisher(kafka, publish_timeout_s=2.0, stop_timeout_s=1.0)
    handled = Handled()
    async with consuming(kafka, topic, handled) as world:
        await publisher.publish(outgoing(topic, "before"))
        await until(lambda: "before" in handled.values())
        engines["kafka"].kill()
        for _ in range(4):  # Beyond the number of failures after which the producer is replaced.
            with pytest.raises(DependencyUnavailable, match="kafka"):
                await publisher.publish(outgoing(topic, "during"))
        await until(lambda: "waiting on kafka" in (world.delivery.unready() or ""))
        assert world.delivery.stuck() is None
        engines["kafka"].start()

        async def accepted() -> bool:
            try:
                await publisher.publish(outgoing(topic, "after"))
            except DependencyUnavailable:
                return False
            return True

        await until(accepted, within_s=30)
        await until(lambda: "after" in handled.values(), within_s=30)
        await until(lambda: world.delivery.unready() is None)
        await publisher.stop()


async def test_stopping_does_not_wait_for_a_kafka_that_is_gone(engines: BundledEngines) -> None:
    kafka = engines.endpoints.kafka
    topic = await new_topic(kafka)
    publisher = KafkaPublisher(kafka, publish_timeout_s=1.0, stop_timeout_s=1.0)
    await publisher.publish(outgoing(topic, "a"))
    world = World(kafka, topic, "group-gone", Handled())
    await world.delivery.start()
    engines["kafka"].kill()
    with pytest.raises(DependencyUnavailable):
        await publisher.publish(outgoing(topic, "b"))
    async with asyncio.timeout(15):
        await world.delivery.stop()
        await publisher.stop()


async def test_a_process_that_starts_before_kafka_works_once_kafka_is_there(tmp_path: Path) -> None:
    with breakable(tmp_path, kafka=True) as engines:
        kafka = engines.endpoints.kafka
        topic = await new_topic(kafka)
        engines["kafka"].kill()
        handled = Handled()
        world = World(kafka, topic, "group-early", handled)
        stop = asyncio.Event()
        running = asyncio.create_task(world.delivery.run(stop))
        await until(lambda: "waiting on kafka" in (world.delivery.unready() or ""))
        assert world.delivery.stuck() is None
        engines["kafka"].start()
        publisher = KafkaPublisher(kafka)
        await publisher.publish(outgoing(topic, "a"))
        await until(lambda: handled.values() == ["a"], within_s=60)
        stop.set()
        await running
        await publisher.stop()


async def test_without_any_kafka_every_door_says_so_in_time() -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    publisher = KafkaPublisher(nowhere, publish_timeout_s=1.0)
    with pytest.raises(DependencyUnavailable, match="kafka"):
        await publisher.publish(outgoing("any", "a"))
    with pytest.raises(DependencyUnavailable, match="kafka"):
        await publisher.start()
    await publisher.stop()
    with pytest.raises(DependencyUnavailable, match=nowhere):
        await Follower(nowhere).end_offsets(["any"])
