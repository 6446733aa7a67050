"""What the process `webhooks` consists of: events in, calls to partners' programs out."""

from __future__ import annotations

from datetime import timedelta

from schemas.topics import Group, Topic
from services.adapters.health import Health
from services.adapters.kafka.delivery import Delivery
from services.adapters.webhook_http import HttpWebhookCaller
from services.adapters.wire import (
    event_of,
)
from services.bootstrap import World
from services.processes.sending import Sending
from services.running import Parts, consume, parts_of
from services.webhooks.app import WebhookPorts
from services.webhooks.app import build as build_webhooks
from services.webhooks.sender import SenderLimits


def assemble(world: World, delivery: Delivery, health: Health) -> Parts:
    """Events of referrals to partners' programs."""
    parts = parts_of(world, delivery, health)
    caller = HttpWebhookCaller(private=world.settings.webhook_private_addresses)
    if world.faults is not None:
        caller = world.faults.port("caller", caller)
    sending = Sending()
    health.add(live=sending.stuck)
    made = build_webhooks(
        WebhookPorts(store=world.stores.webhooks, caller=caller, clock=world.clock, decode=event_of),
        owner=world.name,
        base_url=world.settings.base_url,
        limits=SenderLimits(lease=timedelta(seconds=world.settings.webhook_lease_s)),
        progressed=sending.progressed,
    )
    consume(world, parts, Group.WEBHOOKS, (Topic.REFERRAL_EVENTS,), made.handler)
    parts.loops["sender"] = made.sender.run
    parts.after.append(caller.close)
    return parts
