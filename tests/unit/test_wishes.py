"""What a customer may want, how often, and when: one write with its event each, or words that say why not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.codes import RfiState
from services.core.creation import routed_event
from services.core.engagement import ChoosePartner, WithdrawRfi, decide_rfi
from services.core.errors import CommandInvalid, Refused, TransitionRefused
from services.core.events import Event, EventType
from services.core.ids import event_id
from services.core.rfi import Rfi, Routing
from services.core.rounds import Answer, answer_to, cause_in, may_ask, with_answer
from services.core.wishes import MAX_WISHES, AskPartner, left_out, pending
from tests.builders import START, make_chosen, make_rfi
from tests.journeys import LATER


def wish(n: int) -> AskPartner:
    return AskPartner(by="customer", partner_id=make_chosen(n).partner_id)


def routed_rfi(state: RfiState = RfiState.ROUTED) -> Rfi:
    chosen = (make_chosen(1), make_chosen(2)) if state is RfiState.ROUTED else ()
    return make_rfi(routing=Routing(at=START, chosen=chosen), state=state, version=2)


def answered(rfi: Rfi, event: Event, *, asks: bool) -> Rfi:
    """What the router makes of an event of the customer; nothing if it may not."""
    cause = cause_in(event)
    if cause is None or not may_ask(rfi, cause) or answer_to(rfi, cause) is not None:
        return rfi
    chosen = replace(make_chosen(9), partner_id=cause.partner_id, picked=True) if asks else None
    return with_answer(rfi, cause, Answer(chosen=chosen, because=None if asks else "paused", rules="r"), LATER)


@pytest.mark.parametrize("state", [RfiState.ROUTED, RfiState.NO_MATCH])
def test_a_wish_is_one_change_that_is_told_after_the_routing(state: RfiState) -> None:
    rfi = routed_rfi(state)
    later = decide_rfi(rfi, wish(3), LATER)
    assert (later.state, later.version, later.closed_at) == (state, 3, None)
    first, mine = later.outbox
    assert first == routed_event(rfi)
    assert (mine.type, mine.sequence, mine.at) == (EventType.PARTNER_WANTED, 3, LATER)
    assert mine.facts == {"rfiId": rfi.id, "partnerId": wish(3).partner_id}
    assert mine.id == event_id(rfi.id, 3, EventType.PARTNER_WANTED) == later.wishes[0].event_id
    assert [each.partner_id for each in pending(later)] == [wish(3).partner_id]


def test_the_same_wish_again_changes_nothing_before_and_after_its_answer() -> None:
    later = decide_rfi(routed_rfi(), wish(3), LATER)
    assert decide_rfi(later, wish(3), LATER) is later
    done = answered(later, later.outbox[-1], asks=True)
    assert not pending(done)
    assert decide_rfi(done, wish(3), LATER) is done


def test_a_wish_that_could_not_be_granted_can_be_made_again() -> None:
    later = decide_rfi(routed_rfi(), wish(3), LATER)
    done = answered(later, later.outbox[-1], asks=False)
    again = decide_rfi(done, wish(3), LATER)
    assert len(again.wishes) == 2
    assert len(pending(again)) == 1


def refused(rfi: Rfi, command: AskPartner) -> str:
    with pytest.raises(CommandInvalid) as caught:
        decide_rfi(rfi, command, LATER)
    (problem,) = caught.value.problems
    assert problem.field == "/partnerId"
    return problem.code


def test_what_cannot_be_wanted_is_refused_with_words() -> None:
    assert refused(make_rfi(), wish(3)) == "too_early"
    assert refused(routed_rfi(), wish(1)) == "asked_already"
    rfi = routed_rfi()
    for n in range(3, 3 + MAX_WISHES):
        rfi = decide_rfi(rfi, wish(n), LATER)
    assert refused(rfi, wish(50)) == "too_many"
    assert decide_rfi(rfi, wish(3), LATER) is rfi


@pytest.mark.parametrize(
    "decision", [WithdrawRfi(by="customer"), ChoosePartner(by="customer", partner_id=make_chosen(1).partner_id)]
)
def test_a_closed_request_has_no_wishes(decision: WithdrawRfi | ChoosePartner) -> None:
    closed = decide_rfi(routed_rfi(), decision, LATER)
    with pytest.raises(TransitionRefused):
        decide_rfi(closed, wish(3), LATER)


_steps = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), st.integers(1, 15)),
        st.tuples(st.just("answer"), st.integers(0, 20)),
        st.tuples(st.just("refuse"), st.integers(0, 20)),
        st.tuples(st.just("withdraw"), st.just(0)),
    ),
    max_size=40,
)


@given(steps=_steps, state=st.sampled_from([RfiState.ROUTED, RfiState.NO_MATCH]))
def test_however_wishes_and_answers_come_nobody_is_asked_twice_and_every_change_is_told(
    steps: list[tuple[str, int]], state: RfiState
) -> None:
    rfi, told = routed_rfi(state), list[Event]()
    for name, number in steps:
        before, events = rfi, [each for each in told if each.type is EventType.PARTNER_WANTED]
        try:
            if name == "ask":
                rfi = decide_rfi(rfi, wish(number), LATER)
            elif name == "withdraw":
                rfi = decide_rfi(rfi, WithdrawRfi(by="customer"), LATER)
            elif events:
                rfi = answered(rfi, events[number % len(events)], asks=name == "answer")
        except Refused:
            assert rfi is before
        if rfi is not before:
            assert rfi.version == before.version + 1
            fresh = rfi.outbox[len(before.outbox) :] if before.version > 2 else rfi.outbox
            told += fresh
    assert rfi.routing is not None
    asked = [chosen.partner_id for chosen in rfi.routing.chosen]
    assert len(asked) == len(set(asked))
    assert len(rfi.wishes) <= MAX_WISHES
    assert len({round_.cause for round_ in rfi.routing.rounds}) == len(rfi.routing.rounds)
    assert {wish_.partner_id for wish_ in pending(rfi)} <= left_out(rfi)
    assert [event.sequence for event in told] == list(range(2, rfi.version + 1))[: len(told)]
    assert len({event.id for event in told}) == len(told)
    if rfi.state is not RfiState.WITHDRAWN:
        assert (rfi.state is RfiState.ROUTED) == bool(asked)
