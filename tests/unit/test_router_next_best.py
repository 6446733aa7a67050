"""A declined or lapsed referral goes on to the next-best partner once, whatever fails, or the customer is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from schemas.topics import Topic
from services.adapters import wire
from services.core.codes import RfiState, Status, Substatus
from services.core.creation import accepted_event
from services.core.engagement import ChoosePartner, RfiCommand, WithdrawRfi, decide_rfi
from services.core.errors import VersionConflict
from services.core.events import Event, EventType
from services.core.ports import Change, Outgoing
from services.core.referral import Referral
from services.core.rfi import Consent, Rfi
from services.core.rounds import Answer, Cause, cause_in, with_answer
from services.core.rules import DEFAULT_RULES, PublishedRules
from tests.builders import START, make_chosen, make_partner, make_profile, make_referral, make_rfi
from tests.journeys import travel
from tests.router_world import RouterWorld, crash_at_any_call, through

CONSENT = Consent(contact=True, share=True, next_best=True)
WITHDRAWN = WithdrawRfi(by="customer")


def consenting(n: int = 1, **overrides: Any) -> Rfi:
    """An RFI that goes to two partners, and on to others."""
    return replace(make_rfi(n, consent=CONSENT, max_partners=2), **overrides)


async def routed_world(*rfis: Rfi, profiles: int = 6) -> RouterWorld:
    world = RouterWorld()
    await world.with_profiles(*(make_profile(n) for n in range(1, profiles + 1)))
    await world.accept(*(rfis or (consenting(),)))
    await world.routing.drain()
    return world


def rfi_in(world: RouterWorld, n: int = 1) -> Rfi:
    return world.stores.rfis.stored[make_rfi(n).id]


def asked(world: RouterWorld, n: int = 1) -> list[Referral]:
    """Its referrals, in the order of asking."""
    routing = rfi_in(world, n).routing
    stored = world.stores.referrals.stored.values()
    by_partner = {r.partner_id: r for r in stored if r.rfi_id == make_rfi(n).id}
    return [by_partner[chosen.partner_id] for chosen in (routing.chosen if routing else ())]


async def ends(world: RouterWorld, referral: Referral, *steps: str) -> None:
    """A referral comes to an end, and its events are told."""
    later = travel(world.stores.referrals.stored[referral.id], *steps)
    world.stores.referrals.stored[referral.id] = replace(later, outbox=())
    await world.tell(*later.outbox)


async def customer_says(world: RouterWorld, command: RfiCommand) -> None:
    stored = rfi_in(world)
    decided = decide_rfi(stored, command, START)
    await world.stores.rfis.save([Change(decided, stored.version)])
    await world.relay.publish_and_clear([decided])


def told(world: RouterWorld, kind: EventType) -> list[Event]:
    return list({e.id: e for e in world.told(Topic.ENGAGEMENT_EVENTS) if e.type is kind}.values())


async def drain(world: RouterWorld) -> None:
    await through(world.next_best)


@pytest.mark.parametrize(
    ("steps", "decision"),
    [(("decline", "settle"), "referral.declined"), (("expire",), "referral.expired")],
    ids=["declined", "expired"],
)
async def test_the_next_best_partner_is_asked_and_everybody_can_hear_of_it(
    steps: tuple[str, ...], decision: str
) -> None:
    world = await routed_world()
    first, second = asked(world)
    world.clock.advance(timedelta(hours=2))
    await ends(world, first, *steps)
    await drain(world)
    *before, third = asked(world)
    assert [r.id for r in before] == [first.id, second.id]
    assert (third.status, third.round, third.next_best, third.created_at) == (Status.NEW, 2, True, world.clock.now())
    assert third.why["reasons"]
    event = told(world, EventType.ROUTED)[-1]
    assert event.facts["referrals"] == [{"referralId": third.id, "partnerId": third.partner_id, "picked": False}]
    cause = event.facts["cause"]
    assert isinstance(cause, dict)
    assert (cause["type"], cause["referralId"], cause["partnerId"]) == (decision, first.id, first.partner_id)
    assert event.facts["round"] == 2
    assert third.id in {e.subject for e in world.told(Topic.REFERRAL_EVENTS) if e.type is EventType.CREATED}
    routing = rfi_in(world).routing
    assert routing is not None
    (round_,) = routing.rounds
    assert (round_.after, round_.number, round_.rules) == (first.id, 2, routing.rules)
    assert not rfi_in(world).outbox


async def test_a_decline_that_can_still_be_undone_asks_nobody() -> None:
    world = await routed_world()
    await ends(world, asked(world)[0], "decline")
    await drain(world)
    assert len(asked(world)) == 2


@pytest.mark.parametrize(
    ("rfi", "steps"),
    [
        (consenting(consent=Consent(contact=True, share=True)), ("decline", "settle")),
        (consenting(selected_partners=(make_partner(1).id, make_partner(2).id)), ("decline", "settle")),
        (consenting(), ("accept", "settle")),
        (consenting(), ("accept", "lose", "settle")),
        (consenting(), ("error",)),
        (consenting(), ("withdraw",)),
    ],
    ids=["no consent", "picked", "accepted", "lost", "error", "withdrawn"],
)
async def test_nobody_else_is_asked(rfi: Rfi, steps: tuple[str, ...]) -> None:
    world = await routed_world(rfi)
    await ends(world, asked(world)[0], *steps)
    await drain(world)
    assert len(asked(world)) == 2
    assert rfi_in(world).version == 2


@pytest.mark.parametrize("command", [WITHDRAWN, None], ids=["withdrawn", "chosen"])
async def test_nobody_is_asked_for_a_customer_who_has_decided(command: RfiCommand | None) -> None:
    world = await routed_world()
    first, second = asked(world)
    await customer_says(world, command or ChoosePartner(by="customer", partner_id=second.partner_id))
    await ends(world, first, "expire")
    await drain(world)
    assert len(asked(world)) == 2
    assert len(told(world, EventType.ROUTED)) == 1


async def test_rounds_are_bounded_and_the_customer_hears_of_every_partner_that_drops_out() -> None:
    world = await routed_world()
    for number in range(4):
        await ends(world, asked(world)[number], *(("expire",) if number % 2 else ("decline", "settle")))
        await drain(world)
        # Told once more, as after a crash: nothing is asked twice.
        world.log.rewind("referrals-router-next-best")
        await drain(world)
    assert [r.round for r in asked(world)] == [1, 1, 2, 3]
    nobody = told(world, EventType.NOBODY_LEFT)
    assert {e.facts["because"] for e in nobody} == {"max_rounds"}
    assert {e.facts["round"] for e in nobody} == {3}
    routing = rfi_in(world).routing
    assert routing is not None
    assert {round_.after for round_ in routing.rounds} == {r.id for r in asked(world)}


async def test_when_everybody_was_asked_the_customer_hears_that_nobody_is_left() -> None:
    world = await routed_world(profiles=2)
    await ends(world, asked(world)[0], "expire")
    await drain(world)
    (event,) = told(world, EventType.NOBODY_LEFT)
    assert (event.facts["because"], event.facts["round"]) == ("nobody_else", 1)
    assert len(asked(world)) == 2


async def test_two_declines_at_once_ask_two_different_partners() -> None:
    world = await routed_world()
    for referral in asked(world):
        await ends(world, referral, "decline", "settle")
    await drain(world)
    referrals = asked(world)
    assert [r.round for r in referrals] == [1, 1, 2, 3]
    assert len({r.partner_id for r in referrals}) == 4


async def test_who_was_left_out_is_never_the_next_best() -> None:
    excluded = tuple(make_partner(n).id for n in (1, 3, 5, 6))
    world = await routed_world(consenting(excluded_partners=excluded))
    first, second = asked(world)
    await ends(world, first, "expire")
    await drain(world)
    assert {r.partner_id for r in asked(world)} == {first.partner_id, second.partner_id}
    assert {first.partner_id, second.partner_id} == {make_partner(n).id for n in (2, 4)}
    (event,) = told(world, EventType.NOBODY_LEFT)
    assert event.facts["because"] == "nobody_else"


async def test_who_is_next_is_who_would_have_come_next_at_first() -> None:
    wide = await routed_world(consenting(max_partners=6))
    world = await routed_world()
    for _ in range(2):
        await ends(world, asked(world)[-1], "expire")
        await drain(world)
    assert [r.partner_id for r in asked(world)] == [r.partner_id for r in asked(wide)][:4]


async def test_rules_that_bound_the_partners_of_one_rfi_do_not_end_its_next_best() -> None:
    world = RouterWorld()
    rules = replace(DEFAULT_RULES, version="two", most_partners=2)
    await world.stores.rules.publish(PublishedRules(id="two", rules=rules, by="operator", at=START))
    await world.with_profiles(*(make_profile(n) for n in range(1, 7)))
    await world.accept(consenting(max_partners=5))
    await world.routing.drain()
    assert len(asked(world)) == 2
    await ends(world, asked(world)[0], "expire")
    await drain(world)
    assert [r.round for r in asked(world)] == [1, 1, 2]


async def test_offers_of_one_batch_keep_to_the_capacity() -> None:
    rfis = [consenting(n, max_partners=1) for n in range(1, 5)]
    world = RouterWorld()
    await world.with_profiles(make_profile(1))
    await world.accept(*rfis)
    await world.routing.drain()
    world.router.matcher.put(make_profile(2, capacity=3))
    for n in range(1, 5):
        await ends(world, asked(world, n)[0], "expire")
    await drain(world)
    assert sorted(len(asked(world, n)) for n in range(1, 5)) == [1, 2, 2, 2]
    assert world.router.capacity.open_count(make_profile(2).id) == 3


async def busy_world() -> RouterWorld:
    """Everything a batch can hold: two declines of one RFI, an expiry, one for nobody, one whose customer decided."""
    rfis = [consenting(1), consenting(2), consenting(3), consenting(4, max_partners=5)]
    world = await routed_world(*rfis, profiles=6)
    for referral in asked(world, 1):
        await ends(world, referral, "decline", "settle")
    await ends(world, asked(world, 2)[0], "expire")
    await ends(world, asked(world, 3)[1], "accept", "settle")
    for referral in asked(world, 4)[:2]:
        await ends(world, referral, "expire")
    return world


@pytest.mark.parametrize("restarted", [False, True], ids=["same process", "new process"])
@pytest.mark.parametrize("after", [False, True], ids=["before its effect", "after its effect"])
async def test_a_crash_at_any_call_changes_nothing_in_the_end(after: bool, restarted: bool) -> None:
    await crash_at_any_call(busy_world, lambda world: world.next_best, after=after, restarted=restarted)


async def test_a_lost_commit_repeats_the_same_events_and_nothing_else() -> None:
    world = await busy_world()
    world.next_best.crash_before_commit = True
    await world.next_best.step()
    before = world.end_state()
    await drain(world)
    assert world.end_state() == before


async def test_a_redelivery_of_the_rfi_makes_the_referrals_of_every_round_and_no_others() -> None:
    world = await busy_world()
    await drain(world)
    before = world.end_state()
    world.clock.advance(timedelta(days=1))
    missing = asked(world, 1)[-1]
    del world.stores.referrals.stored[missing.id]
    await world.tell(*(accepted_event(rfi_in(world, n)) for n in range(1, 5)))
    await world.routing.drain()
    assert world.end_state() == before


def meddle(world: RouterWorld, change: Callable[[Rfi], Rfi], times: int) -> Callable[[], None]:
    """Somebody changes the RFI each time it was loaded, at most so often."""
    left = [times]

    def act() -> None:
        if left[0] > 0:
            left[0] -= 1
            world.stores.rfis.stored[rfi_in(world).id] = change(rfi_in(world))

    return act


def withdrawn(rfi: Rfi) -> Rfi:
    return replace(decide_rfi(rfi, WITHDRAWN, START), outbox=())


def touched(rfi: Rfi) -> Rfi:
    return replace(rfi, version=rfi.version + 1)


@pytest.mark.parametrize("times", [1, 4])
async def test_a_lost_race_is_decided_anew(times: int) -> None:
    world = await routed_world()
    await ends(world, asked(world)[0], "expire")
    world.clock.interrupt = meddle(world, touched, times)
    await drain(world)
    assert [r.round for r in asked(world)] == [1, 1, 2]


async def test_a_batch_that_loses_every_race_is_put_back_and_comes_again() -> None:
    world = await routed_world()
    await ends(world, asked(world)[0], "expire")
    world.clock.interrupt = meddle(world, touched, 5)
    await world.next_best.step()
    assert isinstance(world.next_best.waiting_on, VersionConflict)
    await drain(world)
    assert [r.round for r in asked(world)] == [1, 1, 2]


async def test_a_customer_who_withdraws_at_the_same_time_wins() -> None:
    world = await routed_world()
    await ends(world, asked(world)[0], "expire")
    world.clock.interrupt = meddle(world, withdrawn, 1)
    await drain(world)
    assert len(asked(world)) == 2


async def test_a_withdrawal_between_the_answer_and_its_referral_closes_the_referral() -> None:
    world = await routed_world()
    await ends(world, asked(world)[0], "expire")
    first = len(world.faults.calls)
    await world.next_best.step()
    number = first + world.faults.calls[first:].index("MemoryReferrals.add")
    world = await routed_world()
    await ends(world, asked(world)[0], "expire")
    world.faults.fail_call(number)
    await world.next_best.step()
    await customer_says(world, WITHDRAWN)
    await world.siblings.drain()
    await drain(world)
    assert [r.substatus for r in asked(world)] == [Substatus.EXPIRED, Substatus.WITHDRAWN, Substatus.WITHDRAWN]
    assert rfi_in(world).state is RfiState.WITHDRAWN


async def test_what_cannot_be_used_is_put_aside_and_other_events_are_not_even_read() -> None:
    world = await routed_world()
    await world.publisher.publish([Outgoing(topic=Topic.REFERRAL_EVENTS, key="k", value=b"?")])
    unread = wire.outgoing(travel(make_referral(), "open").outbox[-1])
    await world.publisher.publish([replace(unread, value=b"?")])
    stranger = replace(make_referral(9), next_best=True)
    await world.tell(*travel(stranger, "expire").outbox)
    await ends(world, asked(world)[0], "expire")
    await drain(world)
    letters = await world.stores.dead_letters.listed(9)
    assert sorted(letter.reason for letter in letters) == ["ReferenceMissing", "UnreadableRecord"]
    assert len(asked(world)) == 3


def test_a_damaged_cause_asks_for_nothing() -> None:
    settled = travel(replace(make_referral(), next_best=True), "decline", "settle").outbox[-1]
    assert cause_in(settled) is not None
    assert cause_in(replace(settled, facts={**settled.facts, "cause": "damaged"})) is None
    assert cause_in(replace(settled, facts={**settled.facts, "nextBest": "yes"})) is None


def test_an_unrouted_request_has_no_next_partner() -> None:
    cause = Cause(event_id="e", type=EventType.EXPIRED, referral_id="r", partner_id="p")
    with pytest.raises(ValueError, match="has not been routed"):
        with_answer(make_rfi(), cause, Answer(chosen=make_chosen(), rules="r"), START)
