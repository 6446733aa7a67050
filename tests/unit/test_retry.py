"""When is a failed attempt tried again, and when given up?"""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.retry import MAIL_PATIENCE, MAIL_PAUSE, MAIL_STEPS, MESSAGE_LAST, RetryKind, retry_after

ALMOST_ONE = 1 - 2**-53
M = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("attempt", "minutes"), [(1, 1), (2, 5), (3, 15), (4, 30), (5, 60), (6, 240), (7, 240), (99, 240)]
)
def test_mail_waits_longer_each_time(attempt: int, minutes: int) -> None:
    half = retry_after(attempt, RetryKind.MAIL, jitter=0.5).delay
    assert half == minutes * M / 2


@pytest.mark.parametrize(("attempt", "seconds"), [(1, 0.2), (2, 0.4), (3, 0.8), (8, 25.6), (9, 30), (10_000, 30)])
def test_messages_double_their_wait_up_to_a_bound(attempt: int, seconds: float) -> None:
    half = retry_after(attempt, RetryKind.MESSAGE, jitter=0.5).delay
    assert half == timedelta(seconds=seconds) / 2


def test_a_mail_never_comes_back_at_once() -> None:
    assert retry_after(1, RetryKind.MAIL, jitter=0).delay == MAIL_PAUSE


@pytest.mark.parametrize(
    ("elapsed", "patience", "given_up"),
    [
        (MAIL_PATIENCE - 3 * M, None, False),
        (MAIL_PATIENCE - timedelta(seconds=30), None, True),
        (MAIL_PATIENCE + 3 * M, timedelta(days=9), True),
        (2 * M, 10 * M, False),
        (10 * M, 10 * M, True),
    ],
)
def test_a_mail_is_given_up_at_its_deadline_or_after_five_days(
    elapsed: timedelta, patience: timedelta | None, given_up: bool
) -> None:
    decision = retry_after(1, RetryKind.MAIL, jitter=0.5, elapsed=elapsed, patience=patience)
    assert decision.give_up is given_up
    assert bool(decision.because) is given_up


def test_a_message_is_tried_for_ever_unless_told_otherwise() -> None:
    forever = timedelta(days=400)
    assert not retry_after(9, RetryKind.MESSAGE, jitter=0.9, elapsed=forever).give_up
    assert retry_after(9, RetryKind.MESSAGE, jitter=0.9, elapsed=forever, patience=M).give_up


@pytest.mark.parametrize(("attempt", "jitter"), [(0, 0.5), (-1, 0.5), (1, 1.0), (1, -0.1), (1, float("nan"))])
def test_impossible_arguments_are_refused(attempt: int, jitter: float) -> None:
    with pytest.raises(ValueError, match="attempt counts from 1"):
        retry_after(attempt, RetryKind.MAIL, jitter=jitter)


@given(attempt=st.integers(1, 10**6), kind=st.sampled_from(RetryKind), jitter=st.floats(0, ALMOST_ONE))
def test_a_wait_lies_within_the_schedule(attempt: int, kind: RetryKind, jitter: float) -> None:
    delay = retry_after(attempt, kind, jitter=jitter).delay
    assert delay is not None
    assert timedelta(0) <= delay <= (MAIL_STEPS[-1] if kind is RetryKind.MAIL else MESSAGE_LAST)
