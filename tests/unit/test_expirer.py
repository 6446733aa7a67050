"""The expirer: ticks collapse, what is due is done once, nothing early, and one bad document starves nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.topics import Topic
from services.adapters.kafka.partitioner import partition_of
from services.adapters.memory.clock import TurnableClock
from services.adapters.memory.kafka import MemoryLog, MemoryPublisher
from services.adapters.memory.stores import MemoryStores
from services.adapters.outbox import OutboxRelay
from services.adapters.wire import event_of, tick_of, tick_outgoing
from services.core.codes import PolicyName, Substatus
from services.core.errors import DependencyUnavailable, Invalid
from services.core.ids import SHARDS
from services.core.policy import POLICIES, Policy
from services.core.ports import Outgoing, Record
from services.expirer.sweep import BACKOFF, ExpirerHandler, SweepLimits, Tick
from services.expirer.ticker import Ticker
from tests.builders import START, make_referral

PARTITIONS = 8


class World:
    """An expirer over twins."""

    def __init__(self, limits: SweepLimits | None = None, policies: dict[PolicyName, Policy] | None = None) -> None:
        self.stores = MemoryStores()
        self.log = MemoryLog(dict.fromkeys(Topic, PARTITIONS))
        self.publisher = MemoryPublisher(self.log)
        self.clock = TurnableClock(START)
        relay = OutboxRelay(
            rfis=self.stores.rfis,
            referrals=self.stores.referrals,
            partners=self.stores.partners,
            publisher=self.publisher,
            clock=self.clock,
        )
        self.handler = ExpirerHandler(
            referrals=self.stores.referrals,
            publish=relay.publish_and_clear,
            clock=self.clock,
            policies=POLICIES if policies is None else policies,
            decode=lambda record: Tick(*tick_of(record)),
            limits=limits,
        )

    async def tick(self, *at: datetime) -> None:
        """Ticks of every shard for each of the instants, as one batch."""
        failures = await self.handler([tick_record(shard, each) for each in at for shard in range(SHARDS)])
        assert not failures

    def events(self) -> list[str]:
        """Types of the events published, each once."""
        events = {e.id: e.type.value for e in map(event_of, self.log.records(Topic.REFERRAL_EVENTS))}
        return sorted(events.values())

    async def substatuses(self, ids: Sequence[str]) -> set[Substatus]:
        """Where the referrals stand."""
        return {r.substatus for r in (await self.stores.referrals.load(ids)).values()}


def tick_record(shard: int, at: datetime) -> Record:
    out = tick_outgoing(shard, at, PARTITIONS)
    assert out.partition is not None
    return Record(
        topic=out.topic,
        partition=out.partition,
        offset=0,
        timestamp=at,
        key=out.key.encode(),
        value=out.value,
        headers=tuple(out.headers),
    )


async def world_with(number: int, limits: SweepLimits | None = None) -> tuple[World, list[str]]:
    world = World(limits)
    referrals = [make_referral(n) for n in range(number)]
    await world.stores.referrals.add(referrals)
    return world, [r.id for r in referrals]


async def test_each_stage_fires_once_in_its_time_however_often_the_ticks_come() -> None:
    world, ids = await world_with(5)
    for hours in (23, 24, 24, 25, 24 * 12, 24 * 12, 24 * 14, 24 * 15):
        world.clock.advance(START + timedelta(hours=hours) - world.clock.now())
        await world.tick(world.clock.now())
        await world.tick(world.clock.now())
    kinds = ["referral.created", "referral.expired", "referral.expiring_soon", "referral.reminder_due"]
    assert world.events() == sorted(kinds * 5)
    assert await world.substatuses(ids) == {Substatus.EXPIRED}


async def test_nothing_fires_before_its_instant_though_a_ticker_runs_ahead() -> None:
    world, ids = await world_with(3)
    world.clock.advance(timedelta(hours=1))
    await world.tick(START + timedelta(days=30))
    assert world.events() == []
    assert await world.substatuses(ids) == {Substatus.PENDING}


async def test_a_late_tick_does_not_turn_time_back() -> None:
    world, ids = await world_with(2)
    world.clock.advance(timedelta(days=14, seconds=1))
    await world.tick(START + timedelta(hours=1), world.clock.now(), START)
    assert await world.substatuses(ids) == {Substatus.EXPIRED}


async def test_after_an_outage_of_a_month_everything_expires_once_without_stale_reminders() -> None:
    world, ids = await world_with(4)
    world.clock.advance(timedelta(days=30))
    await world.tick(world.clock.now())
    assert await world.substatuses(ids) == {Substatus.EXPIRED}
    assert world.events() == sorted(["referral.created", "referral.expired"] * 4)


async def test_a_flood_is_worked_off_in_bounded_sweeps() -> None:
    world, ids = await world_with(50, SweepLimits(batch=5, rounds=4))
    world.clock.advance(timedelta(days=14, seconds=1))
    await world.tick(world.clock.now())
    expired = [r for r in (await world.stores.referrals.load(ids)).values() if r.substatus is Substatus.EXPIRED]
    assert len(expired) == 20
    for _ in range(2):
        await world.tick(world.clock.now())
    assert await world.substatuses(ids) == {Substatus.EXPIRED}


async def test_a_referral_that_cannot_be_decided_is_deferred_and_then_parked_while_the_others_go_on() -> None:
    policies = {PolicyName.STANDARD: POLICIES[PolicyName.STANDARD]}
    world = World(policies=policies)
    bad, good = make_referral(1, policy=PolicyName.CLASSIC), make_referral(2)
    await world.stores.referrals.add([bad, good])
    world.clock.advance(timedelta(days=15))
    for wait in (timedelta(), *BACKOFF):
        world.clock.advance(wait)
        await world.tick(world.clock.now())
    stored = await world.stores.referrals.load([bad.id, good.id])
    assert stored[good.id].substatus is Substatus.EXPIRED
    assert stored[bad.id].substatus is Substatus.PENDING
    assert await world.stores.referrals.due(range(SHARDS), world.clock.now() + timedelta(days=99), 10) == []


async def test_a_released_referral_has_all_attempts_anew() -> None:
    policies = {PolicyName.STANDARD: POLICIES[PolicyName.STANDARD]}
    world, bad = World(policies=policies), make_referral(1, policy=PolicyName.CLASSIC)
    await world.stores.referrals.add([bad])
    world.clock.advance(timedelta(days=15))
    for _ in range(2):
        for wait in (timedelta(), *BACKOFF):
            assert await world.stores.aside.parked(9) == []
            world.clock.advance(wait)
            await world.tick(world.clock.now())
        [parked] = await world.stores.aside.parked(9)
        assert (parked.referral, parked.attempts, parked.why) == (bad, len(BACKOFF) + 1, "KeyError")
        await world.stores.aside.release([bad.id])
    policies[PolicyName.CLASSIC] = POLICIES[PolicyName.CLASSIC]
    await world.tick(world.clock.now())
    assert await world.substatuses([bad.id]) == {Substatus.EXPIRED}


async def test_an_unreadable_tick_is_a_failure_and_its_neighbours_count() -> None:
    world, ids = await world_with(1)
    world.clock.advance(timedelta(days=15))
    broken = Record(
        topic=Topic.CLOCK_TICKS, partition=0, offset=1, timestamp=START, key=None, value=b"noon", headers=()
    )
    ticks = [tick_record(shard, world.clock.now()) for shard in range(SHARDS)]
    failures = await world.handler([broken, *ticks])
    assert [f.record for f in failures] == [broken]
    assert isinstance(failures[0].error, Invalid)
    assert await world.substatuses(ids) == {Substatus.EXPIRED}


async def test_events_that_could_not_be_published_stay_in_the_outbox_for_the_relay() -> None:
    world, ids = await world_with(1)
    world.clock.advance(timedelta(days=15))
    world.publisher.away = True
    with pytest.raises(DependencyUnavailable):
        await world.tick(world.clock.now())
    stored = (await world.stores.referrals.load(ids))[ids[0]]
    assert stored.substatus is Substatus.EXPIRED
    assert [e.type.value for e in stored.outbox] == ["referral.created", "referral.expired"]


@given(st.integers(0, SHARDS - 1), st.datetimes(timezones=st.just(UTC), min_value=datetime(2020, 1, 1)))  # noqa: DTZ001
def test_a_tick_goes_to_the_partition_of_its_shard_whatever_its_key_hashes_to(shard: int, at: datetime) -> None:
    out = tick_outgoing(shard, at, PARTITIONS)
    assert out.partition == shard % PARTITIONS
    assert Tick(*tick_of(tick_record(shard, at))).shard == shard
    assert partition_of(out.key.encode(), PARTITIONS) in range(PARTITIONS)


class Slate:
    """A publisher that stops the ticker after some calls."""

    def __init__(self, stop: asyncio.Event, calls: int, *, broken: bool = False) -> None:
        self.sent: list[Sequence[Outgoing]] = []
        self._stop, self._calls, self._broken = stop, calls, broken

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        self.sent.append(messages)
        if len(self.sent) == self._calls:
            self._stop.set()
        if self._broken:
            raise DependencyUnavailable("kafka")


def ticker(slate: Slate, *, leads: bool) -> Ticker:
    encode = partial(tick_outgoing, partitions=PARTITIONS)
    return Ticker(publisher=slate, clock=TurnableClock(START), encode=encode, leads=lambda: leads, every_s=0.001)


@pytest.mark.parametrize("broken", [False, True], ids=["kafka answers", "kafka is away"])
async def test_the_leader_ticks_every_shard_again_and_again(*, broken: bool) -> None:
    stop = asyncio.Event()
    slate = Slate(stop, 3, broken=broken)
    async with asyncio.timeout(60):
        await ticker(slate, leads=True).run(stop)
    assert len(slate.sent) == 3
    assert all(len(ticks) == SHARDS for ticks in slate.sent)


async def test_a_shifted_clock_is_ticked_at_once() -> None:
    stop, clock = asyncio.Event(), TurnableClock(START)
    slate = Slate(stop, 2)
    encode = partial(tick_outgoing, partitions=PARTITIONS)
    hourly = Ticker(publisher=slate, clock=clock, encode=encode, leads=lambda: True, every_s=3600.0, look_s=0.001)
    asyncio.get_running_loop().call_later(0.01, clock.advance, timedelta(hours=1))
    async with asyncio.timeout(60):
        await hourly.run(stop)
    assert slate.sent[1] == [encode(shard, START + timedelta(hours=1)) for shard in range(SHARDS)]


async def test_an_instance_that_does_not_lead_is_silent() -> None:
    stop = asyncio.Event()
    slate = Slate(stop, 1)
    running = asyncio.ensure_future(ticker(slate, leads=False).run(stop))
    done, _ = await asyncio.wait({running}, timeout=0.05)
    assert not done
    assert slate.sent == []
    stop.set()
    async with asyncio.timeout(60):
        await running
