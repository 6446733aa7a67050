"""What the process `expirer` consists of: ticks, sweeps, gauges, what crashes left unsent, and erasures."""

from __future__ import annotations

from functools import partial

from schemas.topics import TOPICS, Group, Topic
from services.adapters.gauges import StoreGauges
from services.adapters.health import Health
from services.adapters.kafka.delivery import Delivery
from services.adapters.process import repeat
from services.adapters.wire import (
    tick_of,
    tick_outgoing,
)
from services.bootstrap import World
from services.customer_data import customer_data, retention
from services.expirer.digests import DigestSweep
from services.expirer.sweep import ExpirerHandler, Tick
from services.expirer.ticker import Ticker
from services.running import Parts, consume, parts_of

#: How often the expirer looks how much is unfinished in the database, seconds.
GAUGES_EVERY_S = 15.0

#: How often it is seen whether the clock of a sandbox was shifted, seconds: somebody waits for what that brings about.
SHIFT_SEEN_S = 0.1

TICK_PARTITIONS = next(spec.partitions for spec in TOPICS if spec.topic is Topic.CLOCK_TICKS)


def assemble(world: World, delivery: Delivery, health: Health) -> Parts:
    """Time: ticks, reminders, expiry; and whatever crashes of any process left in outboxes."""
    parts = parts_of(world, delivery, health)
    settings = world.settings
    handler = ExpirerHandler(
        referrals=world.stores.referrals,
        publish=world.relay.publish_and_clear,
        clock=world.clock,
        policies=world.policies,
        decode=lambda record: Tick(*tick_of(record)),
        digests=DigestSweep(users=world.stores.users, jobs=world.stores.jobs, clock=world.clock),
    )
    consume(world, parts, Group.EXPIRER, (Topic.CLOCK_TICKS,), handler)
    ticker = Ticker(
        publisher=world.publisher,
        clock=world.clock,
        encode=partial(tick_outgoing, partitions=TICK_PARTITIONS),
        leads=lambda: delivery.owns(Topic.CLOCK_TICKS, 0),
        every_s=settings.tick_every_s,
        look_s=SHIFT_SEEN_S if settings.sandbox else None,
    )
    parts.loops["ticker"] = ticker.run
    gauges = StoreGauges(
        world.registry,
        aside=world.stores.aside,
        jobs=world.stores.jobs,
        webhooks=world.stores.webhooks,
        clock=world.clock,
        disk=world.mongo,
    )
    parts.loops["gauges"] = repeat(gauges.refresh, GAUGES_EVERY_S)
    parts.loops["relay"] = repeat(world.relay.sweep, settings.relay_every_s)
    data = customer_data(world)
    parts.loops["erasures"] = repeat(data.eraser.sweep, settings.erasure_sweep_every_s)
    if (ended := retention(world, data)) is not None:
        parts.loops["retention"] = repeat(ended.sweep, settings.retention_sweep_every_s)
    return parts
