"""Equal partners get equal shares, a rule says how much a past counts, a capacity holds but for what is in flight."""

from __future__ import annotations

import pytest

from bench.match.exposure import gini, simulate
from services.core.rules import Rules

EQUAL, EXACT = Rules(version="equal", even=0.2), Rules(version="exact")


@pytest.mark.parametrize(
    ("values", "expected"), [([5, 5, 5, 5], 0.0), ([0, 0, 0, 8], 0.75), ([0, 0], 0.0), ([1, 3], 0.25)]
)
def test_the_gini_coefficient_tells_equal_from_unequal(values: list[int], expected: float) -> None:
    assert gini(values) == pytest.approx(expected)


def test_partners_whose_pasts_count_the_same_get_about_equal_shares() -> None:
    spread = simulate(EQUAL, partners=40, requests=600)
    assert spread.gini < 0.15
    assert spread.busiest_tenth < 0.2


def test_a_past_that_counts_exactly_gives_the_best_everything() -> None:
    assert simulate(EXACT, partners=40, requests=200).gini > 0.8


@pytest.mark.parametrize("rules", [EQUAL, EXACT], ids=["equal", "exact"])
def test_a_capacity_is_exceeded_by_no_more_than_what_is_in_flight(rules: Rules) -> None:
    spread = simulate(rules, partners=40, requests=400, cap=20, every=2)
    assert 0 <= spread.beyond_cap <= spread.in_flight


@pytest.mark.parametrize("rules", [EQUAL, EXACT], ids=["equal", "exact"])
def test_routers_that_count_before_each_batch_keep_every_capacity(rules: Rules) -> None:
    assert simulate(rules, partners=40, requests=400, cap=20, every=1).beyond_cap <= 0
