"""How is intake put together from its ports: the handler of `rfi.submitted`, and the HTTP side?

Both share the look-ups of regions, which take a moment to build.
"""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from schemas.topics import Group, Topic
from services.core.ports import Clock, Publisher
from services.core.stores import IdempotencyStore, PublisherStore, RefusalStore, RfiStore
from services.intake.access import Access
from services.intake.handler import DEFAULT_SOURCE, IntakeHandler
from services.intake.http import create_app
from services.intake.metrics import IntakeMetrics
from services.intake.regions import Regions
from services.intake.status import StatusReader
from services.intake.submit import Submitter

#: What the handler is subscribed to.
TOPICS = (Topic.RFI_SUBMITTED,)
GROUP = Group.INTAKE


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakePorts:
    """What intake needs of the world."""

    rfis: RfiStore
    refusals: RefusalStore
    idempotency: IdempotencyStore
    publishers: PublisherStore
    publisher: Publisher
    clock: Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """The two sides of the process."""

    handler: IntakeHandler
    http: FastAPI


def build(
    ports: IntakePorts,
    *,
    requests_per_minute: int = 6000,
    default_source: str = DEFAULT_SOURCE,
    regions: Regions | None = None,
    registry: CollectorRegistry | None = None,
) -> Intake:
    """Both sides over the same ports.

    Args:
        ports: stores, Kafka and clock.
        requests_per_minute: of one publisher, in this instance.
        default_source: of plain records that name none.
        regions: look-ups to share; built here when absent, which takes about 0.2 s.
        registry: for the counters.
    """
    shared = regions or Regions()
    handler = IntakeHandler(
        ports.rfis,
        ports.refusals,
        ports.publisher,
        ports.clock,
        regions=shared,
        default_source=default_source,
        metrics=IntakeMetrics(registry or CollectorRegistry()),
    )
    http = create_app(
        Access(ports.publishers, requests_per_minute),
        Submitter(ports.rfis, ports.idempotency, ports.publisher, ports.clock, regions=shared),
        StatusReader(ports.rfis, ports.refusals, ports.idempotency),
    )
    return Intake(handler=handler, http=http)
