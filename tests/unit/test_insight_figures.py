"""What counts mean: medians of waits and partners, shares of what was decided, amounts by currency."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from statistics import median_low
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.codes import CloseReason, Substatus
from services.core.insight_figures import figures_of, medians_of, rounded
from services.core.insights import LEAST_PARTNERS, Figures, Tally, Wait
from tests.builders import START


def tally(substatus: Substatus = Substatus.ACCEPTED, count: int = 1, **more: Any) -> Tally:
    accepted = substatus in {Substatus.ACCEPTED, Substatus.WON, Substatus.LOST}
    base = Tally(substatus=substatus, accepted=accepted, reason=None, currency=None, count=count, amount=Decimal(0))
    return replace(base, **more)


def won(amount: int, currency: str = "EUR") -> Figures:
    return figures_of([tally(Substatus.WON, currency=currency, amount=Decimal(amount))], [], 0)


def waited(*minutes: int) -> Figures:
    return figures_of([tally(count=len(minutes))], [Wait(each, 1) for each in minutes], 0)


@given(st.lists(st.tuples(st.integers(0, 30_000), st.integers(1, 4)), min_size=1, max_size=40))
def test_the_middle_wait_is_the_median_of_all_of_them(counted: Sequence[tuple[int, int]]) -> None:
    every = [minutes for minutes, count in counted for _ in range(count)]
    found = figures_of([], [Wait(*each) for each in counted], 0)
    assert found.response == timedelta(minutes=median_low(every))
    assert sum(found.waits) == len(every)
    assert found.advised == sum(minutes < 24 * 60 for minutes in every) / len(every)


def test_what_nobody_answered_gives_no_shares() -> None:
    found = figures_of([], [], 3)
    assert (found.received, found.unanswered, found.answered) == (3, 3, 0)
    assert (found.response, found.advised, found.acceptance, found.win_rate) == (None, None, None, None)


def test_a_withdrawn_one_was_received_and_counts_for_no_share() -> None:
    found = figures_of([tally(Substatus.WITHDRAWN, 5), tally(Substatus.EXPIRED)], [], 0)
    assert (found.received, found.withdrawn, found.acceptance) == (6, 5, 0.0)


def test_a_deal_withdrawn_after_it_was_accepted_is_worth_nothing() -> None:
    gone = tally(Substatus.WITHDRAWN, accepted=True, currency="EUR", amount=Decimal(900))
    found = figures_of([gone], [], 0)
    assert (found.accepted, found.values) == (1, ())


def test_the_most_frequent_reason_comes_first() -> None:
    size, budget = CloseReason.SIZE.value, CloseReason.BUDGET.value
    told = [(size, 2), (budget, 1), (budget, 2)]
    found = figures_of([tally(Substatus.DECLINED, count, reason=why) for why, count in told], [], 0)
    assert found.decline_reasons == ((budget, 3), (size, 2))
    assert found.loss_reasons == ()


def test_too_few_partners_have_no_median() -> None:
    few = [waited(60)] * (LEAST_PARTNERS - 1)
    nobody = figures_of([], [], 8)
    assert medians_of([*few, nobody, nobody], 30, START).response is None
    found = medians_of([*few, waited(180)], 30, START)
    assert (found.response, found.advised, found.acceptance, found.win_rate) == (timedelta(hours=1), 1.0, 1.0, None)


def test_each_figure_and_each_currency_needs_enough_partners_of_its_own() -> None:
    figures = [*(won(1000 * n) for n in range(1, 6)), *(won(70, "USD") for _ in range(4))]
    found = medians_of(figures, 90, START)
    assert found.won == (("EUR", Decimal(3000)),)
    assert (found.win_rate, found.response) == (1.0, None)


def test_who_won_nothing_in_a_currency_does_not_count_in_it() -> None:
    lost = figures_of([tally(Substatus.LOST, currency="EUR", amount=Decimal(9))], [], 0)
    assert medians_of([won(50)] * 4 + [lost] * 3, 30, START).won == ()


@pytest.mark.parametrize(
    ("amount", "told"), [("48123.50", "48000"), ("7", "7"), ("0", "0"), ("0.0456", "0.046"), ("999", "1000")]
)
def test_a_median_amount_is_told_to_two_digits(amount: str, told: str) -> None:
    assert str(rounded(Decimal(amount))) == told
