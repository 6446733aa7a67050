"""When the customer withdraws or has chosen, the other referrals are closed, once, however often it is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from schemas.topics import Topic
from services.core.codes import RfiState, Status, Substatus, WithdrawReason
from services.core.engagement import ChoosePartner, RfiCommand, WithdrawRfi, decide_rfi
from services.core.errors import DependencyUnavailable, VersionConflict
from services.core.events import EventType
from services.core.ports import Change, Outgoing
from services.core.referral import Referral
from tests.builders import START, make_partner, make_profile, make_rfi
from tests.router_world import RouterWorld

P1 = make_partner(1).id
WITHDRAWN = WithdrawRfi(by="customer", reason=WithdrawReason.SOLVED_OTHERWISE)
CHOSEN = ChoosePartner(by="customer", partner_id=P1)


async def routed_world() -> RouterWorld:
    world = RouterWorld()
    await world.with_profiles(*(make_profile(n) for n in range(1, 5)))
    await world.accept(make_rfi(1), make_rfi(2))
    await world.routing.drain()
    await world.siblings.drain()
    return world


async def customer_says(world: RouterWorld, command: RfiCommand) -> None:
    stored = world.stores.rfis.stored[make_rfi(1).id]
    decided = decide_rfi(stored, command, START)
    await world.stores.rfis.save([Change(decided, stored.version)])
    await world.relay.publish_and_clear([decided])


def of(world: RouterWorld, n: int) -> list[Referral]:
    return [r for r in world.stores.referrals.stored.values() if r.rfi_id == make_rfi(n).id]


async def test_a_withdrawal_closes_every_referral_of_the_request_and_of_no_other() -> None:
    world = await routed_world()
    await customer_says(world, WITHDRAWN)
    await world.siblings.drain()
    assert {(r.substatus, r.details.reason) for r in of(world, 1)} == {(Substatus.WITHDRAWN, "solvedOtherwise")}
    assert {r.status for r in of(world, 2)} == {Status.NEW}
    told = [e for e in world.told(Topic.REFERRAL_EVENTS) if e.type is EventType.WITHDRAWN]
    assert len(told) == 4


async def test_the_chosen_partner_goes_on() -> None:
    world = await routed_world()
    await customer_says(world, CHOSEN)
    await world.siblings.drain()
    assert world.stores.rfis.stored[make_rfi(1).id].state is RfiState.CHOSEN
    assert [r.partner_id for r in of(world, 1) if r.status is Status.NEW] == [P1]
    assert {r.details.reason for r in of(world, 1) if r.partner_id != P1} == {"customerChoseAnotherVendor"}


async def test_telling_it_again_changes_nothing() -> None:
    world = await routed_world()
    await customer_says(world, WITHDRAWN)
    await world.siblings.drain()
    before = world.end_state()
    world.log.rewind("referrals-router-engagements")
    await world.siblings.drain()
    assert world.end_state() == before


@pytest.mark.parametrize("after", [False, True], ids=["before its effect", "after its effect"])
async def test_a_crash_at_any_call_changes_nothing_in_the_end(after: bool) -> None:
    clean = await routed_world()
    await customer_says(clean, WITHDRAWN)
    first = len(clean.faults.calls)
    await clean.siblings.drain()
    for number in range(first, len(clean.faults.calls)):
        world = await routed_world()
        await customer_says(world, WITHDRAWN)
        world.faults.fail_call(number, after=after)
        await world.siblings.step()
        assert isinstance(world.siblings.waiting_on, DependencyUnavailable)
        await world.siblings.drain()
        await world.relay.sweep()
        world.clock.advance(timedelta(seconds=10))
        await world.relay.sweep()
        assert world.end_state() == clean.end_state(), clean.faults.calls[number]


def meddle(world: RouterWorld, times: int) -> Callable[[], None]:
    """Somebody changes every referral of the request each time it was loaded, at most so often."""
    left = [times]

    def change() -> None:
        if left[0] > 0:
            left[0] -= 1
            for referral in of(world, 1):
                changed = replace(referral, version=referral.version + 1)
                world.stores.referrals.stored[referral.id] = changed

    return change


@pytest.mark.parametrize("times", [1, 4])
async def test_a_lost_race_is_decided_anew(times: int) -> None:
    world = await routed_world()
    await customer_says(world, WITHDRAWN)
    world.clock.interrupt = meddle(world, times)
    await world.siblings.drain()
    assert {r.substatus for r in of(world, 1)} == {Substatus.WITHDRAWN}


async def test_a_batch_that_loses_every_race_is_put_back_and_comes_again() -> None:
    world = await routed_world()
    await customer_says(world, WITHDRAWN)
    world.clock.interrupt = meddle(world, 5)
    await world.siblings.drain()
    assert isinstance(world.siblings.waiting_on, VersionConflict)
    assert {r.status for r in of(world, 1)} == {Status.NEW}
    await world.siblings.drain()
    assert {r.substatus for r in of(world, 1)} == {Substatus.WITHDRAWN}


async def test_an_unreadable_record_is_put_aside() -> None:
    world = await routed_world()
    await world.publisher.publish([Outgoing(topic=Topic.ENGAGEMENT_EVENTS, key="k", value=b"?")])
    await customer_says(world, WITHDRAWN)
    await world.siblings.drain()
    assert [letter.reason for letter in await world.stores.dead_letters.listed(9)] == ["UnreadableRecord"]
    assert all(r.status is Status.CLOSED for r in of(world, 1))
