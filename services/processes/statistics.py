"""What the process `statistics` consists of: outcomes in, standings out."""

from __future__ import annotations

from schemas.topics import Group, Topic
from services.adapters.health import Health
from services.adapters.kafka.delivery import Delivery
from services.adapters.process import repeat
from services.adapters.wire import event_of, type_of
from services.bootstrap import World
from services.running import Parts, consume, parts_of
from services.statistics.app import StatisticsPorts
from services.statistics.app import build as build_statistics
from services.statistics.medians import MedianKeeper

#: How often it is seen whether medians are old, seconds.
MEDIANS_EVERY_S = 60.0


def assemble(world: World, delivery: Delivery, health: Health) -> Parts:
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
            encode_standing=world.standings.outgoing,
        )
    )
    consume(world, parts, Group.STATISTICS, (Topic.REFERRAL_EVENTS,), made.handler)
    parts.loops["standings"] = repeat(made.standings.sweep, world.settings.relay_every_s)
    medians = MedianKeeper(
        insights=stores.insights,
        partners=stores.partners,
        clock=world.clock,
        leads=lambda: delivery.owns(Topic.REFERRAL_EVENTS, 0),
    )
    parts.loops["medians"] = repeat(medians.refresh, MEDIANS_EVERY_S)
    return parts
