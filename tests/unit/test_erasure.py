"""Is a customer's data gone everywhere, wherever the erasure breaks and whatever was under way when it began?"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import orjson
import pytest

from schemas.topics import Group, Topic
from services.adapters import wire
from services.adapters.memory.erasures import MemoryErasures
from services.adapters.memory.jobs import MemorySendJobs
from services.adapters.memory.referrals import MemoryReferrals
from services.adapters.memory.submitted import MemorySubmittedLog
from services.audit.engagement import Engagement, check_engagement
from services.core.codes import CloseReason, PolicyName, RfiState, Status, Substatus
from services.core.engagement import WithdrawRfi, decide_rfi
from services.core.erasing import ERASED, NOBODY, erased_referral, erased_rfi
from services.core.erasures import Erasure, Original
from services.core.errors import DependencyUnavailable, Transient, TransitionRefused
from services.core.ids import rfi_id
from services.core.mail import JobState, Role, SendJob
from services.core.policy import POLICIES
from services.core.ports import DeadLetter, Outgoing
from services.core.referral import Referral
from services.core.rfi import Coordinate, Routing
from services.erasure.eraser import LOOK_AGAIN_AFTER, Eraser, EraserPorts
from services.erasure.finding import Finder
from services.erasure.mentions import mentions
from services.erasure.retention import Retention
from services.notifier.plan import wanted
from tests.builders import SOURCE, START, make_chosen, make_need, make_referral, make_rfi
from tests.canary import CANARY, EMAIL, canary_rfi, names_it, traces
from tests.crash_world import ROOMS, CrashWorld, Killed, quickly
from tests.journeys import LATER, accept, decline, win
from tests.submissions import submitted_record

RFI_ID = rfi_id(SOURCE, "RFI-1")
SECRET_DEAL = {"engagement_name": f"Deal with {CANARY}", "notes": f"Called {CANARY}"}


async def _slowly() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


class SlowReferrals(MemoryReferrals):
    """An insert that takes long enough for an erasure to overtake it."""

    async def add(self, referrals: Sequence[Referral]) -> set[str]:
        await _slowly()
        return await super().add(referrals)


class SlowJobs(MemorySendJobs):
    """The same of mails."""

    async def add_leased(self, jobs: Sequence[SendJob], owner: str, until: datetime) -> set[str]:
        await _slowly()
        return await super().add_leased(jobs, owner, until)


class World(CrashWorld):
    """The whole chain on twins, and what erases in it."""

    def eraser(self) -> Eraser:
        """As a process that has just started would have it."""
        relay = self._relay()
        return Eraser(
            EraserPorts(
                erasures=self.stores.erasures,
                rfis=self.stores.rfis,
                referrals=self.stores.referrals,
                submitted=MemorySubmittedLog(self.log, self.faults),
                publish=relay.publish_and_clear,
                clock=self.clock,
            )
        )

    def finder(self) -> Finder:
        return Finder(
            erasures=self.stores.erasures,
            rfis=self.stores.rfis,
            referrals=self.stores.referrals,
            jobs=self.stores.jobs,
            reveals=self.stores.reveals,
        )

    async def send(self, data: object, key: str = "RFI-1") -> None:
        """A publisher's record."""
        headers = (("x-referrals-source", SOURCE.encode()),)
        value = data if isinstance(data, bytes) else orjson.dumps(data)
        await self.publisher.publish([Outgoing(topic=Topic.RFI_SUBMITTED, key=key, value=value, headers=headers)])

    async def erase(self) -> Erasure | None:
        """What the command does with a mail address; the case does not matter."""
        return await self.eraser().erase(await self.finder().by_email(EMAIL.upper()), "operator:eve")

    async def look_again(self) -> None:
        """Everything is done, and the expirer has looked once more."""
        await self.heal()
        self.clock.advance(LOOK_AGAIN_AFTER)
        for _ in range(2):
            await self.eraser().sweep()
            await self.heal()

    def traces(self) -> list[str]:
        return traces(self.stores, self.log)

    def findings(self) -> list[str]:
        """What an audit would say."""
        events = defaultdict(list)
        for topic in (Topic.ENGAGEMENT_EVENTS, Topic.REFERRAL_EVENTS):
            for record in self.log.records(topic):
                event = wire.event_of(record)
                events[event.rfi_id].append(event)
        stores = self.stores
        return [
            finding.words
            for rfi in stores.rfis.stored.values()
            for finding in check_engagement(
                Engagement(
                    rfi=rfi,
                    referrals=[each for each in stores.referrals.stored.values() if each.rfi_id == rfi.id],
                    events=events[rfi.id],
                    jobs=[each for each in stores.jobs.stored.values() if each.rfi_id == rfi.id],
                    deliveries=None,
                ),
                lambda event: [(mail.kind, mail.role) for mail in wanted(event)],
            )
        ]


