"""A customer asks one more partner: once each, as its own pick, whatever fails; or hears why not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from schemas.topics import Group, Topic
from services.adapters.commands import ReferralCommands
from services.core.codes import RfiState, Status, Substatus
from services.core.creation import accepted_event
from services.core.errors import CommandInvalid
from services.core.events import EventType
from services.core.referral import Referral
from services.core.rfi import Rfi, Round
from services.core.wishes import AskPartner
from tests.builders import START, make_partner, make_profile, make_rfi
from tests.router_world import RouterWorld, crash_at_any_call, through
from tests.unit.test_router_next_best import (
    WITHDRAWN,
    asked,
    consenting,
    customer_says,
    ends,
    meddle,
    rfi_in,
    routed_world,
    told,
    touched,
    withdrawn,
)
from tests.unit.test_router_next_best import drain as drain_next_best


def wish(n: int) -> AskPartner:
    return AskPartner(by="customer", partner_id=make_partner(n).id)


def others(world: RouterWorld) -> list[int]:
    """Numbers of the partners that were not asked."""
    there = {referral.partner_id for referral in asked(world)}
    return [n for n in range(1, 7) if make_partner(n).id not in there]


def answers(world: RouterWorld) -> list[Round]:
    routing = rfi_in(world).routing
    return [each for each in (routing.rounds if routing else ()) if each.wanted]


async def drain(world: RouterWorld) -> None:
    await through(world.siblings)


async def test_the_wanted_partner_gets_a_referral_that_is_marked_as_picked() -> None:
    world = await routed_world()
    number = others(world)[-1]
    world.clock.advance(timedelta(hours=1))
    await customer_says(world, wish(number))
    await drain(world)
    *before, mine = asked(world)
    assert len(before) == 2
    assert (mine.partner_id, mine.picked, mine.round, mine.next_best) == (make_partner(number).id, True, 2, False)
    assert (mine.status, mine.created_at) == (Status.NEW, world.clock.now())
    event = told(world, EventType.ROUTED)[-1]
    assert event.facts == {
        "rfiId": make_rfi().id,
        "round": 2,
        "referrals": [{"referralId": mine.id, "partnerId": mine.partner_id, "picked": True}],
        "answers": rfi_in(world).wishes[0].event_id,
    }
    assert mine.id in {e.subject for e in world.told(Topic.REFERRAL_EVENTS) if e.type is EventType.CREATED}
    assert not rfi_in(world).outbox


async def test_a_full_or_far_partner_or_one_of_another_size_can_be_wanted() -> None:
    world = await routed_world()
    far = replace(make_profile(9, capacity=0, keywords=("bakery",)), country="PT", serves=())
    world.router.matcher.put(far)
    await customer_says(world, wish(9))
    await drain(world)
    assert asked(world)[-1].partner_id == make_partner(9).id


@pytest.mark.parametrize(
    ("profile", "because"),
    [
        (make_profile(9, active=False), "inactive"),
        (make_profile(9, paused_until=START + timedelta(days=9)), "paused"),
        (None, "unknown_partner"),
    ],
    ids=["inactive", "paused", "unknown"],
)
async def test_who_cannot_be_asked_is_not_and_the_customer_can_hear_of_it(profile: Any, because: str) -> None:
    world = await routed_world()
    if profile is not None:
        world.router.matcher.put(profile)
    await customer_says(world, wish(9))
    await drain(world)
    assert len(asked(world)) == 2
    (event,) = told(world, EventType.PARTNER_UNAVAILABLE)
    assert event.facts == {
        "rfiId": make_rfi().id,
        "partnerId": make_partner(9).id,
        "round": 1,
        "because": because,
        "answers": rfi_in(world).wishes[0].event_id,
    }


async def test_a_request_that_fitted_nobody_at_first_is_routed_by_a_wish() -> None:
    nowhere = make_rfi(1, consent=consenting().consent)
    world = RouterWorld()
    await world.with_profiles(make_profile(1, country="PT", serves=()))
    await world.accept(nowhere)
    await world.routing.drain()
    assert rfi_in(world).state is RfiState.NO_MATCH
    await customer_says(world, wish(1))
    await drain(world)
    assert rfi_in(world).state is RfiState.ROUTED
    (mine,) = asked(world)
    assert (mine.picked, mine.round) == (True, 2)
    assert [e.type for e in world.told(Topic.ENGAGEMENT_EVENTS) if e.type is EventType.NO_MATCH]


async def test_wishes_leave_the_next_best_its_rounds_and_are_not_asked_again() -> None:
    world = await routed_world()
    first = others(world)
    await customer_says(world, wish(first[0]))
    await drain(world)
    for number in (0, 1):
        await ends(world, asked(world)[number], "expire")
        await drain_next_best(world)
    referrals = asked(world)
    assert [r.picked for r in referrals] == [False, False, True, False, False]
    assert [r.round for r in referrals] == [1, 1, 2, 3, 4]
    assert len({r.partner_id for r in referrals}) == 5
    await ends(world, referrals[3], "expire")
    await drain_next_best(world)
    assert [e.facts["because"] for e in told(world, EventType.NOBODY_LEFT)] == ["max_rounds"]


async def test_a_wish_that_waits_is_nobody_elses_next_best() -> None:
    clean = await routed_world()
    await ends(clean, asked(clean)[0], "expire")
    await drain_next_best(clean)
    would_be_next = asked(clean)[-1].partner_id
    world = await routed_world()
    await customer_says(world, AskPartner(by="customer", partner_id=would_be_next))
    await ends(world, asked(world)[0], "expire")
    await drain_next_best(world)
    await drain(world)
    next_best, mine = asked(world)[2:]
    assert (mine.partner_id, mine.picked) == (would_be_next, True)
    assert next_best.partner_id != would_be_next


async def test_a_wanted_partner_that_was_asked_meanwhile_is_not_asked_twice() -> None:
    world = await routed_world()
    there = asked(world)[0]
    stored = rfi_in(world)
    assert stored.routing is not None
    # As another router left it, that had not seen the wish.
    elsewhere = replace(stored, routing=replace(stored.routing, chosen=()))
    world.stores.rfis.stored[stored.id] = elsewhere
    await customer_says(world, AskPartner(by="customer", partner_id=there.partner_id))
    world.stores.rfis.stored[stored.id] = replace(rfi_in(world), routing=stored.routing)
    await drain(world)
    assert len(asked(world)) == 2
    (answer,) = answers(world)
    assert (answer.partner_id, answer.because) == (None, "asked_already")


@pytest.mark.parametrize("steps", [("decline", "settle"), ("expire",)], ids=["declined", "expired"])
async def test_a_wanted_partner_that_drops_out_goes_on_to_nobody(steps: tuple[str, ...]) -> None:
    world = await routed_world()
    await customer_says(world, wish(others(world)[0]))
    await drain(world)
    await ends(world, asked(world)[-1], *steps)
    await drain_next_best(world)
    assert len(asked(world)) == 3


async def busy_world() -> RouterWorld:
    """Two wishes of one request in one batch, one of another, one for nobody, and one whose customer decided."""
    world = await routed_world(consenting(1), consenting(2), consenting(3))
    for number in others(world)[:2]:
        await customer_says(world, wish(number))
    await say(world, 2, wish(others(world)[-1]))
    await say(world, 2, wish(9))
    await say(world, 3, wish(5))
    await say(world, 3, WITHDRAWN)
    return world


async def say(world: RouterWorld, n: int, command: Any) -> None:
    """What the customer of another RFI says; it may have been said before."""
    commands = ReferralCommands(
        rfis=world.stores.rfis, referrals=world.stores.referrals, relay=world.relay, clock=world.clock
    )
    try:
        await commands.execute_rfi(make_rfi(n).id, command)
    except CommandInvalid:
        return


@pytest.mark.parametrize("restarted", [False, True], ids=["same process", "new process"])
@pytest.mark.parametrize("after", [False, True], ids=["before its effect", "after its effect"])
async def test_a_crash_at_any_call_changes_nothing_in_the_end(after: bool, restarted: bool) -> None:
    await crash_at_any_call(busy_world, lambda world: world.siblings, after=after, restarted=restarted)


async def test_a_redelivery_of_everything_repeats_the_same_events_and_nothing_else() -> None:
    world = await busy_world()
    world.siblings.crash_before_commit = True
    await world.siblings.step()
    before = world.end_state()
    await drain(world)
    world.log.rewind(Group.ROUTER_ENGAGEMENTS)
    await drain(world)
    await world.tell(accepted_event(rfi_in(world)))
    await world.routing.drain()
    assert world.end_state() == before


@pytest.mark.parametrize("times", [1, 4])
async def test_a_lost_race_is_decided_anew(times: int) -> None:
    world = await routed_world()
    await customer_says(world, wish(others(world)[0]))
    world.clock.interrupt = meddle(world, touched, times)
    await drain(world)
    assert len(asked(world)) == 3


async def test_a_customer_who_withdraws_at_the_same_time_wins() -> None:
    world = await routed_world()
    await customer_says(world, wish(others(world)[0]))
    world.clock.interrupt = meddle(world, withdrawn, 1)
    await drain(world)
    assert len(asked(world)) == 2


async def test_a_withdrawal_between_the_answer_and_its_referral_closes_the_referral() -> None:
    async def wanting() -> RouterWorld:
        made = await routed_world()
        await customer_says(made, wish(others(made)[0]))
        return made

    world = await wanting()
    first = len(world.faults.calls)
    await world.siblings.step()
    number = first + world.faults.calls[first:].index("MemoryReferrals.add")
    world = await wanting()
    world.faults.fail_call(number)
    await world.siblings.step()
    await customer_says(world, WITHDRAWN)
    await drain(world)
    assert {r.substatus for r in asked(world)} == {Substatus.WITHDRAWN}


async def test_a_wish_of_a_request_that_is_gone_is_put_aside() -> None:
    world = await routed_world()
    await customer_says(world, wish(others(world)[0]))
    stored: dict[str, Rfi] = world.stores.rfis.stored
    del stored[make_rfi().id]
    await drain(world)
    letters = await world.stores.dead_letters.listed(9)
    assert [letter.reason for letter in letters] == ["ReferenceMissing"]
    referrals: list[Referral] = list(world.stores.referrals.stored.values())
    assert len(referrals) == 2
