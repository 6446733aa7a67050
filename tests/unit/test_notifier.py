"""Does each event end in one mail, whatever fails on the way?"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from email import message_from_bytes, policy

import pytest
from prometheus_client import CollectorRegistry

from services.adapters.memory.clock import TurnableClock
from services.adapters.memory.jobs import MemorySendJobs
from services.adapters.memory.mail import MemoryMailer
from services.adapters.memory.referrals import MemoryReferrals
from services.adapters.memory.stores import MemoryStores
from services.adapters.signing import SignedLinks
from services.core.codes import PolicyName, Status, Substatus
from services.core.creation import created_event
from services.core.errors import DependencyUnavailable, UnreadableRecord
from services.core.events import Event, EventType
from services.core.mail import Envelope, JobState, Outcome, SendJob
from services.core.policy import POLICIES, Policy
from services.core.ports import Change, Record
from services.core.referral import Referral
from services.notifier.app import Notifier, NotifierPorts, build
from services.notifier.mime import Sender
from services.notifier.sender import SenderLimits
from tests.builders import (
    START,
    make_location,
    make_partner,
    make_person,
    make_profile,
    make_referral,
    make_rfi,
    make_sign_in_mail,
)
from tests.crash_world import Killed

SENDER = Sender(address="referrals@exchange.example", domain="exchange.example")


@dataclass
class World:
    """One exchange of twins; `start` starts (another) notifier process on it."""

    stores: MemoryStores = field(default_factory=MemoryStores)
    mailer: MemoryMailer = field(default_factory=MemoryMailer)
    clock: TurnableClock = field(default_factory=lambda: TurnableClock(START))
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    events: dict[bytes, Event] = field(default_factory=dict)
    policies: Mapping[PolicyName, Policy] = field(default_factory=lambda: POLICIES)
    starts: int = 0

    def start(self, limits: SenderLimits | None = None) -> Notifier:
        self.starts += 1
        self.registry = CollectorRegistry()
        ports = NotifierPorts(
            rfis=self.stores.rfis,
            referrals=self.stores.referrals,
            partners=self.stores.partners,
            users=self.stores.users,
            listing=self.stores.listing,
            jobs=self.stores.jobs,
            mailer=self.mailer,
            clock=self.clock,
            decode=self.decode,
            signer=SignedLinks("a key of the tests", self.stores.secrets),
        )
        return build(
            ports,
            owner=f"notifier-{self.starts}",
            sender=SENDER,
            base_url="https://exchange.example",
            policies=self.policies,
            registry=self.registry,
            limits=limits or SenderLimits(poll_s=0.001),
            dice=lambda: 0.5,
        )

    def decode(self, record: Record) -> Event:
        if record.value not in self.events:
            raise UnreadableRecord
        return self.events[record.value]

    def record(self, event: Event) -> Record:
        value = event.id.encode()
        self.events[value] = event
        offset = len(self.events)
        return Record(topic="t", partition=0, offset=offset, timestamp=START, key=None, value=value)

    async def seed(self, partners: int = 3) -> list[Record]:
        """One routed RFI and its referrals; the records of their `created` events."""
        await self.stores.rfis.add([make_rfi()])
        referrals = [make_referral(1, partner=n) for n in range(1, partners + 1)]
        await self.stores.partners.put_partners([make_partner(n) for n in range(1, partners + 1)])
        await self.stores.partners.put_profiles([make_profile(n) for n in range(1, partners + 1)])
        await self.stores.referrals.add(referrals)
        return [self.record(created_event(each)) for each in referrals]

    def states(self) -> Counter[str]:
        return Counter(job.state.value for job in self.stores.jobs.stored.values())

    def only_job(self) -> SendJob:
        (job,) = self.stores.jobs.stored.values()
        return job

    async def killed_while_sending(self, notifier: Notifier) -> None:
        """The process dies with every mail of the store in its hands; the mail server works again afterwards."""

        def die(_: Envelope) -> Outcome:
            raise Killed

        before, self.mailer.answer = self.mailer.answer, die
        with pytest.raises(Killed):
            await notifier.senders.deliver(list(self.stores.jobs.stored.values()))
        self.mailer.answer = before

    def metric(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(name, labels) or 0.0


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - any state of the twins may be waited for
            await asyncio.sleep(0.001)


async def running(notifier: Notifier, work: Awaitable[object], condition: Callable[[], bool]) -> None:
    """Run the senders while the work is done, until the condition holds."""
    stop = asyncio.Event()
    senders = asyncio.create_task(notifier.senders.run(stop))
    try:
        await work
        await until(condition)
    finally:
        stop.set()
        await senders


async def handle(notifier: Notifier, records: Sequence[Record]) -> None:
    assert await notifier.handler(records) == []


async def test_each_new_referral_is_mailed_once_to_the_contact_of_its_location() -> None:
    world = World()
    records = await world.seed()
    notifier = world.start()
    await running(notifier, handle(notifier, records), lambda: world.states()["sent"] == 3)
    assert sorted(each.recipient for each in world.mailer.accepted) == [f"sales@partner{n}.example" for n in (1, 2, 3)]


async def test_redelivered_events_make_no_second_mail_even_in_another_process() -> None:
    world = World()
    records = await world.seed()
    for notifier in (world.start(), world.start()):
        await running(notifier, handle(notifier, [*records, *records]), lambda: world.states()["sent"] == 3)
    assert len(world.mailer.accepted) == 3


async def test_jobs_of_a_process_that_died_are_sent_by_another_once_their_lease_is_over() -> None:
    world = World()
    records = await world.seed()
    await handle(world.start(), records)
    heir = world.start()
    assert await heir.senders.claim_once() == 0
    world.clock.advance(timedelta(seconds=31))
    assert await heir.senders.claim_once() == 3
    assert world.states() == {"sent": 3}
    assert len(world.mailer.accepted) == 3
    # They had only waited in its hands: nobody can have sent them before.
    assert world.metric("referrals_mail_possible_duplicates_total", cause="lease_ran_out") == 0


async def test_what_a_process_was_sending_when_it_died_counts_as_possibly_doubled() -> None:
    world = World()
    records = await world.seed()
    dying = world.start()
    await handle(dying, records)

    await world.killed_while_sending(dying)
    world.clock.advance(timedelta(seconds=31))
    assert await world.start().senders.claim_once() == 3
    assert world.states() == {"sent": 3}
    assert {job.lost_leases for job in world.stores.jobs.stored.values()} == {1}
    assert world.metric("referrals_mail_possible_duplicates_total", cause="lease_ran_out") == 3


async def test_a_sender_whose_lease_was_taken_sends_nothing() -> None:
    world = World()
    records = await world.seed()
    sleeper = world.start()
    await handle(sleeper, records)
    world.clock.advance(timedelta(seconds=31))
    heir = world.start()
    await heir.senders.claim_once()
    stop = asyncio.Event()
    senders = asyncio.create_task(sleeper.senders.run(stop))
    stop.set()
    await senders
    assert len(world.mailer.accepted) == 3
    assert world.states() == {"sent": 3}


async def test_a_late_sender_that_still_holds_its_lease_renews_it_before_sending() -> None:
    world = World()
    records = await world.seed(1)
    notifier = world.start()
    await handle(notifier, records)
    world.clock.advance(timedelta(seconds=29))
    job = world.only_job()
    await notifier.senders.deliver([job])
    assert world.states() == {"sent": 1}


async def test_a_refusal_for_now_is_tried_again_when_it_is_due_and_not_before() -> None:
    world = World()
    records = await world.seed(1)
    answers = iter([Outcome.RETRY, Outcome.SENT])
    world.mailer.answer = lambda _: next(answers)
    notifier = world.start()
    await running(notifier, handle(notifier, records), lambda: world.states()["pending"] == 1)
    assert await notifier.senders.claim_once() == 0
    world.clock.advance(timedelta(minutes=1))
    assert await notifier.senders.claim_once() == 1
    job = world.only_job()
    assert (job.state, job.attempts, len(world.mailer.accepted)) == (JobState.SENT, 2, 1)


@pytest.mark.parametrize("kept", [True, False], ids=["kept by the server", "not kept"])
async def test_no_answer_to_the_final_dot_is_tried_once_more_under_the_same_message_id(kept: bool) -> None:
    world = World()
    world.mailer.keeps_unknown = kept
    records = await world.seed(1)
    answers = iter([Outcome.UNKNOWN, Outcome.SENT])
    world.mailer.answer = lambda _: next(answers)
    notifier = world.start()
    await running(notifier, handle(notifier, records), lambda: world.states()["pending"] == 1)
    world.clock.advance(timedelta(minutes=1))
    await notifier.senders.claim_once()
    ids = [line for each in world.mailer.accepted for line in each.message.splitlines() if b"Message-ID" in line]
    assert len(ids) == 1 + kept
    assert len(set(ids)) == 1
    assert (world.only_job().state, world.only_job().cut_at_dot) == (JobState.SENT, 1)
    assert world.metric("referrals_mail_possible_duplicates_total", cause="cut_at_dot") == 1


async def test_a_second_silence_at_the_dot_is_for_a_person_to_look_at() -> None:
    world = World()
    world.mailer.answer = lambda _: Outcome.UNKNOWN
    records = await world.seed(1)
    notifier = world.start()
    await running(notifier, handle(notifier, records), lambda: world.states()["pending"] == 1)
    world.clock.advance(timedelta(minutes=1))
    await notifier.senders.claim_once()
    assert (world.only_job().state, world.only_job().cut_at_dot) == (JobState.FAILED, 2)
    assert world.metric("referrals_mail_failed_total", kind="new_referral") == 1


async def test_a_refused_contact_is_replaced_by_another_then_by_the_admin() -> None:
    world = World()
    records = await world.seed(1)
    second = make_location(1, id="L-2", contact=make_person(email="second@partner1.example", language="en"))
    await world.stores.partners.put_profiles([make_profile(1, locations=(make_location(1), second), version=2)])
    tried: list[Envelope] = []

    def answer(envelope: Envelope) -> Outcome:
        tried.append(envelope)
        return Outcome.SENT if envelope.recipient.startswith("admin@") else Outcome.REFUSED

    world.mailer.answer = answer
    notifier = world.start()
    await running(notifier, handle(notifier, records), lambda: world.states()["sent"] == 1)
    expected = ["sales@partner1.example", "second@partner1.example", "admin@partner1.example"]
    assert [each.recipient for each in tried] == expected


async def test_a_mail_that_everybody_refuses_fails_loudly() -> None:
    world = World()
    records = await world.seed(1)
    world.mailer.answer = lambda _: Outcome.REFUSED
    notifier = world.start()
    await running(notifier, handle(notifier, records), lambda: world.states()["failed"] == 1)
    assert world.metric("referrals_mail_failed_total", kind="new_referral") == 1
    world.clock.advance(timedelta(days=30))
    assert await notifier.senders.claim_once() == 0


async def test_a_mail_that_is_no_longer_true_ends_as_obsolete() -> None:
    world = World()
    records = await world.seed(1)
    notifier = world.start()
    (referral,) = world.stores.referrals.stored.values()
    await handle(notifier, records)
    await change(world, referral, status=Status.CLOSED, substatus=Substatus.WITHDRAWN)
    await running(notifier, asyncio.sleep(0), lambda: world.states()["obsolete"] == 1)
    assert world.mailer.accepted == []


async def test_the_customer_is_told_when_a_referral_expires_and_so_is_the_partner() -> None:
    world = World()
    await world.seed(1)
    (referral,) = world.stores.referrals.stored.values()
    await change(world, referral, status=Status.CLOSED, substatus=Substatus.EXPIRED)
    event = replace(created_event(referral), id="expired", type=EventType.EXPIRED, sequence=2)
    notifier = world.start()
    await running(notifier, handle(notifier, [world.record(event)]), lambda: world.states()["sent"] == 2)
    recipients = sorted(each.recipient for each in world.mailer.accepted)
    assert recipients == [make_rfi().customer.contact.email, "sales@partner1.example"]


async def test_a_bad_record_and_an_event_about_nothing_are_put_aside_alone() -> None:
    world = World()
    records = await world.seed(1)
    bad = replace(records[0], value=b"bad")
    lost = world.record(replace(created_event(make_referral(9, partner=9)), id="nobody"))
    notifier = world.start()
    stop = asyncio.Event()
    senders = asyncio.create_task(notifier.senders.run(stop))
    failures = await notifier.handler([bad, *records, lost])
    await until(lambda: world.states()["sent"] == 1)
    stop.set()
    await senders
    assert [(each.record.value, type(each.error).__name__) for each in failures] == [
        (b"bad", "UnreadableRecord"),
        (b"nobody", "ReferenceMissing"),
    ]


@pytest.mark.parametrize("after", [False, True], ids=["before its effect", "after its effect"])
@pytest.mark.parametrize("call", range(8))
async def test_a_database_that_fails_at_any_call_costs_no_mail_and_makes_no_second_one(call: int, after: bool) -> None:
    world = World()
    records = await world.seed()
    world.stores.faults.fail_call(len(world.stores.faults.calls) + call, after=after)
    notifier = world.start()
    stop = asyncio.Event()
    senders = asyncio.create_task(notifier.senders.run(stop))
    for _ in range(2):
        try:
            await handle(notifier, records)
            break
        except DependencyUnavailable:
            continue
    # Jobs inserted without an answer are nobody's until their lease is over.
    world.clock.advance(timedelta(seconds=31))
    await until(lambda: world.states() == {"sent": 3})
    stop.set()
    await senders
    assert Counter(each.job_id for each in world.mailer.accepted) == dict.fromkeys(world.stores.jobs.stored, 1)


async def test_the_handler_waits_when_too_many_mails_wait() -> None:
    world = World()
    records = await world.seed()
    notifier = world.start(SenderLimits(batch=1, waiting_batches=1, poll_s=0.001))
    handling = asyncio.create_task(handle(notifier, records))
    await until(lambda: len(world.stores.jobs.stored) == 3)
    for _ in range(20):
        await asyncio.sleep(0)
    assert not handling.done()
    await running(notifier, handling, lambda: world.states()["sent"] == 3)


async def test_a_mail_server_that_does_not_get_on_holds_up_mails_but_not_the_consumer() -> None:
    world = World()
    records = await world.seed()
    notifier = world.start(SenderLimits(batch=1, waiting_batches=1, poll_s=0.001, patience_s=0.01))
    await handle(notifier, records)
    assert world.states() == {"leased": 1, "pending": 2}
    await running(notifier, asyncio.sleep(0), lambda: world.states()["sent"] == 3)
    assert Counter(each.job_id for each in world.mailer.accepted) == dict.fromkeys(world.stores.jobs.stored, 1)
    assert world.metric("referrals_mail_possible_duplicates_total", cause="lease_ran_out") == 0


async def test_stopping_hands_back_what_was_not_tried() -> None:
    world = World()
    records = await world.seed()
    notifier = world.start(SenderLimits(workers=0, poll_s=0.001))
    await handle(notifier, records)
    stop = asyncio.Event()
    stop.set()
    await notifier.senders.run(stop)
    assert world.states() == {"pending": 3}
    heir = world.start()
    await heir.senders.claim_once()
    assert len(world.mailer.accepted) == 3


async def test_a_mail_that_cannot_be_written_spares_its_neighbours() -> None:
    world = World()
    records = await world.seed(2)
    notifier = world.start()
    await handle(notifier, records)
    first, *_ = world.stores.jobs.stored
    world.stores.jobs.stored[first] = replace(world.stores.jobs.stored[first], name="\ud800", address="not an address")
    world.clock.advance(timedelta(seconds=31))
    await world.start().senders.claim_once()
    assert world.states()["sent"] == 2


async def change(world: World, referral: Referral, *, status: Status, substatus: Substatus) -> None:
    later = replace(referral, status=status, substatus=substatus, version=referral.version + 1)
    saved = await world.stores.referrals.save([Change(later, referral.version)])
    assert saved.written == [referral.id]


async def test_logs_of_a_failed_mail_hold_no_personal_data(capsys: pytest.CaptureFixture[str]) -> None:
    world = World()
    records = await world.seed(1)
    world.mailer.answer = lambda _: Outcome.REFUSED
    notifier = world.start()
    await running(notifier, handle(notifier, records), lambda: world.states()["failed"] == 1)
    said = capsys.readouterr().out
    assert "mail_failed" in said
    for canary in ("@", "Molina", "Sara", "+34", "Aceites"):
        assert canary not in said


class PartlyUnreadable(MemoryReferrals):
    """Referrals of which one can't be read by this version."""

    unreadable = ""

    async def for_mails(self, ids: Sequence[str]) -> dict[str, Referral]:
        if self.unreadable in ids:
            raise ValueError("what stands there is not known")
        return await super().for_mails(ids)


