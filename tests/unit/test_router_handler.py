"""Whatever fails on the way, an RFI is routed once, its referrals are stored once, and all of it is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from schemas.topics import Topic
from services.core.codes import PolicyName, RfiState, Status, Substatus
from services.core.creation import accepted_event
from services.core.engagement import ChoosePartner, WithdrawRfi, decide_rfi
from services.core.errors import DependencyUnavailable
from services.core.events import EventType
from services.core.ids import referral_id
from services.core.lifecycle import decide
from services.core.policy import POLICIES
from services.core.ports import Change, Outgoing
from services.core.rfi import Rfi, Routing
from services.router.handler import PORTION
from tests.builders import START, make_need, make_partner, make_profile, make_rfi
from tests.journeys import accept
from tests.router_world import RouterWorld, through

PROFILES = [make_profile(n, capacity=3 if n == 1 else None) for n in range(1, 8)]
WITHDRAWN = WithdrawRfi(by="customer")


async def routed_before(world: RouterWorld, rfi: Rfi, *commands: WithdrawRfi | ChoosePartner) -> None:
    """A router stored the routing and died; then the customer decided, and found no referral to close."""
    await world.stores.rfis.add([rfi])
    (routing,) = world.router.matcher.match([rfi], START)
    await world.stores.rfis.route({rfi.id: routing})
    for command in commands:
        stored = world.stores.rfis.stored[rfi.id]
        decided = decide_rfi(stored, command, START + timedelta(minutes=1))
        await world.stores.rfis.save([Change(replace(decided, outbox=()), stored.version)])
    await world.tell(accepted_event(rfi))


async def busy_world(portion: int = PORTION) -> RouterWorld:
    """Everything a batch can hold: new RFIs, a redelivered one, one for nobody, some overtaken by the customer."""
    world = RouterWorld(portion)
    await world.with_profiles(*PROFILES)
    nobody = make_rfi(9, need=make_need(place=replace(make_need().place, country="PT", subdivision=None)))
    await world.accept(*(make_rfi(n) for n in range(1, 5)), nobody)
    await world.tell(accepted_event(make_rfi(1)))
    await routed_before(world, make_rfi(5))
    await routed_before(world, make_rfi(6), WITHDRAWN)
    await routed_before(world, make_rfi(7))
    stored = world.stores.rfis.stored[make_rfi(7).id]
    assert stored.routing is not None
    chosen = ChoosePartner(by="customer", partner_id=stored.routing.chosen[0].partner_id)
    decided = replace(decide_rfi(stored, chosen, START), outbox=())
    await world.stores.rfis.save([Change(decided, stored.version)])
    unrouted = decide_rfi(make_rfi(8), WITHDRAWN, START)
    await world.stores.rfis.add([replace(unrouted, outbox=())])
    await world.tell(accepted_event(make_rfi(8)))
    return world


async def drain(world: RouterWorld) -> None:
    await through(world.routing)


async def test_an_rfi_becomes_referrals_and_everybody_can_hear_of_it() -> None:
    world = RouterWorld()
    await world.with_profiles(*PROFILES)
    await world.accept(make_rfi(1))
    await drain(world)
    stored = world.stores.rfis.stored[make_rfi(1).id]
    assert stored.state is RfiState.ROUTED
    assert stored.routing is not None
    wanted = {referral_id(stored.id, chosen.partner_id) for chosen in stored.routing.chosen}
    assert len(wanted) == stored.max_partners
    assert set(world.stores.referrals.stored) == wanted
    assert {event.subject for event in world.told(Topic.REFERRAL_EVENTS)} == wanted
    (routed,) = world.told(Topic.ENGAGEMENT_EVENTS)
    assert routed.type is EventType.ROUTED
    assert all(referral.why["reasons"] for referral in world.stores.referrals.stored.values())


async def test_an_rfi_for_nobody_is_told_with_the_reason() -> None:
    world = RouterWorld()
    await world.with_profiles()
    await world.accept(make_rfi(1))
    await drain(world)
    (event,) = world.told(Topic.ENGAGEMENT_EVENTS)
    assert (event.type, event.facts["because"]) == (EventType.NO_MATCH, "no_partner_in_region")
    assert world.stores.rfis.stored[make_rfi(1).id].state is RfiState.NO_MATCH


async def test_the_busy_batch_ends_as_it_should() -> None:
    world = await busy_world()
    await drain(world)
    of = {n: [r for r in world.stores.referrals.stored.values() if r.rfi_id == make_rfi(n).id] for n in range(1, 10)}
    assert {n: len(of[n]) for n in range(1, 10)} == {1: 5, 2: 5, 3: 5, 4: 5, 5: 5, 6: 5, 7: 5, 8: 0, 9: 0}
    assert all(referral.substatus is Substatus.WITHDRAWN for referral in of[6])
    assert sum(referral.status is Status.NEW for referral in of[7]) == 1
    assert all(referral.status is Status.NEW for n in range(1, 6) for referral in of[n])
    assert not await world.stores.referrals.with_outbox(10)


async def calls_of_a_clean_run(portion: int = PORTION) -> tuple[int, int, list[str]]:
    world = await busy_world(portion)
    before = len(world.faults.calls)
    await drain(world)
    return before, len(world.faults.calls), world.faults.calls[before:]


@pytest.mark.parametrize("restarted", [False, True], ids=["same process", "new process"])
@pytest.mark.parametrize("after", [False, True], ids=["before its effect", "after its effect"])
async def test_a_crash_at_any_call_changes_nothing_in_the_end(after: bool, restarted: bool) -> None:
    await crash_at_any_call(PORTION, after=after, restarted=restarted)


@pytest.mark.parametrize("after", [False, True], ids=["before its effect", "after its effect"])
async def test_a_crash_while_a_portion_is_stored_and_the_next_is_matched_changes_nothing(after: bool) -> None:
    await crash_at_any_call(3, after=after, restarted=False)


async def test_where_a_portion_ends_changes_nothing() -> None:
    ends = []
    for portion in (1, 2, PORTION):
        world = await busy_world(portion)
        await drain(world)
        ends.append(world.end_state())
    assert ends[0] == ends[1] == ends[2]


async def crash_at_any_call(portion: int, *, after: bool, restarted: bool) -> None:
    clean = await busy_world(portion)
    await drain(clean)
    first, last, calls = await calls_of_a_clean_run(portion)
    assert {call.partition(".")[2] for call in calls} >= {"load", "route", "add", "publish", "of_rfis", "save"}
    for number in range(first, last):
        world = await busy_world(portion)
        world.faults.fail_call(number, after=after)
        await world.routing.step()
        assert isinstance(world.routing.waiting_on, DependencyUnavailable)
        if restarted:
            world.restart()
            await world.router.prepare()
        await drain(world)
        # What the publication of a closing missed is the relay's, which looks a few seconds later.
        await world.relay.sweep()
        world.clock.advance(timedelta(seconds=10))
        await world.relay.sweep()
        if not restarted:
            # A new process counts what the dead one gave out; matching may then end elsewhere, and only then.
            assert world.end_state() == clean.end_state(), clean.faults.calls[number]
        assert_all_consistent(world)


def assert_all_consistent(world: RouterWorld) -> None:
    """Every routing has exactly its referrals, and each of them was told as created before anything else."""
    told: dict[str, list[EventType]] = {}
    for event in world.told(Topic.REFERRAL_EVENTS):
        told.setdefault(event.subject, []).append(event.type)
    wanted = {
        referral_id(rfi.id, chosen.partner_id)
        for rfi in world.stores.rfis.stored.values()
        if rfi.routing
        for chosen in rfi.routing.chosen
    }
    assert set(world.stores.referrals.stored) == wanted == set(told)
    assert all(types[0] is EventType.CREATED for types in told.values())
    withdrawn = {r.id for r in world.stores.referrals.stored.values() if r.substatus is Substatus.WITHDRAWN}
    assert {id_ for id_, types in told.items() if EventType.WITHDRAWN in types} == withdrawn
    assert len(withdrawn) == 9


async def test_a_lost_commit_repeats_the_same_events_and_nothing_else() -> None:
    world = await busy_world()
    world.routing.crash_before_commit = True
    await world.routing.step()
    before = world.end_state()
    await drain(world)
    assert world.end_state() == before


async def test_a_redelivery_takes_the_stored_routing_though_profiles_have_changed() -> None:
    world = RouterWorld()
    await world.with_profiles(make_profile(1, policy=PolicyName.CLASSIC))
    await world.accept(make_rfi(1))
    world.routing.crash_before_commit = True
    await world.routing.step()
    before = world.end_state()
    world.clock.advance(timedelta(hours=1))
    world.router.matcher.put(make_profile(1, version=2, active=False))
    world.router.matcher.put(make_profile(2))
    await drain(world)
    assert world.end_state() == before


async def test_a_referral_that_lives_already_is_told_as_it_was_created() -> None:
    world = RouterWorld()
    await world.with_profiles(make_profile(1))
    await world.accept(make_rfi(1))
    world.routing.crash_before_commit = True
    await world.routing.step()
    (referral,) = world.stores.referrals.stored.values()
    accepted = decide(referral, accept(), START + timedelta(hours=1), POLICIES[referral.policy])
    await world.stores.referrals.save([Change(accepted, referral.version)])
    await drain(world)
    first, again = world.told(Topic.REFERRAL_EVENTS)
    assert first == again
    assert world.stores.referrals.stored[referral.id].status is Status.ACTIVE


async def test_deadlines_count_from_the_stored_routing_however_late_the_redelivery_comes() -> None:
    world = RouterWorld()
    await world.with_profiles(make_profile(1))
    await routed_before(world, make_rfi(1))
    world.clock.advance(timedelta(hours=5))
    await drain(world)
    (referral,) = world.stores.referrals.stored.values()
    assert (referral.created_at, referral.expires_at) == (START, START + timedelta(days=14))


async def test_the_policy_of_a_profile_that_only_the_store_knows_is_looked_up_there() -> None:
    world = RouterWorld()
    await world.with_profiles(make_profile(1, policy=PolicyName.CLASSIC))
    await routed_before(world, make_rfi(1))
    world.restart()
    await drain(world)
    (referral,) = world.stores.referrals.stored.values()
    assert referral.policy is PolicyName.CLASSIC


async def test_capacity_is_counted_at_once_and_set_right_by_the_store() -> None:
    world = RouterWorld()
    await world.with_profiles(make_profile(1, capacity=2))
    await world.accept(make_rfi(1))
    await drain(world)
    await world.accept(make_rfi(2))
    await drain(world)
    await world.accept(make_rfi(3))
    await drain(world)
    assert len(world.stores.referrals.stored) == 2
    full = world.stores.rfis.stored[make_rfi(3).id].routing
    assert full is not None
    assert full.no_match_because == "all_at_capacity"
    referral = next(iter(world.stores.referrals.stored.values()))
    closed = replace(referral, status=Status.CLOSED, substatus=Substatus.EXPIRED, version=2)
    await world.stores.referrals.save([Change(closed, 1)])
    await world.router.refresh_capacity()
    await world.accept(make_rfi(4))
    await drain(world)
    assert len(world.stores.referrals.stored) == 3


async def test_what_cannot_be_used_is_put_aside_and_its_neighbours_go_on() -> None:
    world = RouterWorld()
    await world.with_profiles(make_profile(1))
    await world.accept(make_rfi(1))
    await world.tell(accepted_event(make_rfi(404)))
    withdrawn = decide_rfi(make_rfi(1), WITHDRAWN, START).outbox[-1]
    stray = Outgoing(topic=Topic.RFI_ACCEPTED, key="k", value=b"\xff")
    await world.publisher.publish([stray])
    lane = world.log.partitions(Topic.RFI_ACCEPTED)[0]
    await world.tell(withdrawn)
    moved = world.log.records(Topic.ENGAGEMENT_EVENTS)[-1]
    lane.append(replace(moved, topic=Topic.RFI_ACCEPTED, partition=0, offset=len(lane)))
    await drain(world)
    letters = await world.stores.dead_letters.listed(10)
    assert sorted(letter.reason for letter in letters) == ["ReferenceMissing", "UnknownMessage", "UnreadableRecord"]
    assert len(world.stores.referrals.stored) == 1


async def test_a_large_batch_counts_capacity_across_its_parts() -> None:
    world = RouterWorld()
    await world.with_profiles(make_profile(1, capacity=70), make_profile(2))
    await world.accept(*(make_rfi(n) for n in range(120)))
    await drain(world)
    mine = [r for r in world.stores.referrals.stored.values() if r.partner_id == make_partner(1).id]
    assert len(mine) == 70


async def test_a_routing_that_another_router_stored_first_is_taken_over() -> None:
    theirs: list[Routing] = []

    def overtake() -> None:
        stored = world.stores.rfis.stored
        rfi = stored.get(make_rfi(1).id)
        if theirs and rfi is not None and rfi.routing is None:
            stored[rfi.id] = replace(rfi, routing=theirs[0], state=RfiState.ROUTED, version=2)

    world = RouterWorld()
    world.clock.interrupt = overtake
    await world.with_profiles(make_profile(1), make_profile(2))
    await world.accept(make_rfi(1))
    theirs += world.router.matcher.match([make_rfi(1, max_partners=1)], START - timedelta(seconds=1))
    await drain(world)
    stored = world.stores.rfis.stored[make_rfi(1).id]
    assert stored.routing == theirs[0]
    assert [r.partner_id for r in world.stores.referrals.stored.values()] == [theirs[0].chosen[0].partner_id]
    (event,) = world.told(Topic.ENGAGEMENT_EVENTS)
    assert event.at == theirs[0].at


async def test_a_customer_who_withdraws_while_the_batch_is_matched_gets_no_referrals() -> None:
    def withdraw() -> None:
        stored = world.stores.rfis.stored
        rfi = stored.get(make_rfi(1).id)
        if rfi is not None and rfi.state is RfiState.ACCEPTED:
            stored[rfi.id] = replace(decide_rfi(rfi, WITHDRAWN, START), outbox=())

    world = RouterWorld()
    world.clock.interrupt = withdraw
    await world.with_profiles(make_profile(1))
    await world.accept(make_rfi(1))
    await drain(world)
    assert world.stores.rfis.stored[make_rfi(1).id].routing is None
    assert not world.stores.referrals.stored
    assert not world.told(Topic.ENGAGEMENT_EVENTS)
