"""Each digest becomes one job, whatever dies between the steps, and is sent once by whoever is free."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from services.adapters.memory.accounts import MemoryUsers
from services.adapters.memory.clock import TurnableClock
from services.adapters.memory.kafka import MemoryLog, MemoryPublisher
from services.adapters.memory.stores import MemoryStores
from services.adapters.outbox import OutboxRelay
from services.adapters.wire import tick_of
from services.core.accounts import Notify, User
from services.core.digest import with_wish
from services.core.errors import DependencyUnavailable
from services.core.ids import SHARDS
from services.core.mail import NO_RFI, JobState, MailKind
from services.core.policy import POLICIES
from services.core.ports import Change, Saved
from services.expirer.digests import DigestSweep
from services.expirer.sweep import ExpirerHandler, Tick
from tests.builders import START
from tests.contract.account_suite import make_user
from tests.unit.test_expirer import tick_record

EVERY = range(SHARDS)
DAY = timedelta(days=1)


class World:
    def __init__(self, people: int = 3) -> None:
        self.stores, self.clock = MemoryStores(), TurnableClock(START)
        self.made = DigestSweep(users=self.stores.users, jobs=self.stores.jobs, clock=self.clock)
        for n in range(people):
            user = with_wish(make_user(f"{n}@partner1.example"), Notify.DIGEST, START)
            self.stores.users.stored[user.id] = user

    async def sweep(self) -> int:
        return await self.made.sweep(EVERY, self.clock.now())

    def states(self) -> list[tuple[str, JobState, int]]:
        return sorted((job.address, job.state, job.attempts) for job in self.stores.jobs.stored.values())


async def test_before_the_morning_there_is_none_then_one_for_each() -> None:
    world = World()
    assert await world.sweep() == 0
    world.clock.advance(DAY)
    assert [await world.sweep(), await world.sweep()] == [3, 0]
    assert world.states() == [(f"{n}@partner1.example", JobState.PENDING, 0) for n in range(3)]
    assert {(job.kind, job.rfi_id) for job in world.stores.jobs.stored.values()} == {(MailKind.DIGEST, NO_RFI)}
    world.clock.advance(DAY)
    await world.sweep()
    assert len(world.states()) == 6


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", range(4))
async def test_a_crash_at_any_step_neither_loses_nor_doubles_a_digest(step: int, *, after: bool) -> None:
    world = World()
    world.clock.advance(DAY)
    world.stores.faults.fail_call(len(world.stores.faults.calls) + step, DependencyUnavailable("mongo"), after=after)
    with pytest.raises(DependencyUnavailable):
        await world.sweep()
    await world.sweep()
    assert world.states() == [(f"{n}@partner1.example", JobState.PENDING, 0) for n in range(3)]
    assert await world.sweep() == 0


async def test_a_sweep_made_again_does_not_send_again_what_was_sent() -> None:
    world = World(1)
    world.clock.advance(DAY)
    (user,) = world.stores.users.stored.values()
    await world.sweep()
    ((id_, job),) = world.stores.jobs.stored.items()
    world.stores.jobs.stored[id_] = replace(job, state=JobState.SENT)
    world.stores.users.stored[user.id] = user
    await world.sweep()
    assert world.states() == [("0@partner1.example", JobState.SENT, 0)]


class Interrupted(MemoryUsers):
    """Just before the first save somebody says no to digests."""

    done = False

    async def save(self, changes: Sequence[Change[User]]) -> Saved:
        if not self.done:
            self.done = True
            (user,) = self.stored.values()
            await super().save([Change(replace(with_wish(user, Notify.NOTHING, START), version=2), 1)])
        return await super().save(changes)


async def test_a_change_of_wish_at_the_same_moment_stays() -> None:
    world = World(1)
    users = Interrupted()
    users.stored = world.stores.users.stored
    world.clock.advance(DAY)
    sweep = DigestSweep(users=users, jobs=world.stores.jobs, clock=world.clock)
    await sweep.sweep(EVERY, world.clock.now())
    (user,) = users.stored.values()
    assert (user.notify, user.digest_at) == (Notify.NOTHING, None)


async def test_the_ticks_that_remind_make_digests_too() -> None:
    world = World()
    relay = OutboxRelay(
        rfis=world.stores.rfis,
        referrals=world.stores.referrals,
        partners=world.stores.partners,
        publisher=MemoryPublisher(MemoryLog({})),
        clock=world.clock,
    )
    expirer = ExpirerHandler(
        referrals=world.stores.referrals,
        publish=relay.publish_and_clear,
        clock=world.clock,
        policies=POLICIES,
        decode=lambda record: Tick(*tick_of(record)),
        digests=world.made,
    )
    world.clock.advance(DAY)
    assert await expirer([tick_record(shard, world.clock.now()) for shard in EVERY]) == []
    assert len(world.states()) == 3


async def test_only_the_shards_that_ticked_are_looked_at() -> None:
    world = World(8)
    world.clock.advance(DAY)
    seen = [await world.made.sweep([shard], world.clock.now()) for shard in EVERY]
    assert sum(seen) == 8
    assert max(seen) < 8
