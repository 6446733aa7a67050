"""What the process `intake` consists of: RFIs in, over Kafka and HTTP."""

from __future__ import annotations

from schemas.topics import Group, Topic
from services.adapters.health import Health
from services.adapters.kafka.delivery import Delivery
from services.adapters.process import http_loop
from services.bootstrap import World
from services.intake.app import IntakePorts
from services.intake.app import build as build_intake
from services.running import Parts, consume, parts_of


def assemble(world: World, delivery: Delivery, health: Health) -> Parts:
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
    consume(world, parts, Group.INTAKE, (Topic.RFI_SUBMITTED,), made.handler, damaged=made.handler.damaged)
    parts.loops["http"] = http_loop(made.http, settings.intake_host, settings.intake_port)
    return parts
