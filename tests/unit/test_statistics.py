"""Every outcome of a referral is counted once for its profile, and the routers hear of it, whatever fails."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry

from schemas.topics import TOPICS, Group, Topic
from services.adapters import wire
from services.adapters.kafka.dead_letters import DeadLetters
from services.adapters.kafka.metrics import DeliveryMetrics
from services.adapters.kafka.subscription import Subscription
from services.adapters.memory.accounts import MemorySecrets
from services.adapters.memory.clock import TurnableClock
from services.adapters.memory.faults import Faults
from services.adapters.memory.kafka import MemoryConsumer, MemoryLog, MemoryPublisher
from services.adapters.memory.stores import MemoryStores
from services.adapters.standing_seal import SealedStandings
from services.core.errors import DependencyUnavailable, UnknownMessage, UnreadableRecord, VersionConflict
from services.core.events import Event
from services.core.pasts import KeptPast, ReadUpTo, is_in, read_with
from services.core.ports import Change, Outgoing, Record
from services.core.referral import Referral
from services.core.standing import Counts, Standing
from services.matching.learning import MOST_EVENTS
from services.matching.pasts import past_of, standing_in, stored_standings
from services.statistics.app import StatisticsPorts, build
from services.statistics.outcomes import outcome_of, result_in
from tests.builders import START, make_profile, make_referral, make_rfi
from tests.journeys import LATER, travel
from tests.router_world import FaultyPublisher, RouterWorld

PROFILE = make_profile(1).id
LIVES = {
    "accepted": ("accept", "settle"),
    "declined": ("decline", "settle"),
    "won": ("accept", "win", "settle"),
    "lost": ("accept", "lose", "settle"),
    "expired": ("expire",),
}


class StatisticsWorld:
    """One statistics process and the world around it, in memory."""

    def __init__(self) -> None:
        self.faults = Faults()
        self.stores = MemoryStores(self.faults)
        self.log = MemoryLog({str(spec.topic): 2 for spec in TOPICS})
        self.clock = TurnableClock(START)
        self.made = build(
            StatisticsPorts(
                rfis=self.stores.rfis,
                referrals=self.stores.referrals,
                pasts=self.stores.pasts,
                publisher=FaultyPublisher(self.log, self.faults),
                decode_event=wire.event_of,
                type_of=wire.type_of,
                encode_standing=wire.standing_outgoing,
            )
        )
        letters = DeadLetters(
            self.stores.dead_letters,
            MemoryPublisher(self.log),
            now=self.clock.now,
            metrics=DeliveryMetrics(CollectorRegistry()),
        )
        subscription = Subscription(topics=(Topic.REFERRAL_EVENTS,), group=Group.STATISTICS)
        self.consumer = MemoryConsumer(self.log, subscription, self.made.handler, letters)

    async def live(self, n: int, *steps: str, partner: int = 1) -> Referral:
        """Referral `n` goes this way, and its events are told."""
        referral = travel(make_referral(n, partner=partner), *steps)
        self.stores.rfis.stored[referral.rfi_id] = make_rfi(n)
        self.stores.referrals.stored[referral.id] = replace(referral, outbox=())
        await self.tell(*referral.outbox)
        return referral

    async def tell(self, *events: Event) -> None:
        await MemoryPublisher(self.log).publish([wire.outgoing(event) for event in events])

    async def drain(self) -> None:
        for _ in range(10):
            if not await self.consumer.drain() and self.consumer.waiting_on is None:
                return
        raise AssertionError("the batch never got through")

    def standing(self, profile: str = PROFILE) -> Standing:
        found = standing_in(self.stores.pasts.stored[profile])
        assert found is not None
        return found

    def told(self) -> list[Standing]:
        return [wire.standing_of(record) for record in self.log.records(Topic.PARTNER_STATS)]


async def busy_world() -> StatisticsWorld:
    world = StatisticsWorld()
    for n, steps in enumerate(LIVES.values(), 1):
        await world.live(n, *steps)
    await world.live(1, "decline", "settle", partner=2)
    await world.live(9, "accept")
    await world.live(10, "error")
    await world.live(11, "withdraw")
    return world


async def test_outcomes_are_counted_for_their_profile_and_what_is_none_is_not() -> None:
    world = await busy_world()
    await world.drain()
    # A win and a loss were accepted before, and each accept was settled when they came.
    assert world.standing().counts == Counts(received=5, accepted=3, declined=1, won=1, lost=1, expired=1)
    assert world.standing(make_profile(2).id).counts == Counts(received=1, declined=1)
    assert world.standing().response == LATER - START
    assert world.standing().terms
    assert {each.profile_id: each for each in world.told()}[PROFILE] == world.standing()


@pytest.mark.parametrize("after", [False, True], ids=["before its effect", "after its effect"])
async def test_a_crash_at_any_call_changes_nothing_in_the_end(after: bool) -> None:
    clean = await busy_world()
    await clean.drain()
    calls = list(clean.faults.calls)
    assert {call.partition(".")[2] for call in calls} == {"load", "save", "publish", "mark_published"}
    for number in range(len(calls)):
        world = await busy_world()
        world.faults.fail_call(number, after=after)
        await world.consumer.step()
        assert isinstance(world.consumer.waiting_on, DependencyUnavailable)
        await world.drain()
        await world.made.standings.sweep()
        assert world.stores.pasts.stored == clean.stores.pasts.stored, calls[number]
        assert not await world.stores.pasts.unpublished(10)
        newest = {each.profile_id: each for each in sorted(world.told(), key=lambda each: each.version)}
        assert newest == {each.profile_id: each for each in clean.told()}


async def test_a_replay_of_everything_counts_nothing_twice_however_long_the_history() -> None:
    world = StatisticsWorld()
    for n in range(MOST_EVENTS + 50):
        await world.live(n, "expire")
    await world.drain()
    before = dict(world.stores.pasts.stored)
    assert world.standing().counts.expired == MOST_EVENTS + 50
    world.log.rewind(Group.STATISTICS)
    await world.drain()
    assert world.stores.pasts.stored == before


async def test_an_event_that_was_published_twice_counts_once() -> None:
    world = StatisticsWorld()
    referral = await world.live(1, "expire")
    await world.tell(*referral.outbox)
    await world.drain()
    assert world.standing().version == 1


def record(offset: int, at: timedelta = timedelta(0), partition: int = 0) -> Record:
    return Record(topic="t", partition=partition, offset=offset, timestamp=START + at, key=None, value=None)


def test_a_record_is_in_a_state_that_was_read_up_to_it_and_a_topic_made_anew_is_not() -> None:
    read = read_with(read_with((), record(7, timedelta(hours=1))), record(8))
    assert read == (ReadUpTo(partition=0, offset=8, at=START + timedelta(hours=1)),)
    assert is_in(record(3), read)
    assert is_in(record(8), read)
    assert not is_in(record(9), read)
    assert not is_in(record(3, partition=1), read)
    assert not is_in(record(3, timedelta(hours=2)), read)
    assert read_with(read, record(0, partition=1))[1].partition == 1


async def test_a_lost_race_is_counted_anew_and_a_batch_that_loses_every_race_is_put_back() -> None:
    world = StatisticsWorld()
    await world.live(1, "expire")
    other = await world.live(2, "expire")
    wins = [5]
    load = world.stores.pasts.load

    async def overtaken(ids: list[str]) -> dict[str, KeptPast]:
        found = await load(ids)
        if wins[0] > 0:
            wins[0] -= 1
            version = found[PROFILE].version if PROFILE in found else 0
            past = KeptPast(id=PROFILE, partner_id=other.partner_id, version=version + 1, state="{}")
            await world.stores.pasts.save([Change(past, version)])
        return found

    world.stores.pasts.load = overtaken  # type: ignore[method-assign, assignment]  # somebody else is always first
    await world.consumer.step()
    assert isinstance(world.consumer.waiting_on, VersionConflict)
    wins[0] = 4
    await world.drain()
    assert world.standing().counts.expired == 2


async def test_what_cannot_be_used_is_put_aside_and_other_events_are_not_even_read() -> None:
    world = StatisticsWorld()
    unread = wire.outgoing(travel(make_referral(), "open").outbox[-1])
    publisher = MemoryPublisher(world.log)
    await publisher.publish([Outgoing(topic=Topic.REFERRAL_EVENTS, key="k", value=b"?"), replace(unread, value=b"?")])
    await world.live(1, "expire")
    await world.drain()
    assert [letter.reason for letter in await world.stores.dead_letters.listed(9)] == ["UnreadableRecord"]
    assert world.standing().version == 1


async def test_an_outcome_of_an_erased_request_counts_and_teaches_no_terms() -> None:
    world = StatisticsWorld()
    referral = await world.live(1, "decline", "settle")
    world.stores.rfis.stored.clear()
    world.stores.referrals.stored.clear()
    await world.drain()
    assert world.standing().counts.declined == 1
    assert (world.standing().terms, world.standing().response) == ({}, None)
    (settled,) = [event for event in referral.outbox if result_in(event) is not None]
    result = result_in(settled)
    assert result is not None
    assert outcome_of(settled, result, {}, None).reason == "noCapacity"
    assert result_in(replace(settled, facts={**settled.facts, "cause": "damaged"})) is None


async def test_a_router_knows_the_stored_standings_and_follows_what_comes() -> None:
    world = await busy_world()
    await world.drain()
    router = RouterWorld()
    router.stores.pasts.stored = dict(world.stores.pasts.stored)
    learned: dict[str, int] = {}
    learn = router.router.matcher.learn

    def noted(profile_id: str, standing: Standing) -> bool:
        taken = learn(profile_id, standing)
        if taken:
            learned[profile_id] = standing.version
        return taken

    router.router.matcher.learn = noted  # type: ignore[method-assign]  # to see what it is told
    await router.with_profiles(make_profile(1), make_profile(2))
    versions = {id_: past.version for id_, past in world.stores.pasts.stored.items()}
    assert learned == versions
    newer = replace(world.standing(), version=versions[PROFILE] + 1)
    sent = [wire.standing_outgoing(each, "p") for each in (world.standing(), newer)]
    await MemoryPublisher(router.log).publish(sent)
    await router.router.standings.follow(asyncio.Event())
    assert learned[PROFILE] == newer.version


async def test_a_past_that_nobody_can_read_leaves_the_others_readable() -> None:
    world = await busy_world()
    await world.drain()
    kept = world.stores.pasts.stored[PROFILE]
    world.stores.pasts.stored[PROFILE] = replace(kept, state="[]")
    found = [standing async for page in stored_standings(world.stores.pasts) for standing in page]
    assert [each.profile_id for each in found] == [make_profile(2).id]
    with pytest.raises(ValueError, match="can't be read"):
        past_of(replace(kept, state="[]"))


def test_a_standing_travels_and_a_damaged_one_is_told_by_field() -> None:
    standing = Standing(
        profile_id=PROFILE, version=3, at=START, prior=0.7, terms={"w:migrat": 0.5}, counts=Counts(received=3)
    )
    sent = wire.standing_outgoing(standing, "p-1")

    def read(message: Outgoing) -> Standing:
        key, value = message.key.encode(), message.value
        return wire.standing_of(replace(record(0), key=key, value=value, headers=message.headers))

    assert (sent.topic, sent.key) == (Topic.PARTNER_STATS, PROFILE)
    assert read(sent) == standing
    answered = replace(standing, response=timedelta(minutes=90))
    assert read(wire.standing_outgoing(answered, "p-1")) == answered
    with pytest.raises(UnreadableRecord, match="prior"):
        read(replace(sent, value=sent.value.replace(b'"prior":0.7', b'"prior":7')))
    with pytest.raises(UnknownMessage):
        read(wire.outgoing(travel(make_referral(), "open").outbox[-1]))


async def test_what_is_learned_of_words_travels_sealed_and_only_its_exchange_reads_it() -> None:
    standing = Standing(profile_id=PROFILE, version=3, at=START, terms={"w:zyxkanarix": 0.5, "r:ES-AN": -1.0})
    secrets = MemorySecrets()
    ours, again, others = SealedStandings(secrets), SealedStandings(secrets), SealedStandings(MemorySecrets())
    with pytest.raises(DependencyUnavailable):
        ours.outgoing(standing, "p-1")
    for each in (ours, again, others):
        await each.load()

    def arrived(message: Outgoing) -> Record:
        return replace(record(0), key=message.key.encode(), value=message.value, headers=message.headers)

    sent = arrived(ours.outgoing(standing, "p-1"))
    assert b"zyxkanarix" not in (sent.value or b"")
    assert b"ES-AN" not in (sent.value or b"")
    assert again.of(sent) == standing
    # As versions before wrote it.
    assert again.of(arrived(wire.standing_outgoing(standing, "p-1"))) == standing
    for read in (others.of, wire.standing_of):
        with pytest.raises(UnreadableRecord, match="sealed with a key"):
            read(sent)
