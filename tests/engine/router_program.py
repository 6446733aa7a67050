"""A router process to be killed: routes a topic of its own into a database of its own, a few records at a time.

Usage: router_program.py KAFKA MONGO_SERVER DATABASE TOPIC GROUP
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence

from services.adapters.clock import SystemClock
from services.adapters.kafka.follower import Follower
from services.adapters.kafka.producer import KafkaPublisher
from services.adapters.kafka.subscription import Timing
from services.adapters.mongo.driver import Mongo
from services.adapters.mongo.stores import stores_of
from services.adapters.outbox import OutboxRelay
from services.core.ports import Failure, Record
from services.processes.router_ports import router_ports
from services.router.app import Router, build
from tests.kafka_world import Handled, World


def router_of(kafka: str, mongo: Mongo) -> tuple[Router, KafkaPublisher]:
    """A router over real engines, and what it publishes with."""
    stores, publisher, clock = stores_of(mongo), KafkaPublisher(kafka), SystemClock()
    relay = OutboxRelay(
        rfis=stores.rfis, referrals=stores.referrals, partners=stores.partners, publisher=publisher, clock=clock
    )
    ports = router_ports(stores, publisher=publisher, outboxes=relay, clock=clock, feed=Follower(kafka))
    return build(ports), publisher


async def main(kafka: str, server: str, database: str, topic: str, group: str) -> None:
    with Mongo(server, database) as mongo:
        router, _ = router_of(kafka, mongo)
        await router.prepare()

        async def route(records: Sequence[Record]) -> Sequence[Failure]:
            return await router.handler(records)

        timing = Timing(session_timeout_s=60.0)
        world = World(kafka, topic, group, Handled(route), timing=timing, instance="one", max_records=5)
        await world.delivery.run(asyncio.Event())


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
