"""How does a process live: wait for the engines, consume and loop side by side, end when told or when a part dies?"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog

from schemas.topics import Group, Topic
from services.adapters.gauges import clock_gauges
from services.adapters.health import Health, health_app
from services.adapters.kafka.broker import make_broker
from services.adapters.kafka.dead_letters import DeadLetters
from services.adapters.kafka.delivery import Delivery
from services.adapters.kafka.metrics import DeliveryMetrics
from services.adapters.kafka.subscription import DamagedHandler, Subscription, Timing
from services.adapters.process import Loop, http_loop, run_loops
from services.adapters.settings import Settings
from services.bootstrap import World, kafka_security, prepare, unopened_world
from services.core.errors import Fatal, Transient
from services.core.ports import BatchHandler

log = structlog.get_logger("process")

#: Wait between attempts to reach the engines at the start, seconds.
KNOCK_EVERY_S = 0.5

#: What a stop may take beyond the grace of the batch in hand: leaving the groups, closing connections, seconds.
STOP_SLACK_S = 10.0


@dataclass(slots=True)
class Parts:
    """What a process runs: consumers, loops beside them, and what is closed at the end."""

    delivery: Delivery
    loops: dict[str, Loop] = field(default_factory=dict)
    before: list[Callable[[], Awaitable[None]]] = field(default_factory=list)
    #: Done before the first record is consumed.
    after: list[Callable[[], Awaitable[None]]] = field(default_factory=list)
    health: Health = field(default_factory=lambda: Health(""))


#: Puts a process together; opens nothing.
Assemble = Callable[[World, Delivery, Health], Parts]


async def run(process: str, assemble: Assemble, settings: Settings) -> int:
    """Run a process until it is told to stop; returns the exit code."""
    health = Health(process)
    started = asyncio.Event()
    health.add(ready=lambda: None if started.is_set() else "starting: waits for Kafka and MongoDB")
    async with unopened_world(settings, process) as world:
        parts = assemble(world, _delivery(world), health)

        async def work(stop: asyncio.Event) -> None:
            if await _engines_answer(world, parts, stop):
                started.set()
                await _side_by_side(parts, stop)

        loops: dict[str, Loop] = {
            "health": http_loop(health_app(health, world.registry), settings.health_host, settings.health_port),
            "work": work,
        }
        if "http" in parts.loops:
            loops["http"] = parts.loops.pop("http")
        return await run_loops(loops, grace_s=settings.shutdown_grace_s + STOP_SLACK_S)


async def _engines_answer(world: World, parts: Parts, stop: asyncio.Event) -> bool:
    """Wait for the engines, however long; true when all is prepared, false when told to stop before."""
    while not stop.is_set():
        try:
            await world.clock.start()
            await prepare(world)
            for step in parts.before:
                await step()
        except Transient as error:
            log.warning("engines_awaited", reason=str(error))
            await asyncio.sleep(KNOCK_EVERY_S)
        else:
            return True
    return False


async def _side_by_side(parts: Parts, stop: asyncio.Event) -> None:
    """Run consumers and loops; the first that fails ends the others."""
    try:
        async with asyncio.TaskGroup() as group:
            for name, loop in {"delivery": parts.delivery.run, **parts.loops}.items():
                group.create_task(_until_stopped(name, loop, stop))
    finally:
        for step in parts.after:
            await step()


async def _until_stopped(name: str, loop: Loop, stop: asyncio.Event) -> None:
    await loop(stop)
    if not stop.is_set():
        raise Fatal(f"the loop {name} ended by itself")


def _delivery(world: World) -> Delivery:
    settings = world.settings
    metrics = DeliveryMetrics(world.registry)
    return Delivery(
        make_broker(
            settings.kafka,
            client_id=world.name,
            security=kafka_security(settings),
            drain_s=settings.shutdown_grace_s,
        ),
        admin=world.admin,
        dead_letters=DeadLetters(world.stores.dead_letters, world.publisher, now=world.clock.real_now, metrics=metrics),
        metrics=metrics,
        timing=Timing(drain_s=settings.shutdown_grace_s, batch_limit_s=settings.batch_limit_s),
        instance=f"{world.process}-{settings.instance}" if settings.static_member else None,
    )


def consume(
    world: World,
    parts: Parts,
    group: Group,
    topics: tuple[Topic, ...],
    handler: BatchHandler,
    *,
    damaged: DamagedHandler | None = None,
) -> None:
    """Give the records of topics to a handler, in a group; those that can't be decoded to `damaged`, if it is given."""
    if world.faults is not None:
        handler = world.faults.handler(group, handler)
    parts.delivery.subscribe(
        Subscription(topics=topics, group=group, max_records=world.settings.batch_records, damaged=damaged), handler
    )


def parts_of(world: World, delivery: Delivery, health: Health) -> Parts:
    """The parts that every process has."""
    health.add(live=delivery.stuck, ready=delivery.unready)
    clock_gauges(world.registry, world.clock)
    return Parts(delivery=delivery, loops={"clock": world.clock.run}, health=health)
