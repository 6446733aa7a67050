"""The composition root: opens the world, hands its ports to the rooms, runs one process. Nothing else builds these."""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property
from typing import Literal

from prometheus_client import CollectorRegistry, ProcessCollector

from schemas.topics import TOPICS
from services.adapters import roster
from services.adapters.clock import DatabaseClock
from services.adapters.commands import ReferralCommands
from services.adapters.fault_points import FaultPoints
from services.adapters.kafka.admin import KafkaAdmin
from services.adapters.kafka.follower import Follower
from services.adapters.kafka.producer import KafkaPublisher
from services.adapters.kafka.security import Security
from services.adapters.kafka.submitted import KafkaSubmittedLog
from services.adapters.mongo.driver import Mongo
from services.adapters.mongo.indexes import ensure_indexes
from services.adapters.mongo.stores import MongoStores, stores_of
from services.adapters.outbox import OutboxRelay
from services.adapters.quiet import Quiet
from services.adapters.sealing import Seal
from services.adapters.settings import Settings
from services.adapters.signing import SignedLinks
from services.adapters.standing_seal import SealedStandings
from services.core.codes import PolicyName
from services.core.errors import Misconfigured
from services.core.partner import Partner, Profile
from services.core.policy import POLICIES, Policy
from services.core.ports import Record
from services.core.rfi import Place
from services.intake.regions import Regions


@dataclass(frozen=True, kw_only=True)
class World:
    """Everything that a process or a command may use, opened."""

    settings: Settings
    process: str
    mongo: Mongo
    stores: MongoStores
    clock: DatabaseClock
    publisher: KafkaPublisher
    admin: KafkaAdmin
    relay: OutboxRelay
    commands: ReferralCommands
    quiet: Quiet
    policies: Mapping[PolicyName, Policy]
    registry: CollectorRegistry
    #: None but in tests of faults.
    faults: FaultPoints | None = None

    @property
    def name(self) -> str:
        """Name of this instance; unique among running ones, new at each start."""
        return f"{self.process}-{self.settings.instance}@{socket.gethostname()}:{os.getpid()}"

    @property
    def follower(self) -> Follower:
        """A reader without a group."""
        return Follower(self.settings.kafka, client_id=self.name, security=kafka_security(self.settings))

    @property
    def submitted(self) -> KafkaSubmittedLog:
        """The topic that publishers write to, for erasing."""
        log = KafkaSubmittedLog(self.admin)
        return self.faults.port("submitted", log) if self.faults else log

    @cached_property
    def standings(self) -> SealedStandings:
        """How standings travel; `prepare` loads the key."""
        return SealedStandings(self.stores.secrets)

    @cached_property
    def links(self) -> SignedLinks:
        """What signs the links in mails; `prepare` loads its keys, or `links.load()`."""
        return SignedLinks(self.settings.link_keys.get_secret_value(), self.stores.secrets)

    @cached_property
    def regions(self) -> Regions:
        """Countries, subdivisions and currencies; made at first use, which takes a moment."""
        return Regions()

    def place(self, country: str, subdivision: str | None, city: str | None) -> Place | None:
        """A place from names or codes, or None when country or subdivision is not known."""
        return self.regions.place(country, subdivision, city)

    def follow(self, topics: Collection[str], start: Literal["beginning", "end"]) -> AsyncIterator[list[Record]]:
        """Records of the topics as they come."""
        return self.follower.follow(topics, start)

    async def put_partners(self, partners: Sequence[Partner]) -> None:
        """Store partners; one that is there already gets a next version."""
        await roster.put_partners(self.stores.partners, partners)

    async def put_profiles(self, profiles: Sequence[Profile]) -> None:
        """Store business profiles and publish them to the routers; one that is there already gets a next version."""
        await roster.put_profiles(self.stores.partners, profiles)
        await self.relay.publish_profiles()