async def submitted(world: World) -> None:
    """Sent, and nobody has looked."""


async def accepted(world: World) -> None:
    """Intake has it, the router not."""
    await world.step("intake")


async def routed(world: World) -> None:
    """Partners have it, mails are out."""
    await world.heal()


async def worked_on(world: World) -> None:
    """Taken by one partner, turned down by another, both with words about the customer."""
    await world.heal()
    one, other, *_ = sorted(world.stores.referrals.stored)
    third = [id_ for id_ in world.stores.referrals.stored if world.stores.referrals.stored[id_].policy == "classic"]
    standard = [id_ for id_ in (one, other, *_) if id_ not in third]
    await world.commands.execute(standard[0], accept(**SECRET_DEAL))
    await world.commands.execute(standard[1], decline(reason=CloseReason.OTHER, notes=f"{CANARY} is rude"))


async def won(world: World) -> None:
    """The deal is made, and nothing can be undone."""
    await worked_on(world)
    world.clock.advance(timedelta(minutes=10))
    await world.heal()
    done = [id_ for id_, each in world.stores.referrals.stored.items() if each.status is Status.ACTIVE]
    await world.commands.execute(done[0], win(notes=f"Thanks to {CANARY}"))
    world.clock.advance(timedelta(minutes=10))
    await world.heal()


async def withdrawn(world: World) -> None:
    """The customer took it back before."""
    await world.heal()
    await world.decide(0, choose=False)


async def chosen(world: World) -> None:
    """The customer chose a partner, which goes on with it."""
    await world.heal()
    await world.decide(0, choose=True)


STATES: list[Callable[[World], Awaitable[None]]] = [
    submitted,
    accepted,
    routed,
    worked_on,
    won,
    withdrawn,
    chosen,
]


async def world_with_canary(*, slow: bool = False) -> World:
    """An RFI, a refused one of the same person, and a record of it that a consumer could not use."""
    world = World()
    if slow:
        stores = world.stores
        stores.referrals, stores.jobs = SlowReferrals(world.faults), SlowJobs(world.faults)
        stores.erasures = MemoryErasures(stores.rfis, stores.jobs, stores.refusals, stores.dead_letters, world.faults)
    await world.begin()
    await world.send(canary_rfi())
    await world.send(canary_rfi(id="RFI-2", channel="pigeon"), "RFI-2")
    # As JSON writers escape it who know no Unicode.
    await world.send(b'{"id": "RFI-3", "of": "' + EMAIL.replace("@", "\\u0040").encode() + b'"}', "RFI-3")
    odd = replace(submitted_record(canary_rfi(id="RFI-4"), offset=99), partition=1)
    letter = DeadLetter(group=Group.INTAKE, record=odd, reason="UnreadableRecord", detail="no", at=START)
    await world.stores.dead_letters.put([letter])
    return world


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_nothing_of_the_customer_is_left(state: Callable[[World], Awaitable[None]]) -> None:
    async def run() -> None:
        world = await world_with_canary()
        await state(world)
        assert {"rfi.submitted", "dead_letters"} <= set(world.traces())
        # What was not stored when it was asked for is found by asking again, which somebody who hears "under way" does.
        await world.erase()
        await world.look_again()
        await world.erase()
        await world.look_again()
        assert world.traces() == []
        assert world.findings() == []
        assert await world.stores.erasures.unfinished(9) == []
        assert all(each.status is Status.CLOSED for each in world.stores.referrals.stored.values())
        customers = [job for job in world.stores.jobs.stored.values() if job.role is Role.CUSTOMER]
        assert {job.state for job in customers} <= {JobState.SENT, JobState.OBSOLETE}

    quickly(run())


def test_it_comes_to_the_same_wherever_the_erasure_breaks() -> None:
    async def calls() -> int:
        world = await world_with_canary()
        await worked_on(world)
        before = len(world.faults.calls)
        await world.erase()
        return len(world.faults.calls) - before

    async def run(number: int, error: BaseException, *, after: bool) -> None:
        world = await world_with_canary()
        await worked_on(world)
        world.faults.fail_call(len(world.faults.calls) + number, error, after=after)
        with pytest.raises((Killed, DependencyUnavailable)):
            await world.erase()
        await world.look_again()
        # Whoever saw it fail before the order was written down asks again; later that finds nothing.
        await world.erase()
        await world.look_again()
        assert world.traces() == [], (number, after)
        assert world.findings() == [], (number, after)

    for number in range(quickly(calls())):
        for after in (False, True):
            quickly(run(number, Killed() if number % 2 else DependencyUnavailable("engine"), after=after))


