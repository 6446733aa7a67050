"""What else does a decision leave behind: details, history, events, undo, and the order they reach Kafka in?"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from services.core import commands as c
from services.core.codes import CloseReason, ErrorReason, Flame, PolicyName, WithdrawReason
from services.core.creation import created_event
from services.core.errors import TransitionRefused, UndoRefused
from services.core.events import EventType
from services.core.ids import event_id
from services.core.referral import HISTORY_LIMIT, Referral
from tests.builders import START, make_person, make_referral
from tests.journeys import BY, LATER, SETTLED, accept, at, decline, do, euros, lose, tick, ticked, travel, win

STANDARD, CLASSIC = PolicyName.STANDARD, PolicyName.CLASSIC


def told(referral: Referral) -> list[EventType]:
    return [event.type for event in referral.outbox]


def new_since(before: Referral, after: Referral) -> list[EventType]:
    return told(after)[len(before.outbox) :]


def test_accept_keeps_what_the_partner_said() -> None:
    team = (make_person(email="ola@partner1.example"),)
    accepted = do(make_referral(), accept(engagement_name=" Cloud move ", crm_id="D-7", team=team))
    assert accepted.details.engagement_name == "Cloud move"
    assert (accepted.details.deal_value, accepted.details.crm_id) == (euros(), "D-7")
    assert accepted.team == team
    assert (accepted.accepted_at, accepted.updated_at) == (LATER, LATER)


def test_an_edit_changes_what_it_names_and_empty_text_clears() -> None:
    accepted = do(at(STANDARD, "accepted"), c.Edit(by=BY, crm_id="D-7"))
    edited = do(accepted, c.Edit(by=BY, deal_value=euros(1), notes=""))
    assert edited.details == replace(accepted.details, deal_value=euros(1), notes=None)


def test_an_edit_that_says_what_stands_already_changes_nothing() -> None:
    contact = c.AddContact(by=BY, person=make_person())
    accepted = do(at(STANDARD, "accepted"), contact)
    assert do(accepted, contact) is accepted
    assert do(accepted, c.Edit(by=BY, notes="Call on Tuesday ")) is accepted


def test_won_replaces_the_estimates_by_the_final_ones() -> None:
    won = do(at(STANDARD, "accepted"), win(notes="Signed"))
    assert (won.details.deal_value, won.details.closing_date, won.details.notes) == (
        euros(30000),
        START.date(),
        "Signed",
    )
    assert won.closed_at == LATER


def test_no_thanks_is_a_decline_for_another_reason_without_notes() -> None:
    declined = travel(make_referral(policy=CLASSIC), "no_thanks")
    assert (declined.details.reason, declined.details.reason_notes) == (CloseReason.OTHER.value, None)
    assert told(declined)[-1] is EventType.DECLINED


def test_events_carry_codes_and_roles_but_no_words_and_no_names() -> None:
    declined = do(make_referral(), decline(reason=CloseReason.OTHER, notes="Ana was rude"))
    closed = do(make_referral(), c.CloseAsError(by="operator:root", reason=ErrorReason.OTHER, notes="Ana was rude"))
    withdrawn = do(make_referral(), c.Withdraw(by="customer", reason=WithdrawReason.CHOSE_ANOTHER))
    assert [r.outbox[-1].facts["reason"] for r in (declined, closed, withdrawn)] == [
        "other",
        "other",
        "customerChoseAnotherVendor",
    ]
    assert [r.outbox[-1].facts["by"] for r in (declined, closed, withdrawn)] == ["partner", "operator", "customer"]
    assert "Ana" not in repr(declined.outbox)
    assert (declined.history[-1].by, declined.history[-1].note) == (BY, "Ana was rude")


def test_every_event_says_where_the_referral_stands_after_it() -> None:
    won = at(STANDARD, "won")
    for event in won.outbox[1:]:
        assert event.id == event_id(won.id, event.sequence, event.type)
        assert (event.subject, event.rfi_id, event.facts["version"]) == (won.id, won.rfi_id, event.sequence)
    assert [(event.type.value, event.facts["substatus"]) for event in won.outbox] == [
        ("referral.created", "Pending"),
        ("referral.accepted", "Accepted"),
        ("referral.settled", "Accepted"),
        ("referral.won", "Won"),
        ("referral.settled", "Won"),
    ]


@pytest.mark.parametrize("command", ["open", "accept", "decline", "withdraw", "error"])
def test_the_first_change_puts_created_in_front(command: str) -> None:
    newborn = make_referral()
    after = do(newborn, command)
    assert after.outbox[0] == created_event(newborn)
    assert len(after.outbox) == 2
    assert EventType.CREATED not in new_since(after, travel(after, "withdraw" if command == "open" else "open"))


def test_a_change_by_time_alone_puts_created_in_front_too() -> None:
    assert told(ticked(make_referral(), START + timedelta(days=1))) == [EventType.CREATED, EventType.REMINDER_DUE]


def test_history_keeps_the_newest_entries() -> None:
    referral = at(STANDARD, "accepted")
    for n in range(HISTORY_LIMIT + 5):
        referral = do(referral, c.Edit(by=BY, notes=f"Step {n}"))
        referral = replace(referral, outbox=())
    assert len(referral.history) == HISTORY_LIMIT
    assert referral.history[-1].version == referral.version


# Undo ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "before", "decision"),
    [
        (STANDARD, "received", "accept"),
        (STANDARD, "received", "decline"),
        (CLASSIC, "evaluating", "accept"),
        (CLASSIC, "evaluating", "decline"),
        (CLASSIC, "received", "no_thanks"),
        (STANDARD, "accepted", "win"),
        (STANDARD, "accepted", "lose"),
    ],
)
def test_undo_restores_everything_but_the_past(policy: PolicyName, before: str, decision: str) -> None:
    was = at(policy, before, contact_requested=True)
    undone = travel(was, decision, "undo")
    assert undone == replace(
        was,
        version=was.version + 2,
        updated_at=LATER,
        history=undone.history,
        outbox=undone.outbox,
    )
    assert undone.outbox[-1].type is EventType.UNDONE
    assert undone.outbox[-1].facts["cause"] == {"eventId": undone.outbox[-2].id, "type": undone.outbox[-2].type}


def test_undo_does_not_make_a_decided_referral_unread() -> None:
    assert travel(make_referral(), "accept", "undo").substatus == "Received"


def test_undo_is_possible_until_the_last_moment_of_the_window_and_not_at_its_end() -> None:
    accepted = at(STANDARD, "accepted+undo")
    until = LATER + timedelta(minutes=5)
    assert do(accepted, "undo", until - timedelta(milliseconds=1)).status == "New"
    with pytest.raises(UndoRefused, match="the undo window ended"):
        do(accepted, "undo", until)


def test_a_second_undo_is_refused() -> None:
    with pytest.raises(UndoRefused, match="nothing to undo: the referral is New/Received"):
        travel(make_referral(), "accept", "undo", "undo")


def test_a_flame_that_changed_within_the_window_is_not_changed_again_after_an_undo() -> None:
    late = START + timedelta(hours=71, minutes=58)
    accepted = do(make_referral(contact_requested=True), "accept", late)
    changed = ticked(accepted, START + timedelta(hours=72))
    undone = do(changed, "undo", START + timedelta(hours=72, minutes=1))
    assert (undone.flame, undone.timers.flame_at) == (Flame.OVERDUE, None)


def test_a_deadline_that_passed_within_the_window_is_due_at_the_next_tick_after_an_undo() -> None:
    deadline = START + timedelta(days=14)
    accepted = do(make_referral(), "accept", deadline - timedelta(minutes=1))
    assert tick(accepted, deadline) is None
    undone = do(accepted, "undo", deadline + timedelta(minutes=1))
    assert ticked(undone, deadline + timedelta(minutes=2)).substatus == "Expired"


# What ends an undo window ---------------------------------------------------------------------------------------------


def test_settled_names_the_decision_and_its_reason() -> None:
    declined = at(STANDARD, "declined+undo")
    settled = ticked(declined, SETTLED)
    facts = settled.outbox[-1].facts
    assert facts["cause"] == {"eventId": declined.outbox[-1].id, "type": "referral.declined"}
    assert (facts["reason"], facts["substatus"], settled.undo) == ("noCapacity", "Declined", None)


@pytest.mark.parametrize("result", ["win", "lose"])
def test_a_result_within_the_window_settles_the_accept_first(result: str) -> None:
    accepted = at(STANDARD, "accepted+undo")
    closed = travel(accepted, result)
    assert new_since(accepted, closed) == [EventType.SETTLED, EventType.WON if result == "win" else EventType.LOST]
    assert closed.outbox[-2].facts["status"] == "Active"
    assert closed.outbox[-1].sequence == closed.outbox[-2].sequence == closed.version
    assert closed.undo is not None
    assert closed.undo.command == result
    back = travel(closed, "undo")
    with pytest.raises(UndoRefused):
        travel(back, "undo")


@pytest.mark.parametrize("end", ["withdraw", "error"])
def test_a_withdrawal_or_error_within_the_window_makes_the_accept_void(end: str) -> None:
    accepted = at(STANDARD, "accepted+undo")
    closed = travel(accepted, end)
    assert EventType.SETTLED not in told(closed)
    assert "void accept" in [entry.what for entry in closed.history]
    assert (closed.undo, closed.timers.next_due()) == (None, None)


@pytest.mark.parametrize("end", ["withdraw", "error"])
def test_a_window_that_has_passed_counts_as_settled_though_the_expirer_is_late(end: str) -> None:
    accepted = at(STANDARD, "accepted+undo")
    closed = do(accepted, end, LATER + timedelta(minutes=5))
    assert new_since(accepted, closed)[0] is EventType.SETTLED


def test_a_withdrawal_makes_an_undoable_decline_final_so_that_nothing_reopens_it() -> None:
    declined = at(STANDARD, "declined+undo")
    final = travel(declined, "withdraw")
    assert new_since(declined, final) == [EventType.SETTLED]
    with pytest.raises(UndoRefused, match="that is final"):
        travel(final, "undo")


def test_edits_within_the_window_leave_it_open() -> None:
    edited = travel(at(STANDARD, "accepted+undo"), "edit", "add_contact")
    assert edited.undo is not None
    assert travel(edited, "undo").team == ()


# The race of accept and expiry ----------------------------------------------------------------------------------------


def test_an_accept_that_comes_before_the_expiry_is_written_wins_though_the_deadline_has_passed() -> None:
    late = START + timedelta(days=15)
    accepted = do(make_referral(), "accept", late)
    assert accepted.status == "Active"
    assert tick(accepted, late) is None


def test_an_accept_that_comes_after_the_expiry_is_told_what_won_and_when() -> None:
    late = START + timedelta(days=15)
    expired = ticked(make_referral(), late)
    with pytest.raises(TransitionRefused) as refusal:
        do(expired, "accept", late)
    error = refusal.value
    assert (error.command, error.status, error.substatus, error.since) == ("accept", "Closed", "Expired", late)
    assert "Closed/Expired since 2026-03-17T09:00:00+00:00" in str(error)


def test_lost_is_not_possible_twice() -> None:
    lost = do(at(STANDARD, "accepted"), lose())
    with pytest.raises(TransitionRefused, match="undo the decision first"):
        do(lost, lose())