async def test_a_mail_about_a_document_that_cannot_be_read_spares_its_neighbours() -> None:
    world = World()
    referrals = PartlyUnreadable()
    world.stores.referrals = referrals
    records = await world.seed(5)
    referrals.unreadable = make_referral(1, partner=3).id
    notifier = world.start()
    await running(notifier, handle(notifier, records), lambda: world.states() == {"sent": 4, "pending": 1})
    (left,) = [job for job in world.stores.jobs.stored.values() if job.state is JobState.PENDING]
    assert left.last_error == "cannot be read (ValueError)"
    assert Counter(each.job_id for each in world.mailer.accepted).most_common(1)[0][1] == 1


class Unrenewable(MemorySendJobs):
    """Jobs whose renewal dies of something that nobody foresaw."""

    async def renew(self, ids: Sequence[str], owner: str, until: datetime) -> set[str]:
        raise RuntimeError("unforeseen")


async def test_senders_do_not_go_on_when_nobody_renews_their_leases() -> None:
    world = World()
    world.stores.jobs = Unrenewable()
    notifier = world.start(SenderLimits(poll_s=0.001, lease=timedelta(milliseconds=30)))
    async with asyncio.timeout(60):
        with pytest.raises(ExceptionGroup) as died:
            await notifier.senders.run(asyncio.Event())
    assert died.group_contains(RuntimeError, match="unforeseen")


async def test_a_sign_in_link_is_mailed_though_it_belongs_to_no_request() -> None:
    world = World()
    job, stale = make_sign_in_mail(1), make_sign_in_mail(2, at=START - timedelta(hours=2))
    notifier = world.start()
    await world.stores.jobs.add_leased([job, stale], "portal", world.clock.real_now())
    assert await notifier.senders.claim_once() == 2
    assert world.states() == {"sent": 1, "obsolete": 1}
    (mail,) = world.mailer.accepted
    text = message_from_bytes(mail.message, policy=policy.default)
    assert mail.recipient == "ana@partner1.example"
    assert text["subject"] == "Su enlace para iniciar sesión"
    part = text.get_body(("plain",))
    assert part is not None
    body = part.get_content()
    signed = re.search(r"https://exchange\.example/sign-in/link/(\S+)", body)
    assert signed is not None
    assert SignedLinks("a key of the tests", world.stores.secrets).read("sign-in", signed[1]) == "link-1"
