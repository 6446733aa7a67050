"""What do tests of the router need? A whole router over twins, any of whose calls can be made to fail."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from prometheus_client import CollectorRegistry

from schemas.topics import TOPICS, Group, Topic
from services.adapters import wire
from services.adapters.kafka.dead_letters import DeadLetters
from services.adapters.kafka.metrics import DeliveryMetrics
from services.adapters.kafka.subscription import Subscription
from services.adapters.memory.clock import TurnableClock
from services.adapters.memory.faults import Faults, faulty
from services.adapters.memory.kafka import MemoryConsumer, MemoryLog, MemoryPublisher
from services.adapters.memory.stores import MemoryStores
from services.adapters.outbox import OutboxRelay
from services.core.creation import accepted_event
from services.core.errors import DependencyUnavailable
from services.core.events import Event
from services.core.partner import Profile
from services.core.ports import BatchHandler, Outgoing, Record
from services.core.rfi import Rfi
from services.processes.router_ports import router_ports
from services.router.app import Router, build
from services.router.handler import PORTION
from tests.builders import START


def nothing() -> None:
    """What happens unless a test has set something."""


class InterruptingClock(TurnableClock):
    """`interrupt` happens whenever the time is asked for, which the router does between loading and writing."""

    interrupt: Callable[[], None] = staticmethod(nothing)

    def now(self) -> datetime:
        self.interrupt()
        return super().now()


class FaultyPublisher:
    """A publisher that fails as its faults say: before it has written anything, or when all is written."""

    def __init__(self, log: MemoryLog, faults: Faults) -> None:
        self.faults = faults
        self._publisher = MemoryPublisher(log)

    @faulty
    async def publish(self, messages: Sequence[Outgoing]) -> None:
        await self._publisher.publish(messages)


class MemoryFeed:
    """Follows topics of a log in memory; ends where the log ends, so that a test can wait for it."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log

    async def end_offsets(self, topics: Collection[str]) -> Mapping[tuple[str, int], int]:
        return {(t, p): len(lane) for t in topics for p, lane in enumerate(self._log.partitions(t))}

    async def follow(
        self, topics: Collection[str], start: Mapping[tuple[str, int], int]
    ) -> AsyncIterator[list[Record]]:
        for topic in topics:
            for partition, lane in enumerate(self._log.partitions(topic)):
                yield lane[start.get((topic, partition), 0) :]


class RouterWorld:
    """One router process and the world around it, in memory."""

    def __init__(self, portion: int = PORTION) -> None:
        self.portion = portion
        self.faults = Faults()
        self.stores = MemoryStores(self.faults)
        self.log = MemoryLog({str(spec.topic): 2 for spec in TOPICS})
        self.clock = InterruptingClock(START)
        self.publisher = FaultyPublisher(self.log, self.faults)
        self.relay = OutboxRelay(
            rfis=self.stores.rfis,
            referrals=self.stores.referrals,
            partners=self.stores.partners,
            publisher=self.publisher,
            clock=self.clock,
        )
        self.restart()

    def restart(self) -> None:
        """A new process: nothing in memory, everything in the stores and in the log."""
        self.router: Router = build(
            router_ports(
                self.stores,
                publisher=self.publisher,
                outboxes=self.relay,
                clock=self.clock,
                feed=MemoryFeed(self.log),
            ),
            portion=self.portion,
        )
        self.routing = self._consumer(Topic.RFI_ACCEPTED, Group.ROUTER, self.router.handler)
        self.siblings = self._consumer(Topic.ENGAGEMENT_EVENTS, Group.ROUTER_ENGAGEMENTS, self.router.siblings)
        self.next_best = self._consumer(Topic.REFERRAL_EVENTS, Group.ROUTER_NEXT_BEST, self.router.next_best)

    def _consumer(self, topic: Topic, group: Group, handler: BatchHandler) -> MemoryConsumer:
        letters = DeadLetters(
            self.stores.dead_letters,
            MemoryPublisher(self.log),
            now=self.clock.now,
            metrics=DeliveryMetrics(CollectorRegistry()),
        )
        return MemoryConsumer(self.log, Subscription(topics=(topic,), group=group), handler, letters)

    async def with_profiles(self, *profiles: Profile) -> None:
        """Store profiles and start the router."""
        await self.stores.partners.put_profiles(profiles)
        await self.router.prepare()

    async def accept(self, *rfis: Rfi) -> None:
        """Store RFIs as intake does, and tell of them."""
        await self.stores.rfis.add(rfis)
        await self.tell(*(accepted_event(rfi) for rfi in rfis))

    async def tell(self, *events: Event) -> None:
        """Put events on their topics."""
        await MemoryPublisher(self.log).publish([wire.outgoing(event) for event in events])

    def told(self, topic: Topic) -> list[Event]:
        """All events on a topic, partition by partition."""
        return [wire.event_of(record) for record in self.log.records(topic)]

    def end_state(self) -> dict[str, Any]:
        """All that may not depend on what failed on the way: documents, and first appearances of events by document."""
        told: dict[str, list[Event]] = {}
        for topic in (Topic.ENGAGEMENT_EVENTS, Topic.REFERRAL_EVENTS):
            for event in self.told(topic):
                mine = told.setdefault(event.subject, [])
                if event not in mine:
                    mine.append(event)
        ids = Counter(event.id for events in told.values() for event in events)
        assert all(number == 1 for number in ids.values()), "one id was told with different words"
        return {
            "rfis": dict(self.stores.rfis.stored),
            "referrals": dict(self.stores.referrals.stored),
            "told": told,
        }


async def through(consumer: MemoryConsumer) -> None:
    """Take every batch to its end; one that is put back comes again."""
    for _ in range(10):
        if not await consumer.drain() and consumer.waiting_on is None:
            return
    raise AssertionError("the batch never got through")


async def crash_at_any_call(
    busy_world: Callable[[], Awaitable[RouterWorld]],
    consumer: Callable[[RouterWorld], MemoryConsumer],
    *,
    after: bool,
    restarted: bool,
) -> None:
    """Whatever call of a batch fails, the world ends as one in which nothing did.

    Args:
        busy_world: makes a world in which one consumer has something to do.
        consumer: which one.
        after: the call fails after its effect, not before.
        restarted: the process is started anew then.
    """
    clean = await busy_world()
    first = len(clean.faults.calls)
    await through(consumer(clean))
    calls = clean.faults.calls[first:]
    assert {call.partition(".")[2] for call in calls} >= {"load", "save", "add", "publish", "clear_outbox"}
    for number in range(first, first + len(calls)):
        world = await busy_world()
        world.faults.fail_call(number, after=after)
        await consumer(world).step()
        assert isinstance(consumer(world).waiting_on, DependencyUnavailable)
        if restarted:
            world.restart()
            await world.router.prepare()
        await through(consumer(world))
        await world.relay.sweep()
        world.clock.advance(timedelta(seconds=10))
        await world.relay.sweep()
        assert world.end_state() == clean.end_state(), calls[number - first]
