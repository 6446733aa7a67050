"""Events reach Kafka in order and at least once, whatever dies in between."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from schemas.topics import TOPICS, Topic
from services.adapters.memory.clock import TurnableClock
from services.adapters.memory.kafka import MemoryLog, MemoryPublisher
from services.adapters.memory.stores import MemoryStores
from services.adapters.outbox import GRACE, PAGE, OutboxRelay
from services.adapters.wire import event_of, profile_of
from services.core.codes import CloseReason
from services.core.commands import Decline, Open
from services.core.engagement import WithdrawRfi, decide_rfi
from services.core.errors import DependencyUnavailable
from services.core.events import Event, EventType
from services.core.lifecycle import decide
from services.core.partner import Profile
from services.core.policy import STANDARD
from services.core.ports import Change
from services.core.referral import Referral
from services.core.rfi import Place
from tests.builders import START, make_profile, make_referral, make_rfi


class World:
    """Twins of everything the relay touches."""

    def __init__(self) -> None:
        self.stores, self.clock = MemoryStores(), TurnableClock()
        self.log = MemoryLog({str(spec.topic): spec.partitions for spec in TOPICS})
        self.publisher = MemoryPublisher(self.log)
        self.relay = self.new_relay()

    def new_relay(self) -> OutboxRelay:
        """A relay as a new process would have it."""
        return OutboxRelay(
            rfis=self.stores.rfis,
            referrals=self.stores.referrals,
            partners=self.stores.partners,
            publisher=self.publisher,
            clock=self.clock,
        )

    async def save(self, referral: Referral) -> Referral:
        """Write a change of a referral, as its writer does before it publishes."""
        assert (await self.stores.referrals.save([Change(referral, referral.version - 1)])).written
        return referral

    async def stored(self, referral: Referral) -> Referral:
        return (await self.stores.referrals.load([referral.id]))[referral.id]

    def events(self, topic: Topic = Topic.REFERRAL_EVENTS) -> list[Event]:
        return [event_of(record) for record in self.log.records(str(topic))]

    async def sweep_later(self) -> int:
        """Sweep, wait for the grace to end, sweep again."""
        relay = self.new_relay()
        first = await relay.sweep()
        self.clock.advance(GRACE)
        return first + await relay.sweep()


@pytest.fixture
def world() -> World:
    return World()


def opened(referral: Referral) -> Referral:
    return decide(referral, Open(by="partner:ana"), START, STANDARD)


def declined(referral: Referral) -> Referral:
    return decide(referral, Decline(by="partner:ana", reason=CloseReason.BUDGET), START, STANDARD)


async def test_the_whole_outbox_is_published_in_order_and_pulled(world: World) -> None:
    await world.stores.referrals.add([make_referral()])
    changed = await world.save(opened(make_referral()))
    await world.relay.publish_and_clear([changed])
    assert [event.type for event in world.events()] == [EventType.CREATED, EventType.RECEIVED]
    assert (await world.stored(changed)).outbox == ()
    assert changed.outbox == tuple(world.events())


async def test_rfis_and_referrals_go_to_their_topics(world: World) -> None:
    rfi = decide_rfi(make_rfi(), WithdrawRfi(by="customer"), START)
    await world.stores.rfis.add([make_rfi()])
    await world.stores.rfis.save([Change(rfi, 1)])
    await world.stores.referrals.add([make_referral()])
    await world.relay.publish_and_clear([rfi, await world.save(opened(make_referral()))])
    assert [event.type for event in world.events(Topic.ENGAGEMENT_EVENTS)] == [EventType.WITHDRAWN_BY_CUSTOMER]
    assert len(world.events()) == 2
    assert (await world.stores.rfis.load([rfi.id]))[rfi.id].outbox == ()


async def test_documents_without_events_cost_nothing(world: World) -> None:
    await world.relay.publish_and_clear([make_referral(), make_rfi()])
    assert world.stores.faults.calls == []


async def test_a_change_made_after_a_crash_sends_what_the_crash_left_first(world: World) -> None:
    await world.stores.referrals.add([make_referral()])
    left = await world.save(opened(make_referral()))
    later = await world.save(declined(left))
    await world.relay.publish_and_clear([later])
    assert [event.type for event in world.events()] == [EventType.CREATED, EventType.RECEIVED, EventType.DECLINED]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", ["publish", "clear"])
async def test_a_crash_around_each_step_is_healed_by_a_sweep(world: World, step: str, after: bool) -> None:
    await world.stores.referrals.add([make_referral()])
    changed = await world.save(opened(make_referral()))
    if step == "publish":
        world.publisher.away = not after
    if step == "clear" or after:
        world.stores.faults.fail_call(len(world.stores.faults.calls), after=step == "clear" and after)
    with pytest.raises(DependencyUnavailable):
        await world.relay.publish_and_clear([changed])
    world.publisher.away = False
    await world.sweep_later()
    assert (await world.stored(changed)).outbox == ()
    first_appearances = list(dict.fromkeys(event.id for event in world.events()))
    assert first_appearances == [event.id for event in changed.outbox]


async def test_a_writer_gets_its_grace_before_others_send_for_it(world: World) -> None:
    await world.stores.referrals.add([make_referral()])
    await world.save(opened(make_referral()))
    assert await world.relay.sweep() == 0
    world.clock.shift(timedelta(days=14))
    assert await world.relay.sweep() == 0
    world.clock.advance(GRACE)
    assert await world.relay.sweep() == 1
    assert await world.relay.sweep() == 0


async def test_more_than_a_page_is_swept_at_once(world: World) -> None:
    referrals = [make_referral(n) for n in range(PAGE + 10)]
    await world.stores.referrals.add(referrals)
    for referral in referrals:
        await world.save(opened(referral))
    relay = world.new_relay()
    await relay.sweep()
    world.clock.advance(GRACE)
    await relay.sweep()
    world.clock.advance(GRACE)
    await relay.sweep()
    assert await world.stores.referrals.with_outbox(1) == []


async def test_an_event_that_cannot_be_sent_does_not_keep_the_others_back(world: World) -> None:
    good, bad = opened(make_referral(1)), opened(make_referral(2))
    bad = replace(bad, outbox=(replace(bad.outbox[0], facts={"one": 2}, type=EventType.STATS_CHANGED),))
    await world.stores.referrals.add([make_referral(1), make_referral(2)])
    await world.save(good)
    await world.save(bad)
    assert await world.sweep_later() == 1
    assert {event.subject for event in world.events()} == {good.id}
    assert [referral.id for referral in await world.stores.referrals.with_outbox(9)] == [bad.id]


def large(number: int, size: int = 2_000_000) -> Profile:
    """A profile that Kafka does not take: none of ours lets it through, an earlier version did."""
    profile = make_profile(number)
    return replace(profile, serves=(Place(country="ES", city="c" * size), *profile.serves))


async def test_a_profile_that_kafka_does_not_take_does_not_keep_the_others_back(world: World) -> None:
    profiles = [make_profile(1), large(2), make_profile(3)]
    await world.stores.partners.put_profiles(profiles)
    await world.stores.referrals.add([make_referral(1)])
    left = await world.save(opened(make_referral(1)))
    assert await world.relay.publish_profiles() == 2
    told = {profile_of(record).id for record in world.log.records(str(Topic.PARTNER_PROFILES))}
    assert told == {profiles[0].id, profiles[2].id}
    assert [profile.id for profile in await world.stores.partners.unpublished(9)] == [profiles[1].id]
    assert await world.sweep_later() == 1
    assert {event.subject for event in world.events()} == {left.id}


async def test_an_outbox_that_kafka_does_not_take_does_not_keep_the_others_back(world: World) -> None:
    good, bad = opened(make_referral(1)), opened(make_referral(2))
    event = bad.outbox[0]
    bad = replace(bad, outbox=(replace(event, facts={**event.facts, "note": "x" * 2_000_000}),))
    await world.stores.referrals.add([make_referral(1), make_referral(2)])
    await world.save(bad)
    await world.save(good)
    assert await world.sweep_later() == 1
    assert {event.subject for event in world.events()} == {good.id}
    assert [referral.id for referral in await world.stores.referrals.with_outbox(9)] == [bad.id]


async def test_profiles_are_published_until_their_newest_version_is_marked(world: World) -> None:
    await world.stores.partners.put_profiles([make_profile(1), make_profile(2)])
    world.stores.faults.fail_call(len(world.stores.faults.calls) + 1)
    with pytest.raises(DependencyUnavailable):
        await world.relay.publish_profiles()
    assert await world.relay.publish_profiles() == 2
    assert await world.relay.publish_profiles() == 0
    profiles = [profile_of(record) for record in world.log.records(str(Topic.PARTNER_PROFILES))]
    assert sorted(profile.id for profile in profiles) == sorted([make_profile(1).id, make_profile(2).id] * 2)
    await world.stores.partners.put_profiles([replace(make_profile(1), version=2)])
    assert await world.relay.sweep() == 1