def kafka_security(settings: Settings) -> Security:
    """What Kafka's brokers want of the exchange, for every client of it."""
    return Security(
        protocol=settings.kafka_security,
        mechanism=settings.kafka_sasl,
        user=settings.kafka_user,
        password=settings.kafka_password.get_secret_value() if settings.kafka_password else None,
        ca_file=settings.kafka_ca_file,
        cert_file=settings.kafka_cert_file,
        key_file=settings.kafka_key_file,
    )


def policies_of(settings: Settings) -> Mapping[PolicyName, Policy]:
    """The policies with what the settings change."""
    return {
        name: replace(
            policy,
            undo_window=timedelta(seconds=settings.undo_window_s),
            mask_contact_until_accept=settings.mask_contact_until_accept,
        )
        for name, policy in POLICIES.items()
    }


def fault_points(settings: Settings, process: str) -> FaultPoints | None:
    """Where tests break this process; None in production.

    Raises:
        Misconfigured: faults are ordered, and this is no sandbox.
    """
    if settings.fault_points is None:
        return None
    if not settings.sandbox:
        raise Misconfigured("REFERRALS_FAULT_POINTS is for tests in a sandbox: unset it")
    return FaultPoints(settings.fault_points, process)


@asynccontextmanager
async def unopened_world(settings: Settings, process: str) -> AsyncIterator[World]:
    """Everything built, nothing asked yet; what connected is closed at the end. `world.clock.start()` comes next."""
    mongo = Mongo(settings.mongo.get_secret_value(), settings.mongo_database)
    publisher = KafkaPublisher(
        settings.kafka,
        client_id=f"referrals-{process}",
        security=kafka_security(settings),
        publish_timeout_s=settings.publish_timeout_s,
    )
    try:
        yield _world(settings, process, mongo, publisher)
    finally:
        await publisher.stop()
        mongo.close()


@asynccontextmanager
async def open_world(settings: Settings, process: str) -> AsyncIterator[World]:
    """Open everything, and close it at the end; engines that are away are not waited for.

    Raises:
        DependencyUnavailable: MongoDB does not answer.
        Misconfigured: the database's clock is a sandbox's, and this is no sandbox.
    """
    async with unopened_world(settings, process) as world:
        await world.clock.start()
        yield world


def _world(settings: Settings, process: str, mongo: Mongo, publisher: KafkaPublisher) -> World:
    faults = fault_points(settings, process)
    policies = policies_of(settings)
    stores = stores_of(mongo, policies=policies, seal=Seal(settings.store_keys.get_secret_value()))
    if faults is not None:
        stores, publisher = faults.stores(stores), faults.port("publisher", publisher)
    clock = DatabaseClock(mongo, stores.sandbox_clock, sandbox=settings.sandbox)
    admin = KafkaAdmin(settings.kafka, security=kafka_security(settings))
    relay = OutboxRelay(
        rfis=stores.rfis, referrals=stores.referrals, partners=stores.partners, publisher=publisher, clock=clock
    )
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    return World(
        settings=settings,
        process=process,
        mongo=mongo,
        stores=stores,
        clock=clock,
        publisher=publisher,
        admin=admin,
        relay=relay,
        commands=ReferralCommands(
            rfis=stores.rfis, referrals=stores.referrals, relay=relay, clock=clock, policies=policies
        ),
        quiet=Quiet(
            admin=admin,
            rfis=stores.rfis,
            referrals=stores.referrals,
            partners=stores.partners,
            jobs=stores.jobs,
            pasts=stores.pasts,
            webhooks=stores.webhooks,
            clock=clock,
        ),
        policies=policies,
        registry=registry,
        faults=faults,
    )


async def prepare(world: World) -> list[str]:
    """Create missing topics and indexes; returns the topics created. Safe to do at the same time elsewhere."""
    created = await world.admin.create_topics(TOPICS, replication=world.settings.topic_replication)
    await ensure_indexes(world.mongo)
    await world.links.load()
    await world.standings.load()
    return created
