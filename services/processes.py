"""What each process consists of: its consumers and the loops beside them, put together from the world and a room."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

from schemas.topics import TOPICS, Group, Topic
from services.adapters.gauges import StoreGauges
from services.adapters.health import Health
from services.adapters.kafka.delivery import Delivery
from services.adapters.mail.smtp import Relay, SmtpMailer
from services.adapters.process import http_loop, repeat
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
from services.bootstrap import World
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
from services.running import Assemble, Parts, consume, parts_of, run
from services.statistics.app import StatisticsPorts
from services.statistics.app import build as build_statistics

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


def intake(world: World, delivery: Delivery, health: Health) -> Parts:
    """RFIs in, over Kafka and HTTP."""
    parts = parts_of(world, delivery, health)
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
    consume(world, parts, Group.INTAKE, (Topic.RFI_SUBMITTED,), made.handler)
    parts.loops["http"] = http_loop(made.http, settings.intake_host, settings.intake_port)
    return parts


def router(world: World, delivery: Delivery, health: Health) -> Parts:
    """Accepted RFIs to partners; customers' decisions to siblings."""
    parts = parts_of(world, delivery, health)
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
    consume(world, parts, Group.ROUTER, (Topic.RFI_ACCEPTED,), made.handler)
    consume(world, parts, Group.ROUTER_ENGAGEMENTS, (Topic.ENGAGEMENT_EVENTS,), made.siblings)
    consume(world, parts, Group.ROUTER_NEXT_BEST, (Topic.REFERRAL_EVENTS,), made.next_best)
    parts.loops["profiles"] = made.view.follow
    parts.loops["standings"] = made.standings.follow
    parts.loops["rules"] = repeat(made.ruling.look, RULES_EVERY_S)
    parts.loops["capacity"] = repeat(made.refresh_capacity, CAPACITY_EVERY_S)
    parts.loops["relay"] = repeat(world.relay.sweep, world.settings.relay_every_s)
    return parts


def notifier(world: World, delivery: Delivery, health: Health) -> Parts:
    """Events to mails."""
    parts = parts_of(world, delivery, health)
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
    consume(world, parts, Group.NOTIFIER, (Topic.REFERRAL_EVENTS, Topic.ENGAGEMENT_EVENTS), made.handler)
    parts.loops["senders"] = made.senders.run
    parts.after.append(mailer.close)
    return parts


def expirer(world: World, delivery: Delivery, health: Health) -> Parts:
    """Time: ticks, reminders, expiry; and whatever crashes of any process left in outboxes."""
    parts = parts_of(world, delivery, health)
    settings = world.settings
    handler = ExpirerHandler(
        referrals=world.stores.referrals,
        publish=world.relay.publish_and_clear,
        clock=world.clock,
        policies=world.policies,
        decode=lambda record: Tick(*tick_of(record)),
    )
    consume(world, parts, Group.EXPIRER, (Topic.CLOCK_TICKS,), handler)
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
    parts = parts_of(world, delivery, health)
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
    consume(world, parts, Group.STATISTICS, (Topic.REFERRAL_EVENTS,), made.handler)
    parts.loops["standings"] = repeat(made.standings.sweep, world.settings.relay_every_s)
    return parts


def portal(world: World, delivery: Delivery, health: Health) -> Parts:
    """Pages and API; it consumes nothing."""
    parts = parts_of(world, delivery, health)
    at, app = world.settings, portal_app(world)
    parts.loops["http"] = http_loop(app, at.portal_host, at.portal_port, connections=at.portal_connections)
    return parts


PROCESSES: dict[str, Assemble] = {
    "intake": intake,
    "router": router,
    "notifier": notifier,
    "expirer": expirer,
    "statistics": statistics,
    "portal": portal,
}


async def run_process(process: str, settings: Settings) -> int:
    """Run one of PROCESSES until it is told to stop; returns the exit code."""
    return await run(process, PROCESSES[process], settings)
