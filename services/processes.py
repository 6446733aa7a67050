"""What each process consists of: its consumers and the loops beside them, put together from the world and a room."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

import structlog

from schemas.topics import TOPICS, Group, Topic
from services.adapters.gauges import StoreGauges, clock_gauges
from services.adapters.health import Health, health_app
from services.adapters.kafka.broker import make_broker
from services.adapters.kafka.dead_letters import DeadLetters
from services.adapters.kafka.delivery import Delivery
from services.adapters.kafka.metrics import DeliveryMetrics
from services.adapters.kafka.subscription import Subscription, Timing
from services.adapters.mail.smtp import Relay, SmtpMailer
from services.adapters.process import Loop, http_loop, repeat, run_loops
from services.adapters.regions import parent_of
from services.adapters.settings import Settings
from services.adapters.wire import (
    event_of,
    outgoing,
    profile_of,
    standing_of,
    standing_outgoing,
    tick_of,
    tick_outgoing,
    type_of,
)
from services.bootstrap import World, kafka_security, prepare, unopened_world
from services.core.errors import Fatal, Transient
from services.core.ports import BatchHandler
from services.expirer.sweep import ExpirerHandler, Tick
from services.expirer.ticker import Ticker
from services.intake.app import IntakePorts
from services.intake.app import build as build_intake
from services.notifier.app import NotifierPorts
from services.notifier.app import build as build_notifier
from services.notifier.mime import Sender
from services.notifier.sender import SenderLimits
from services.portal_wiring import portal_app
from services.router.app import RouterPorts
from services.router.app import build as build_router
from services.statistics.app import StatisticsPorts
from services.statistics.app import build as build_statistics

log = structlog.get_logger("process")

#: Wait between attempts to reach the engines at the start, seconds.
KNOCK_EVERY_S = 0.5

#: What a stop may take beyond the grace of the batch in hand: leaving the groups, closing connections, seconds.
STOP_SLACK_S = 10.0

#: A mail server may take 10 minutes over the final dot (RFC 5321); senders silent for longer are stuck.
SENDERS_STUCK_AFTER_S = 900.0

#: How often the expirer looks how much is unfinished in the database, seconds.
GAUGES_EVERY_S = 15.0

#: How often a router counts the open referrals of profiles with a capacity anew, seconds.
CAPACITY_EVERY_S = 5.0

#: How often a router sees whether other rules hold, seconds.
RULES_EVERY_S = 5.0

TICK_PARTITIONS = next(spec.partitions for spec in TOPICS if spec.topic is Topic.CLOCK_TICKS)


@dataclass(slots=True)
class Sending:
    """Whether the notifier's senders get on; they tell at least once a second unless a mail server is very slow."""

    at: float = field(default_factory=time.monotonic)

    def progressed(self) -> None:
        """A sender got on."""
        self.at = time.monotonic()

    def stuck(self) -> str | None:
        """Why the process should be replaced, or None."""
        idle_s = time.monotonic() - self.at
        return f"no sender got on for {idle_s:.0f} s" if idle_s > SENDERS_STUCK_AFTER_S else None


@dataclass(slots=True)
class Parts:
    """What a process runs: consumers, loops beside them, and what is closed at the end."""

    delivery: Delivery
    loops: dict[str, Loop] = field(default_factory=dict)
    before: list[Callable[[], Awaitable[None]]] = field(default_factory=list)
    #: Done before the first record is consumed.
    after: list[Callable[[], Awaitable[None]]] = field(default_factory=list)
    health: Health = field(default_factory=lambda: Health(""))


async def run_process(process: str, settings: Settings) -> int:
    """Run one of PROCESSES until it is told to stop; returns the exit code."""
    health = Health(process)
    started = asyncio.Event()
    health.add(ready=lambda: None if started.is_set() else "starting: waits for Kafka and MongoDB")
    async with unopened_world(settings, process) as world:
        parts = PROCESSES[process](world, _delivery(world), health)

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


def _consume(world: World, parts: Parts, group: Group, topics: tuple[Topic, ...], handler: BatchHandler) -> None:
    if world.faults is not None:
        handler = world.faults.handler(group, handler)
    parts.delivery.subscribe(
        Subscription(topics=topics, group=group, max_records=world.settings.batch_records), handler
    )


def _parts(world: World, delivery: Delivery, health: Health) -> Parts:
    health.add(live=delivery.stuck, ready=delivery.unready)
    clock_gauges(world.registry, world.clock)
    return Parts(delivery=delivery, loops={"clock": world.clock.run}, health=health)


def intake(world: World, delivery: Delivery, health: Health) -> Parts:
    """RFIs in, over Kafka and HTTP."""
    parts = _parts(world, delivery, health)
    stores, settings = world.stores, world.settings
    ports = IntakePorts(
        rfis=stores.rfis,
        refusals=stores.refusals,
        idempotency=stores.idempotency,
        publishers=stores.publishers,
        publisher=world.publisher,
        clock=world.clock,
    )
    made = build_intake(
        ports, requests_per_minute=settings.requests_per_minute, regions=world.regions, registry=world.registry
    )
    _consume(world, parts, Group.INTAKE, (Topic.RFI_SUBMITTED,), made.handler)
    parts.loops["http"] = http_loop(made.http, settings.intake_host, settings.intake_port)
    return parts


