"""What does a customer's decision make of the whole request, and of each of its referrals?"""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.core.codes import PolicyName, RfiState, WithdrawReason
from services.core.commands import Withdraw
from services.core.creation import routed_event
from services.core.engagement import (
    ChoosePartner,
    RfiCommand,
    WithdrawRfi,
    decide_rfi,
    overtaken_command,
    sibling_command,
)
from services.core.errors import CommandInvalid, TransitionRefused
from services.core.events import EventType
from services.core.rfi import Rfi, Routing
from tests.builders import START, make_chosen, make_referral, make_rfi
from tests.journeys import JOURNEYS, LATER, at, do

WITHDRAW = WithdrawRfi(by="customer", reason=WithdrawReason.NO_LONGER_NEEDED)


def choose(n: int) -> ChoosePartner:
    return ChoosePartner(by="customer", partner_id=make_chosen(n).partner_id)


def routed_rfi() -> Rfi:
    routing = Routing(at=START, chosen=(make_chosen(1), make_chosen(2)))
    return make_rfi(routing=routing, state=RfiState.ROUTED, version=2)


@pytest.mark.parametrize(
    ("command", "state", "kind"),
    [
        (WITHDRAW, RfiState.WITHDRAWN, EventType.WITHDRAWN_BY_CUSTOMER),
        (choose(2), RfiState.CHOSEN, EventType.PARTNER_CHOSEN),
    ],
)
def test_a_decision_closes_the_request_and_tells_after_its_routing(
    command: RfiCommand, state: RfiState, kind: EventType
) -> None:
    rfi = routed_rfi()
    closed = decide_rfi(rfi, command, LATER)
    assert (closed.state, closed.version, closed.closed_at) == (state, 3, LATER)
    assert [event.type for event in closed.outbox] == [EventType.ROUTED, kind]
    assert closed.outbox[0] == routed_event(rfi)
    assert (closed.outbox[1].sequence, closed.outbox[1].at) == (3, LATER)


def test_the_events_say_why_or_whom() -> None:
    assert decide_rfi(routed_rfi(), WITHDRAW, LATER).outbox[-1].facts == {
        "rfiId": make_rfi().id,
        "reason": "noLongerNeeded",
    }
    chosen = decide_rfi(routed_rfi(), choose(2), LATER)
    assert chosen.outbox[-1].facts == {"rfiId": make_rfi().id, "partnerId": make_chosen(2).partner_id}
    assert chosen.chosen_partner_id == make_chosen(2).partner_id


def test_a_request_withdrawn_before_it_was_routed_tells_only_that() -> None:
    closed = decide_rfi(make_rfi(), WithdrawRfi(by="customer"), LATER)
    assert [event.type for event in closed.outbox] == [EventType.WITHDRAWN_BY_CUSTOMER]
    assert closed.version == 2


def test_a_later_change_does_not_tell_the_routing_again() -> None:
    later = replace(routed_rfi(), version=3)
    closed = decide_rfi(later, WITHDRAW, LATER)
    assert [event.type for event in closed.outbox] == [EventType.WITHDRAWN_BY_CUSTOMER]


@pytest.mark.parametrize("command", [WITHDRAW, choose(1)])
def test_the_same_decision_again_changes_nothing(command: RfiCommand) -> None:
    closed = decide_rfi(routed_rfi(), command, LATER)
    assert decide_rfi(closed, command, LATER) is closed


@pytest.mark.parametrize(("first", "second"), [(WITHDRAW, choose(1)), (choose(1), WITHDRAW), (choose(1), choose(2))])
def test_another_decision_is_told_which_one_stands(first: RfiCommand, second: RfiCommand) -> None:
    closed = decide_rfi(routed_rfi(), first, LATER)
    with pytest.raises(
        TransitionRefused, match=f"the request is closed/{closed.state} since 2026-03-02T10:00"
    ) as refusal:
        decide_rfi(closed, second, LATER)
    assert refusal.value.since == LATER


@pytest.mark.parametrize("rfi", [routed_rfi(), make_rfi()])
def test_only_a_partner_that_was_asked_can_be_chosen(rfi: Rfi) -> None:
    with pytest.raises(CommandInvalid) as refusal:
        decide_rfi(rfi, choose(3), LATER)
    assert [(p.field, p.code) for p in refusal.value.problems] == [("/partnerId", "not_asked")]


CLOSED_FOR_GOOD = {"declined", "won", "lost", "expired", "withdrawn", "error"}


@pytest.mark.parametrize("policy", PolicyName)
def test_a_withdrawn_request_ends_every_referral_and_asks_once(policy: PolicyName) -> None:
    closed = decide_rfi(routed_rfi(), WITHDRAW, LATER)
    for place in JOURNEYS[policy]:
        referral = at(policy, place)
        command = sibling_command(closed.outbox[-1], referral)
        assert (command is None) is (place in CLOSED_FOR_GOOD), place
        if command is not None:
            ended = do(referral, command)
            assert (ended.status, ended.undo) == ("Closed", None)
            assert sibling_command(closed.outbox[-1], ended) is None
            assert overtaken_command(closed, ended) is None


def test_the_chosen_partner_goes_on_and_the_others_hear_that_somebody_else_was_chosen() -> None:
    closed = decide_rfi(routed_rfi(), choose(2), LATER)
    one, two = make_referral(partner=1), make_referral(partner=2)
    told = Withdraw(by="customer", reason=WithdrawReason.CHOSE_ANOTHER)
    assert [sibling_command(closed.outbox[-1], r) for r in (one, two)] == [told, None]
    assert [overtaken_command(closed, r) for r in (one, two)] == [told, None]


def test_an_open_request_asks_nothing_of_its_referrals() -> None:
    rfi = routed_rfi()
    assert sibling_command(routed_event(rfi), make_referral()) is None
    assert overtaken_command(rfi, make_referral()) is None


def test_a_withdrawn_request_ends_a_referral_that_came_about_meanwhile() -> None:
    closed = decide_rfi(routed_rfi(), WITHDRAW, LATER)
    command = overtaken_command(closed, make_referral())
    assert command is not None
    assert do(make_referral(), command).substatus == "Withdrawn"


def test_a_reason_that_a_newer_version_added_still_withdraws() -> None:
    event = decide_rfi(routed_rfi(), WITHDRAW, LATER).outbox[-1]
    newer = replace(event, facts=dict(event.facts) | {"reason": "changedTheirMind"})
    assert sibling_command(newer, make_referral()) == Withdraw(by="customer", reason=None)
