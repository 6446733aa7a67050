"""What do crash tests of the whole chain need? All rooms over twins, each killed and started again at will.

Every call to a store, to Kafka or to the mail server goes through one set of faults, so a test can break the n-th.
"""

from __future__ import annotations

import asyncio
import random
import selectors
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from datetime import timedelta
from typing import Any, TypeVar

import orjson
from prometheus_client import CollectorRegistry

from schemas.topics import TOPICS, Group, Topic
from services.adapters import wire
from services.adapters.commands import ReferralCommands
from services.adapters.kafka.dead_letters import DeadLetters
from services.adapters.kafka.metrics import DeliveryMetrics
from services.adapters.kafka.subscription import Subscription
from services.adapters.memory.clock import TurnableClock
from services.adapters.memory.faults import Faults
from services.adapters.memory.kafka import MemoryConsumer, MemoryLog
from services.adapters.memory.mail import MemoryMailer
from services.adapters.memory.stores import MemoryStores
from services.adapters.memory.webhook_caller import MemoryWebhookCaller
from services.adapters.outbox import OutboxRelay
from services.adapters.quiet import READS
from services.adapters.signing import SignedLinks
from services.core.codes import PolicyName
from services.core.commands import Command
from services.core.engagement import ChoosePartner, RfiCommand, WithdrawRfi
from services.core.errors import DependencyUnavailable, Refused, Transient
from services.core.mail import Delivery, Envelope, JobState, Outcome, SendJob
from services.core.policy import POLICIES
from services.core.ports import BatchHandler, Outgoing, Record
from services.core.referral import Referral
from services.core.rfi import Rfi
from services.core.webhooks import Answer, DeliveryState
from services.core.wishes import AskPartner
from services.expirer.sweep import ExpirerHandler, Tick
from services.intake.handler import IntakeHandler
from services.notifier.app import NotifierPorts
from services.notifier.app import build as build_notifier
from services.notifier.handler import NotifierHandler
from services.notifier.mime import Sender
from services.notifier.sender import MailSenders, SenderLimits
from services.processes.router_ports import router_ports
from services.router.app import build as build_router
from services.statistics.app import StatisticsPorts
from services.statistics.app import build as build_statistics
from services.webhooks.app import WebhookPorts
from services.webhooks.app import build as build_webhooks
from services.webhooks.sender import SenderLimits as CallLimits
from tests.builders import SOURCE, START, make_partner, make_profile
from tests.contract.webhook_suite import make_webhook
from tests.router_world import FaultyPublisher, MemoryFeed
from tests.submissions import regions, rfi_json

T = TypeVar("T")

PARTITIONS = 3
LIMITS = SenderLimits()

ROOMS = (
    *("intake", "router", "siblings", "next_best", "notifier", "send", "claim", "tick", "relay"),
    *("statistics", "standings", "webhooks", "call"),
)

#: Rounds after which everything must be done once nothing fails any more.
HEALING_ROUNDS = 40


class Killed(BaseException):
    """kill -9: no handler of ours may catch it."""


class _Impatient(selectors.DefaultSelector):
    """Waits for nothing, and adds up what it would have waited."""

    skipped_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is not None and timeout > 0:
            self.skipped_s += timeout
            timeout = 0
        return super().select(timeout)


class _QuickLoop(asyncio.SelectorEventLoop):
    """An event loop in which pauses take no time."""

    def __init__(self) -> None:
        self._impatient = _Impatient()
        super().__init__(self._impatient)

    def time(self) -> float:
        return super().time() + self._impatient.skipped_s