def router(world: World, delivery: Delivery, health: Health) -> Parts:
    """Accepted RFIs to partners; customers' decisions to siblings."""
    parts = _parts(world, delivery, health)
    stores = world.stores
    made = build_router(
        RouterPorts(
            rfis=stores.rfis,
            referrals=stores.referrals,
            partners=stores.partners,
            publisher=world.publisher,
            publish_referrals=world.relay.publish_and_clear,
            publish_rfis=world.relay.publish_and_clear,
            clock=world.clock,
            feed=world.follower,
            decode_event=event_of,
            encode_event=outgoing,
            type_of=type_of,
            decode_profile=profile_of,
            decode_standing=standing_of,
            pasts=stores.pasts,
            rules=stores.rules,
            parent_of=parent_of,
            policies=world.policies,
            max_rounds=world.settings.max_rounds,
        )
    )
    parts.before.append(made.prepare)
    _consume(world, parts, Group.ROUTER, (Topic.RFI_ACCEPTED,), made.handler)
    _consume(world, parts, Group.ROUTER_ENGAGEMENTS, (Topic.ENGAGEMENT_EVENTS,), made.siblings)
    _consume(world, parts, Group.ROUTER_NEXT_BEST, (Topic.REFERRAL_EVENTS,), made.next_best)
    parts.loops["profiles"] = made.view.follow
    parts.loops["standings"] = made.standings.follow
    parts.loops["rules"] = repeat(made.ruling.look, RULES_EVERY_S)
    parts.loops["capacity"] = repeat(made.refresh_capacity, CAPACITY_EVERY_S)
    parts.loops["relay"] = repeat(world.relay.sweep, world.settings.relay_every_s)
    return parts


def notifier(world: World, delivery: Delivery, health: Health) -> Parts:
    """Events to mails."""
    parts = _parts(world, delivery, health)
    stores, settings = world.stores, world.settings
    host, _, port = settings.smtp.rpartition(":")
    mailer = SmtpMailer(
        Relay(
            host=host,
            port=int(port),
            user=settings.smtp_user,
            password=settings.smtp_password.get_secret_value() if settings.smtp_password else None,
            tls=settings.smtp_tls,
            ca_file=settings.smtp_ca_file,
            connections=settings.smtp_connections,
        )
    )
    if world.faults is not None:
        mailer = world.faults.port("mailer", mailer)
    sending = Sending()
    health.add(live=sending.stuck)
    made = build_notifier(
        NotifierPorts(
            rfis=stores.rfis,
            referrals=stores.referrals,
            partners=stores.partners,
            jobs=stores.jobs,
            mailer=mailer,
            clock=world.clock,
            decode=event_of,
            signer=world.links,
        ),
        owner=world.name,
        sender=Sender(address=settings.mail_from, domain=settings.mail_domain),
        base_url=settings.base_url,
        policies=world.policies,
        registry=world.registry,
        limits=SenderLimits(batch=settings.mail_batch, lease=timedelta(seconds=settings.mail_lease_s)),
        progressed=sending.progressed,
    )
    parts.before.append(made.prepare)
    _consume(world, parts, Group.NOTIFIER, (Topic.REFERRAL_EVENTS, Topic.ENGAGEMENT_EVENTS), made.handler)
    parts.loops["senders"] = made.senders.run
    parts.after.append(mailer.close)
    return parts


def expirer(world: World, delivery: Delivery, health: Health) -> Parts:
    """Time: ticks, reminders, expiry; and whatever crashes of any process left in outboxes."""
    parts = _parts(world, delivery, health)
    settings = world.settings
    handler = ExpirerHandler(
        referrals=world.stores.referrals,
        publish=world.relay.publish_and_clear,
        clock=world.clock,
        policies=world.policies,
        decode=lambda record: Tick(*tick_of(record)),
    )
    _consume(world, parts, Group.EXPIRER, (Topic.CLOCK_TICKS,), handler)
    ticker = Ticker(
        publisher=world.publisher,
        clock=world.clock,
        encode=partial(tick_outgoing, partitions=TICK_PARTITIONS),
        leads=lambda: delivery.owns(Topic.CLOCK_TICKS, 0),
        every_s=settings.tick_every_s,
    )
    parts.loops["ticker"] = ticker.run
    gauges = StoreGauges(
        world.registry, aside=world.stores.aside, jobs=world.stores.jobs, clock=world.clock, disk=world.mongo
    )
    parts.loops["gauges"] = repeat(gauges.refresh, GAUGES_EVERY_S)
    parts.loops["relay"] = repeat(world.relay.sweep, settings.relay_every_s)
    return parts


def statistics(world: World, delivery: Delivery, health: Health) -> Parts:
    """Outcomes of referrals to what is known of each profile."""
    parts = _parts(world, delivery, health)
    stores = world.stores
    made = build_statistics(
        StatisticsPorts(
            rfis=stores.rfis,
            referrals=stores.referrals,
            pasts=stores.pasts,
            publisher=world.publisher,
            decode_event=event_of,
            type_of=type_of,
            encode_standing=standing_outgoing,
        )
    )
    _consume(world, parts, Group.STATISTICS, (Topic.REFERRAL_EVENTS,), made.handler)
    parts.loops["standings"] = repeat(made.standings.sweep, world.settings.relay_every_s)
    return parts


def portal(world: World, delivery: Delivery, health: Health) -> Parts:
    """Pages and API; it consumes nothing."""
    parts = _parts(world, delivery, health)
    at, app = world.settings, portal_app(world)
    parts.loops["http"] = http_loop(app, at.portal_host, at.portal_port, connections=at.portal_connections)
    return parts


PROCESSES: dict[str, Callable[[World, Delivery, Health], Parts]] = {
    "intake": intake,
    "router": router,
    "notifier": notifier,
    "expirer": expirer,
    "statistics": statistics,
    "portal": portal,
}
