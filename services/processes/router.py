"""What the process `router` consists of: three consumers, and the loops that keep its index current."""

from __future__ import annotations

import gc
from dataclasses import replace

from schemas.topics import Group, Topic
from services.adapters.health import Health
from services.adapters.kafka.delivery import Delivery
from services.adapters.process import repeat
from services.bootstrap import World
from services.processes.router_ports import router_ports
from services.router.app import Router
from services.router.app import build as build_router
from services.running import Parts, consume, parts_of

#: How often a router counts the open referrals of profiles with a capacity anew, seconds.
CAPACITY_EVERY_S = 5.0

#: How often a router sees whether other rules hold, seconds.
RULES_EVERY_S = 5.0


def assemble(world: World, delivery: Delivery, health: Health) -> Parts:
    """Accepted RFIs to partners; customers' decisions to siblings."""
    parts = parts_of(world, delivery, health)
    ports = router_ports(
        world.stores,
        publisher=world.publisher,
        outboxes=world.relay,
        clock=world.clock,
        feed=world.follower,
        decode_standing=world.standings.of,
    )
    made = build_router(replace(ports, policies=world.policies, max_rounds=world.settings.max_rounds))
    parts.before.append(lambda: _prepared(made))
    consume(world, parts, Group.ROUTER, (Topic.RFI_ACCEPTED,), made.handler)
    consume(world, parts, Group.ROUTER_ENGAGEMENTS, (Topic.ENGAGEMENT_EVENTS,), made.siblings)
    consume(world, parts, Group.ROUTER_NEXT_BEST, (Topic.REFERRAL_EVENTS,), made.next_best)
    parts.loops["profiles"] = made.view.follow
    parts.loops["standings"] = made.standings.follow
    parts.loops["growing"] = made.grow
    parts.loops["rules"] = repeat(made.ruling.look, RULES_EVERY_S)
    parts.loops["capacity"] = repeat(made.refresh_capacity, CAPACITY_EVERY_S)
    parts.loops["relay"] = repeat(world.relay.sweep, world.settings.relay_every_s)
    return parts


async def _prepared(router: Router) -> None:
    """Prepare it without looking for garbage: what is loaded stays for good, and to walk through it takes seconds."""
    gc.disable()
    try:
        await router.prepare()
    finally:
        gc.enable()
    gc.freeze()