def quickly(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end without waiting for any pause."""
    with asyncio.Runner(loop_factory=_QuickLoop) as runner:
        return runner.run(work)


class FaultyMailer:
    """A relay that is away, that takes a mail and never says so, or whose client is killed before or after."""

    def __init__(self, faults: Faults) -> None:
        self.faults, self.kept = faults, MemoryMailer()

    async def send(self, envelopes: Sequence[Envelope]) -> Sequence[Delivery]:
        await asyncio.sleep(0)
        fault = self.faults.take("FaultyMailer.send")
        if fault is None:
            return await self.kept.send(envelopes)
        if fault.after:
            await self.kept.send(envelopes)
        if isinstance(fault.error, Killed):
            raise fault.error
        outcome = Outcome.UNKNOWN if fault.after else Outcome.RETRY
        return [Delivery(job_id=envelope.job_id, outcome=outcome) for envelope in envelopes]


class FaultyCaller:
    """A program that is away, that takes a call and never says so, or whose caller is killed before or after."""

    def __init__(self, faults: Faults) -> None:
        self.faults, self.kept = faults, MemoryWebhookCaller()

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        await asyncio.sleep(0)
        fault = self.faults.take("FaultyCaller.post")
        if fault is None:
            return await self.kept.post(url, headers, body)
        if fault.after:
            await self.kept.post(url, headers, body)
        if isinstance(fault.error, Killed):
            raise fault.error
        return Answer(error="no connection")


class ScatteredConsumer(MemoryConsumer):
    """Takes partitions in any order and as many records of each as chance has it."""

    def __init__(self, *args: Any, dice: random.Random) -> None:
        super().__init__(*args)
        self._dice = dice

    def _fetch(self) -> list[Record]:
        lanes = [(topic, n) for topic in self._subscription.topics for n in range(PARTITIONS)]
        self._dice.shuffle(lanes)
        batch: list[Record] = []
        for topic, number in lanes:
            start = self._log.committed.get((self._subscription.group, topic, number), 0)
            batch += self._log.partitions(topic)[number][start : start + self._dice.choice((1, 3, 100))]
        return batch[: self._dice.choice((1, 5, 500))]


class CrashWorld:
    """An exchange in one process; `seed` decides how batches fall."""

    def __init__(self, seed: int = 0) -> None:
        self.dice = random.Random(seed)
        self.faults = Faults()
        self.stores = MemoryStores(self.faults)
        self.log = MemoryLog({str(spec.topic): PARTITIONS for spec in TOPICS})
        self.clock = TurnableClock(START)
        self.publisher = FaultyPublisher(self.log, self.faults)
        self.mailer, self.caller = FaultyMailer(self.faults), FaultyCaller(self.faults)
        #: What commands left that were carried out.
        self.answered: list[Referral] = []
        self._starts = 0
        self._registry = CollectorRegistry()
        self._letters = DeadLetters(
            self.stores.dead_letters,
            FaultyPublisher(self.log, self.faults),
            now=self.clock.now,
            metrics=DeliveryMetrics(self._registry),
        )

    async def begin(self) -> CrashWorld:
        """Three partners with profiles, one of them under the classic policy, and all rooms started."""
        self.partners = [make_partner(n) for n in range(1, 4)]
        await self.stores.partners.put_partners(self.partners)
        profiles = [make_profile(1), make_profile(2), make_profile(3, policy=PolicyName.CLASSIC)]
        await self.stores.partners.put_profiles(profiles)
        for n, partner in enumerate(self.partners[:2]):
            await self.stores.webhooks.put_webhook(make_webhook(n, partner_id=partner.id))
        for start in (self.start_intake, self.start_router, self.start_notifier, self.start_expirer):
            await start()
        await self.start_statistics()
        await self.start_webhooks()
        self.start_commands()
        return self

    def _relay(self) -> OutboxRelay:
        return OutboxRelay(
            rfis=self.stores.rfis,
            referrals=self.stores.referrals,
            partners=self.stores.partners,
            publisher=self.publisher,
            clock=self.clock,
        )

    def _consumer(self, group: Group, handler: BatchHandler, *topics: Topic) -> ScatteredConsumer:
        subscription = Subscription(topics=topics, group=group)
        return ScatteredConsumer(self.log, subscription, handler, self._letters, dice=self.dice)

    async def start_intake(self) -> None:
        handler = IntakeHandler(self.stores.rfis, self.stores.refusals, self.publisher, self.clock, regions=regions())
        self.intake = self._consumer(Group.INTAKE, handler, Topic.RFI_SUBMITTED)

    async def start_router(self) -> None:
        router = build_router(
            router_ports(
                self.stores,
                publisher=self.publisher,
                outboxes=self._relay(),
                clock=self.clock,
                feed=MemoryFeed(self.log),
            )
        )
        self.router = self._consumer(Group.ROUTER, router.handler, Topic.RFI_ACCEPTED)
        self.siblings = self._consumer(Group.ROUTER_ENGAGEMENTS, router.siblings, Topic.ENGAGEMENT_EVENTS)
        self.next_best = self._consumer(Group.ROUTER_NEXT_BEST, router.next_best, Topic.REFERRAL_EVENTS)
        await self._until_it_works(router.prepare)

    async def _until_it_works(self, step: Callable[[], Awaitable[object]]) -> None:
        """As a process that starts does: faults may meet it too."""
        while True:
            try:
                await step()
            except (DependencyUnavailable, Killed):
                continue
            return

    async def start_notifier(self) -> None:
        self._starts += 1
        ports = NotifierPorts(
            rfis=self.stores.rfis,
            referrals=self.stores.referrals,
            partners=self.stores.partners,
            users=self.stores.users,
            listing=self.stores.listing,
            jobs=self.stores.jobs,
            mailer=self.mailer,
            clock=self.clock,
            decode=wire.event_of,
            signer=SignedLinks("a key of the tests", self.stores.secrets),
        )
        made = build_notifier(
            ports,
            owner=f"notifier-{self._starts}",
            sender=Sender(address="referrals@exchange.example", domain="exchange.example"),
            base_url="https://exchange.example",
            policies=POLICIES,
            registry=CollectorRegistry(),
            limits=LIMITS,
            dice=lambda: 0.5,
        )
        self.handed: list[SendJob] = []
        self.senders: MailSenders = made.senders
        self.notifier = self._consumer(
            Group.NOTIFIER, _handing_to(made.handler, self.handed), Topic.REFERRAL_EVENTS, Topic.ENGAGEMENT_EVENTS
        )

    async def start_expirer(self) -> None:
        relay = self.relay = self._relay()
        handler = ExpirerHandler(
            referrals=self.stores.referrals,
            publish=relay.publish_and_clear,
            clock=self.clock,
            policies=POLICIES,
            decode=lambda record: Tick(*wire.tick_of(record)),
        )
        self.expirer = self._consumer(Group.EXPIRER, handler, Topic.CLOCK_TICKS)

    async def start_statistics(self) -> None:
        made = build_statistics(
            StatisticsPorts(
                rfis=self.stores.rfis,
                referrals=self.stores.referrals,
                pasts=self.stores.pasts,
                publisher=self.publisher,
                decode_event=wire.event_of,
                type_of=wire.type_of,
                encode_standing=wire.standing_outgoing,
            )
        )
        self.standings = made.standings
        self.statistics = self._consumer(Group.STATISTICS, made.handler, Topic.REFERRAL_EVENTS)

    async def start_webhooks(self) -> None:
        self._starts += 1
        made = build_webhooks(
            WebhookPorts(store=self.stores.webhooks, caller=self.caller, clock=self.clock, decode=wire.event_of),
            owner=f"webhooks-{self._starts}",
            base_url="https://exchange.example",
            limits=CallLimits(lease=LIMITS.lease),
        )
        self.calls = made.sender
        self.webhooks = self._consumer(Group.WEBHOOKS, made.handler, Topic.REFERRAL_EVENTS)

    def start_commands(self) -> None:
        self.commands = ReferralCommands(
            rfis=self.stores.rfis,
            referrals=self.stores.referrals,
            relay=self._relay(),
            clock=self.clock,
            policies=POLICIES,
        )

    async def step(self, room: str) -> None:
        """One step of a room; if it is killed there, a new one starts."""
        steps: dict[str, Callable[[], Awaitable[object]]] = {
            "intake": self.intake.step,
            "router": self.router.step,
            "siblings": self.siblings.step,
            "next_best": self.next_best.step,
            "statistics": self.statistics.step,
            "standings": self.standings.sweep,
            "webhooks": self.webhooks.step,
            "call": self.calls.step,
            "notifier": self.notifier.step,
            "send": self._send,
            "claim": self.senders.claim_once,
            "tick": self._tick,
            "relay": self.relay.sweep,
        }
        try:
            await steps[room]()
        except Killed:
            await self.restart(room)
        except Transient:
            return

    async def restart(self, room: str) -> None:
        """A new process where the room's was."""
        starts = {
            "intake": self.start_intake,
            "router": self.start_router,
            "siblings": self.start_router,
            "next_best": self.start_router,
            "statistics": self.start_statistics,
            "standings": self.start_statistics,
            "webhooks": self.start_webhooks,
            "call": self.start_webhooks,
            "notifier": self.start_notifier,
            "send": self.start_notifier,
            "claim": self.start_notifier,
            "tick": self.start_expirer,
            "relay": self.start_expirer,
        }
        await starts[room]()

    async def overlap(self, room: str) -> None:
        """Two instances at the same records, as after a rebalance that one of them has not noticed."""
        before = getattr(self, room)
        await self.restart(room)
        after = getattr(self, room)
        results = await asyncio.gather(before.step(), after.step(), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException) and not isinstance(result, Killed | Transient):
                raise result
        if any(isinstance(result, Killed) for result in results):
            await self.restart(room)

    async def _send(self) -> None:
        """What a sender does with jobs that were handed over."""
        jobs = list(self.handed)
        self.handed.clear()
        if jobs:
            await self.senders.deliver(jobs)

    async def _tick(self) -> None:
        now = self.clock.now()
        # Of the 64 shards only those that hold something: reading empty ticks is most of what a history would cost.
        shards = sorted({referral.shard for referral in self.stores.referrals.stored.values()})
        await self.publisher.publish([wire.tick_outgoing(shard, now, PARTITIONS) for shard in shards])
        await self.expirer.step()

    async def submit(self, number: int, **overrides: Any) -> None:
        """A publisher sends an RFI, and sends it again until it is told that it was taken."""
        value = orjson.dumps(rfi_json(id=f"RFI-{number}", **overrides))
        headers = (("x-referrals-source", SOURCE.encode()),)
        message = Outgoing(topic=Topic.RFI_SUBMITTED, key=f"RFI-{number}", value=value, headers=headers)
        await self._until_it_works(lambda: self.publisher.publish([message]))

    async def command(self, index: int, command: Command) -> None:
        """Somebody of a partner does something, or is refused, or meets an outage and gives up."""
        referrals = sorted(self.stores.referrals.stored)
        if not referrals:
            return
        try:
            done = await self.commands.execute(referrals[index % len(referrals)], command)
        except (Refused, Transient, Killed):
            return
        self.answered.append(done)

    async def decide(self, index: int, *, choose: bool) -> None:
        """A customer withdraws, or chooses the first partner asked."""
        rfis = sorted(self.stores.rfis.stored)
        if not rfis:
            return
        rfi = self.stores.rfis.stored[rfis[index % len(rfis)]]
        command: RfiCommand = WithdrawRfi(by="customer")
        if choose and rfi.routing and rfi.routing.chosen:
            command = ChoosePartner(by="customer", partner_id=rfi.routing.chosen[0].partner_id)
        try:
            await self.commands.execute_rfi(rfi.id, command)
        except (Refused, Transient, Killed):
            return

    async def ask(self, index: int) -> None:
        """A customer wants one more partner, perhaps one that nobody knows."""
        rfis = sorted(self.stores.rfis.stored)
        if not rfis:
            return
        wanted = [*(partner.id for partner in self.partners), "nobody"][index % 4]
        try:
            await self.commands.execute_rfi(rfis[index % len(rfis)], AskPartner(by="customer", partner_id=wanted))
        except (Refused, Transient, Killed):
            return

    async def heal(self) -> None:
        """Nothing fails any more: let everything be done."""
        self.faults.clear()
        for _ in range(HEALING_ROUNDS):
            for room in ROOMS:
                await self.step(room)
            left = self.left()
            if not left:
                return
            # Calls are repeated after hours when they have failed a few times.
            self.clock.advance(LIMITS.lease if set(left) != {"calls"} else timedelta(hours=1))
        raise AssertionError(f"does not heal: {self.left()}")

    def left(self) -> dict[str, int]:
        """What is still to do, by name."""
        now, stores = self.clock.now(), self.stores
        jobs = Counter(job.state for job in stores.jobs.stored.values())
        documents: list[Rfi | Referral] = [*stores.rfis.stored.values(), *stores.referrals.stored.values()]
        due = [referral.timers.next_due() for referral in stores.referrals.stored.values()]
        found = {
            "records": sum(self._lag(group, topics) for group, topics in READS.items()),
            "outboxes": sum(bool(document.outbox) for document in documents),
            "mails": jobs[JobState.LEASED] + jobs[JobState.PENDING],
            "calls": sum(each.state is not DeliveryState.DELIVERED for each in stores.webhooks.stored.values()),
            "referrals due": sum(at is not None and at <= now for at in due),
        }
        return {name: number for name, number in found.items() if number}

    def _lag(self, group: Group, topics: Sequence[Topic]) -> int:
        committed = self.log.committed
        return sum(
            len(lane) - committed.get((group, topic, number), 0)
            for topic in topics
            for number, lane in enumerate(self.log.partitions(topic))
        )


def _handing_to(handler: NotifierHandler, handed: list[SendJob]) -> NotifierHandler:
    async def submit(jobs: Sequence[SendJob]) -> None:
        handed.extend(jobs)

    handler._submit = submit
    return handler