@pytest.mark.parametrize("room", ["intake", "router", "notifier", "send"])
def test_what_another_process_has_in_its_hands_does_not_come_back(room: str) -> None:
    async def run(pause: int) -> None:
        world = await world_with_canary(slow=True)
        for earlier in ROOMS[: ROOMS.index(room)]:
            await world.step(earlier)

        async def erase() -> None:
            for _ in range(pause):
                await asyncio.sleep(0)
            found = await world.finder().by_rfi(RFI_ID)
            try:
                await world.eraser().erase(found, "customer")
            except Transient:
                return

        await asyncio.gather(world.step(room), erase())
        await world.look_again()
        if room != "intake":
            found = [world.stores.rfis.stored, world.stores.referrals.stored, world.stores.jobs.stored]
            assert not names_it(found), pause

    for pause in range(0, 30, 2):
        quickly(run(pause))


def test_an_erased_rfi_that_comes_again_brings_nothing_back() -> None:
    async def run() -> None:
        world = await world_with_canary()
        await world.heal()
        await world.erase()
        await world.look_again()
        tombstone = world.stores.rfis.stored[RFI_ID]
        refused = set(world.stores.refusals.stored)
        for again in (canary_rfi(), canary_rfi(need__title=f"Other {CANARY}"), canary_rfi(channel="pigeon")):
            await world.send(again)
        await world.heal()
        assert world.stores.rfis.stored[RFI_ID] == tombstone
        assert set(world.stores.refusals.stored) == refused
        # They lie where the publisher has put them, until their retention ends.
        assert world.traces() == ["rfi.submitted"]

    quickly(run())


def test_partners_that_had_it_open_are_told_and_the_customer_hears_nothing_more() -> None:
    async def run() -> None:
        world = await world_with_canary()
        await world.heal()
        world.mailer.kept.accepted.clear()
        await world.erase()
        await world.look_again()
        world.clock.advance(timedelta(days=20))
        await world.heal()
        told = world.mailer.kept.accepted
        assert len(told) == len(world.stores.referrals.stored) > 0
        assert all(mail.recipient != EMAIL for mail in told)
        assert not any(names_it(mail.message) for mail in told)

    quickly(run())


def test_one_request_can_be_erased_and_the_others_stay() -> None:
    async def run() -> None:
        world = await world_with_canary()
        await world.send(canary_rfi(id="RFI-5"), "RFI-5")
        await world.heal()
        found = await world.finder().by_rfi(RFI_ID)
        assert (found.rfi_ids, found.original_ids) == ((RFI_ID,), ())
        await world.eraser().erase(found, "customer")
        kept = world.stores.rfis.stored[rfi_id(SOURCE, "RFI-5")]
        assert (kept.erased_at, kept.customer.contact.email.casefold()) == (None, EMAIL.casefold())
        assert not names_it(world.stores.rfis.stored[RFI_ID])

    quickly(run())


def test_a_look_counts_and_changes_nothing() -> None:
    async def run() -> None:
        world = await world_with_canary()
        await world.heal()
        before = repr(vars(world.stores.rfis)["stored"])
        found = await world.finder().by_email(EMAIL)
        assert (len(found.rfi_ids), found.referrals, len(found.original_ids)) == (1, 3, 3)
        assert (found.mails_sent, found.mails_waiting) == (1, 0)
        assert repr(vars(world.stores.rfis)["stored"]) == before
        nobody = await world.finder().by_email("nobody@customer.example")
        assert nobody.nothing
        assert await world.eraser().erase(nobody, "operator:eve") is None
        assert (await world.finder().by_rfi("unknown")).nothing

    quickly(run())


def test_records_stay_on_kafka_until_intake_has_read_them() -> None:
    async def run() -> None:
        world = await world_with_canary()
        await world.step("intake")
        await world.send(canary_rfi())
        order = await world.erase()
        assert order is not None
        world.clock.advance(LOOK_AGAIN_AFTER)
        assert await world.eraser().sweep() == 0
        await world.look_again()
        assert "rfi.submitted" not in world.traces()
        assert (await world.stores.erasures.listed(1))[0].done_at is not None

    quickly(run())


def keeping_for(world: World, time: timedelta) -> Retention:
    return Retention(
        eraser=world.eraser(),
        erasures=world.stores.erasures,
        referrals=world.stores.referrals,
        clock=world.clock,
        kept_for=time,
    )


