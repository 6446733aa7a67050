"""Which instants govern a referral, under both policies and after each step?"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from services.core.codes import Flame, PolicyName
from services.core.deadlines import timers_for_interest, timers_for_new
from services.core.policy import CLASSIC, STANDARD, Policy
from services.core.referral import Timers
from tests.builders import START, make_referral
from tests.journeys import LATER, at, travel

H, D = timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("policy", "contact_requested", "expected"),
    [
        (STANDARD, False, Timers(remind_at=START + 24 * H, warn_at=START + 12 * D, expire_at=START + 14 * D)),
        (
            STANDARD,
            True,
            Timers(
                remind_at=START + 24 * H,
                warn_at=START + 12 * D,
                flame_at=START + 72 * H,
                expire_at=START + 14 * D,
            ),
        ),
        (CLASSIC, False, Timers(remind_at=START + 24 * H, expire_at=START + 72 * H)),
        (CLASSIC, True, Timers(remind_at=START + 24 * H, flame_at=START + 72 * H, expire_at=START + 72 * H)),
    ],
)
def test_a_new_referral_has_the_deadlines_of_its_policy(
    policy: Policy, contact_requested: bool, expected: Timers
) -> None:
    assert timers_for_new(policy, START, contact_requested=contact_requested) == expected


def test_a_reminder_or_warning_that_would_come_too_late_or_too_early_is_never_set() -> None:
    hasty = replace(STANDARD, expire_after=12 * H)
    assert timers_for_new(hasty, START, contact_requested=False) == Timers(expire_at=START + 12 * H)


def test_interest_starts_a_new_deadline_with_its_own_warning_and_answers_the_reminder() -> None:
    evaluating = at(PolicyName.CLASSIC, "evaluating", contact_requested=True)
    assert evaluating.timers == Timers(warn_at=LATER + 5 * D, flame_at=START + 72 * H, expire_at=LATER + 7 * D)
    assert evaluating.expires_at == LATER + 7 * D


def test_without_a_period_of_evaluating_interest_gives_the_first_period_again() -> None:
    plain = replace(CLASSIC, evaluate_for=None, evaluate_warn_after=None)
    assert timers_for_interest(plain, Timers(), LATER) == Timers(expire_at=LATER + 72 * H)


def test_after_an_accept_only_the_flame_and_the_undo_window_run() -> None:
    accepted = at(PolicyName.STANDARD, "accepted+undo", contact_requested=True)
    assert accepted.timers == Timers(flame_at=START + 72 * H, settle_at=LATER + timedelta(minutes=5))


@pytest.mark.parametrize("place", ["declined+undo", "won+undo", "lost+undo"])
def test_after_a_closing_decision_only_the_undo_window_runs(place: str) -> None:
    closed = at(PolicyName.STANDARD, place, contact_requested=True)
    assert closed.timers == Timers(settle_at=LATER + timedelta(minutes=5))


@pytest.mark.parametrize("place", ["declined", "won", "lost", "expired", "withdrawn", "error"])
def test_nothing_is_pending_once_a_referral_is_closed_for_good(place: str) -> None:
    assert at(PolicyName.STANDARD, place, contact_requested=True).timers == Timers()


def test_a_withdrawal_of_a_new_referral_ends_its_deadlines() -> None:
    assert travel(make_referral(contact_requested=True), "withdraw").timers == Timers()


def test_the_flame_is_raised_only_for_customers_who_asked_for_contact() -> None:
    assert [make_referral(contact_requested=asked).flame for asked in (True, False)] == [Flame.RAISED, Flame.NONE]
