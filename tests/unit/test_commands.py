"""Commands of people: decided on what is stored, saved once, told at once or later."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from schemas.topics import TOPICS, Topic
from services.adapters.commands import ATTEMPTS, ReferralCommands
from services.adapters.memory.clock import TurnableClock
from services.adapters.memory.kafka import MemoryLog, MemoryPublisher
from services.adapters.memory.stores import MemoryStores
from services.adapters.outbox import GRACE, OutboxRelay
from services.adapters.wire import event_of
from services.core.codes import CloseReason, RfiState, Status, Substatus, Timeframe
from services.core.commands import Accept, Decline, Open
from services.core.engagement import ChoosePartner, WithdrawRfi
from services.core.errors import (
    CommandInvalid,
    DependencyUnavailable,
    NotFound,
    TransitionRefused,
    VersionConflict,
)
from services.core.events import EventType
from services.core.policy import STANDARD
from services.core.ports import Change, Saved
from services.core.referral import Referral
from services.core.rfi import Money, Routing
from services.core.tick import advance
from tests.builders import START, make_chosen, make_referral, make_rfi


class World:
    """Twins of everything commands touch."""

    def __init__(self) -> None:
        self.stores, self.clock = MemoryStores(), TurnableClock(START + timedelta(minutes=1))
        self.log = MemoryLog({str(spec.topic): spec.partitions for spec in TOPICS})
        self.publisher = MemoryPublisher(self.log)
        self.relay = OutboxRelay(
            rfis=self.stores.rfis,
            referrals=self.stores.referrals,
            partners=self.stores.partners,
            publisher=self.publisher,
            clock=self.clock,
        )
        self.commands = ReferralCommands(
            rfis=self.stores.rfis, referrals=self.stores.referrals, relay=self.relay, clock=self.clock
        )

    def told(self, topic: Topic = Topic.REFERRAL_EVENTS) -> list[EventType]:
        return [event_of(record).type for record in self.log.records(str(topic))]


@pytest.fixture
async def world() -> World:
    world = World()
    await world.stores.rfis.add([make_rfi()])
    await world.stores.rfis.route({make_rfi().id: Routing(at=START, chosen=(make_chosen(),))})
    await world.stores.referrals.add([make_referral()])
    return world


ID, PARTNER = make_referral().id, make_referral().partner_id
OPEN = Open(by="partner:ana")
DECLINE = Decline(by="partner:ana", reason=CloseReason.NO_CAPACITY)
ACCEPT = Accept(
    by="partner:ana",
    engagement_name="Cloud for the south",
    deal_value=Money(amount=Decimal(1000), currency="EUR"),
    timeframe=Timeframe.WITHIN_30_DAYS,
)


async def test_a_command_is_saved_told_and_cleared(world: World) -> None:
    referral = await world.commands.execute(ID, ACCEPT, partner_id=PARTNER)
    assert (referral.status, referral.substatus, referral.version) == (Status.ACTIVE, Substatus.ACCEPTED, 2)
    assert (await world.stores.referrals.load([ID]))[ID] == replace(referral, outbox=())
    assert world.told() == [EventType.CREATED, EventType.ACCEPTED]


async def test_a_foreign_referral_is_as_unknown_as_none(world: World) -> None:
    with pytest.raises(NotFound) as foreign:
        await world.commands.execute(ID, OPEN, partner_id="another partner")
    with pytest.raises(NotFound) as missing:
        await world.commands.execute("no-such-id", OPEN)
    assert str(foreign.value).replace(ID, "X") == str(missing.value).replace("no-such-id", "X")
    assert world.told() == []


async def test_an_operator_may_act_for_any_partner_and_is_named(world: World) -> None:
    referral = await world.commands.execute(ID, OPEN, by="operator:olga")
    assert referral.history[-1].by == "operator:olga"


async def test_a_command_that_changes_nothing_writes_nothing(world: World) -> None:
    first = await world.commands.execute(ID, OPEN)
    again = await world.commands.execute(ID, OPEN)
    assert again == replace(first, outbox=())
    assert world.told() == [EventType.CREATED, EventType.RECEIVED]


async def test_a_refused_command_changes_nothing(world: World) -> None:
    with pytest.raises(CommandInvalid):
        await world.commands.execute(ID, Accept(by="partner:ana"))
    assert (await world.stores.referrals.load([ID]))[ID].version == 1


async def test_who_loses_a_race_is_told_what_won_and_when(world: World) -> None:
    results = await asyncio.gather(
        world.commands.execute(ID, DECLINE), world.commands.execute(ID, ACCEPT), return_exceptions=True
    )
    refusals = [result for result in results if isinstance(result, TransitionRefused)]
    winners = [result for result in results if isinstance(result, Referral)]
    assert len(refusals) == len(winners) == 1
    assert (refusals[0].status, refusals[0].since) == (winners[0].status, world.clock.now())


async def test_an_accept_that_loses_to_the_expiry_says_so(world: World) -> None:
    late = world.clock.advance(timedelta(days=14))
    expired = advance(make_referral(), late, STANDARD)
    assert expired is not None
    await world.stores.referrals.save([Change(expired, 1)])
    with pytest.raises(TransitionRefused, match="Expired"):
        await world.commands.execute(ID, ACCEPT)


async def test_commands_that_can_both_be_done_are_both_done(world: World) -> None:
    await asyncio.gather(world.commands.execute(ID, OPEN), world.commands.execute(ID, DECLINE), return_exceptions=True)
    stored = (await world.stores.referrals.load([ID]))[ID]
    assert stored.substatus is Substatus.DECLINED
    sequence = [event_of(record).sequence for record in world.log.records(str(Topic.REFERRAL_EVENTS))]
    assert sequence[0] == 1
    assert set(sequence) == set(range(1, stored.version + 1))


async def test_when_kafka_is_away_the_command_stands_and_is_told_later(world: World) -> None:
    world.publisher.away = True
    referral = await world.commands.execute(ID, DECLINE)
    assert referral.substatus is Substatus.DECLINED
    world.publisher.away = False
    await world.relay.sweep()
    world.clock.advance(GRACE)
    await world.relay.sweep()
    assert world.told() == [EventType.CREATED, EventType.DECLINED]


async def test_when_the_answer_of_the_save_is_lost_a_repeat_is_safe(world: World) -> None:
    world.stores.faults.fail_call(len(world.stores.faults.calls) + 1, after=True)
    with pytest.raises(DependencyUnavailable):
        await world.commands.execute(ID, OPEN)
    assert (await world.commands.execute(ID, OPEN)).version == 2


class AlwaysBeaten:
    """A referral store in which somebody else always writes first."""

    def __init__(self, world: World) -> None:
        self._store, self.saves = world.stores.referrals, 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    async def save(self, changes: Sequence[Change[Referral]]) -> Saved:
        self.saves += 1
        return Saved(conflicts=[change.document.id for change in changes])


async def test_a_command_gives_up_when_others_never_stop_writing(world: World) -> None:
    beaten = AlwaysBeaten(world)
    commands = ReferralCommands(
        rfis=world.stores.rfis,
        referrals=beaten,  # type: ignore[arg-type]
        relay=world.relay,
        clock=world.clock,
    )
    with pytest.raises(VersionConflict, match="try again"):
        await commands.execute(ID, OPEN)
    assert beaten.saves == ATTEMPTS


async def test_a_customer_withdraws_and_the_first_event_comes_first(world: World) -> None:
    rfi = await world.commands.execute_rfi(make_rfi().id, WithdrawRfi(by="customer"))
    assert rfi.state is RfiState.WITHDRAWN
    assert world.told(Topic.ENGAGEMENT_EVENTS) == [EventType.ROUTED, EventType.WITHDRAWN_BY_CUSTOMER]
    assert (await world.commands.execute_rfi(rfi.id, WithdrawRfi(by="customer"))).version == rfi.version
    with pytest.raises(TransitionRefused, match="withdrawn"):
        await world.commands.execute_rfi(rfi.id, ChoosePartner(by="customer", partner_id=PARTNER))


async def test_of_two_choices_at_once_one_wins(world: World) -> None:
    results = await asyncio.gather(
        world.commands.execute_rfi(make_rfi().id, WithdrawRfi(by="customer")),
        world.commands.execute_rfi(make_rfi().id, ChoosePartner(by="customer", partner_id=PARTNER)),
        return_exceptions=True,
    )
    assert [type(result) for result in results].count(TransitionRefused) == 1


async def test_an_unknown_request_is_not_found(world: World) -> None:
    with pytest.raises(NotFound, match="no request"):
        await world.commands.execute_rfi("no-such-id", WithdrawRfi(by="customer"))