def test_what_has_been_kept_for_long_enough_is_erased() -> None:
    async def run() -> None:
        world = await world_with_canary()
        await won(world)
        keeping = keeping_for(world, timedelta(days=90))
        world.clock.advance(timedelta(days=60))
        await world.heal()
        assert await keeping.sweep() == 0
        world.clock.advance(timedelta(days=100))
        assert await keeping.sweep() == 1
        assert await keeping.sweep() == 0
        await world.look_again()
        rfi = world.stores.rfis.stored[RFI_ID]
        assert (rfi.erased_at is not None, rfi.state) == (True, RfiState.ROUTED)
        states = {each.substatus for each in world.stores.referrals.stored.values()}
        assert {Substatus.WON, Substatus.DECLINED} <= states
        assert not names_it([world.stores.rfis.stored, world.stores.referrals.stored])
        assert world.findings() == []

    quickly(run())


def test_a_request_with_an_open_referral_is_kept_however_old() -> None:
    async def run() -> None:
        world = await world_with_canary()
        await worked_on(world)
        keeping = keeping_for(world, timedelta(days=90))
        world.clock.advance(timedelta(days=900))
        await world.heal()
        assert await keeping.sweep() == 0

    quickly(run())


def test_facts_stay_and_words_go() -> None:
    referral = make_referral(1)
    erased = erased_referral(referral, "customer", LATER, POLICIES[referral.policy])
    assert (erased.status, erased.substatus, erased.version) == (Status.CLOSED, Substatus.WITHDRAWN, 2)
    assert (erased.title, erased.company, erased.keywords, erased.budget, erased.customer_key) == (
        ERASED,
        ERASED,
        (),
        None,
        None,
    )
    assert (erased.place.subdivision, erased.place.city, erased.size) == ("ES-AN", None, referral.size)
    assert erased_referral(erased, "customer", LATER, POLICIES[referral.policy]) is erased


@pytest.mark.parametrize("withdraw", [True, False], ids=["asked for", "by age"])
def test_where_the_work_was_and_who_was_not_wanted_goes(withdraw: bool) -> None:
    need = make_need(coordinate=Coordinate(37.3891, -5.9845), within_km=25, must_not_offer=("resale",))
    routing = Routing(at=START, chosen=(make_chosen(1, reasons=("near|25",)),))
    rfi = make_rfi(need=need, excluded_partners=("P-1",), state=RfiState.ROUTED, routing=routing)
    erased = erased_rfi(rfi, "customer", LATER, withdraw=withdraw)
    assert (erased.need.coordinate, erased.need.within_km, erased.need.must_not_offer) == (None, None, ())
    assert erased.excluded_partners == ()
    assert erased.routing is not None
    assert erased.routing.chosen[0].reasons == ()


def test_an_erased_request_takes_no_decision_any_more() -> None:
    erased = erased_rfi(make_rfi(1, state=RfiState.ROUTED), "system", LATER, withdraw=False)
    assert (erased.state, erased.customer.contact.email, erased.content_hash) == (RfiState.ROUTED, NOBODY.email, "")
    assert erased_rfi(erased, "customer", LATER, withdraw=True) is erased
    with pytest.raises(TransitionRefused, match="erased"):
        decide_rfi(erased, WithdrawRfi(by="customer"), LATER)


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (b'{"email": "ANA@customer.example"}', True),
        (b'{"email": "ana\\u0040customer.example"}', True),
        (b'[{"a": [{"\\u0061na@customer.example": 1}]}]', True),
        (b"\xff ana@customer.example", True),
        (b'{"email": "anna@customer.example"}', False),
        (b'{"broken": "ana\\u0040customer', False),
        (b"\\" + b"[" * 100_000, False),
        (None, False),
    ],
)
def test_an_original_names_an_address_however_it_is_written(value: bytes | None, *, named: bool) -> None:
    assert mentions(Original(id="1", key=None, value=value), "Ana@customer.example") is named


def test_a_key_or_a_header_names_an_address_too() -> None:
    assert mentions(Original(id="1", key=b"ana@customer.example", value=None), "ana@customer.example")
    assert mentions(Original(id="1", key=None, value=None, headers=(("a", b"Ana@b.example"),)), "ana@b.example")


def test_the_partners_that_a_mail_showed_the_contact_to_are_named() -> None:
    async def run() -> None:
        world = await world_with_canary()
        await world.heal()
        partners = {each.partner_id: each.policy for each in world.stores.referrals.stored.values()}
        standard = sorted(id_ for id_, each in partners.items() if each is PolicyName.STANDARD)
        assert 0 < len(standard) < len(partners)
        for found in (await world.finder().by_email(EMAIL), await world.finder().by_rfi(RFI_ID)):
            assert list(found.partners_shown) == standard, "a classic partner's mail hides the contact"

    quickly(run())
