"""What a profile's past teaches, and that nobody gains by taking on what it can't do."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.codes import CloseReason
from services.core.standing import Standing
from services.matching import learning
from services.matching.learning import Outcome, Past, Result, fold, standing_of
from tests.builders import START

DAY = timedelta(days=1)


def outcome(n: int, result: Result, *, day: int = 0, reason: str | None = None, **terms: float) -> Outcome:
    """The n-th outcome; terms as `w_cloud=1.0`."""
    named = {key.replace("_", ":", 1): weight for key, weight in (terms or {"w_cloud": 1.0}).items()}
    return Outcome(event_id=f"e{n}", result=result, at=START + day * DAY, terms=named, reason=reason)


def folded(*outcomes: Outcome) -> Past:
    past = Past()
    for each in outcomes:
        past = fold(past, each)
    return past


def standing(*outcomes: Outcome) -> Standing:
    found = standing_of("p", folded(*outcomes))
    assert found is not None
    return found


def test_without_a_past_there_is_no_standing() -> None:
    assert standing_of("p", Past()) is None


def test_what_was_won_is_learned_and_what_was_declined_for_want_of_skill_is_lost() -> None:
    won = standing(outcome(1, Result.ACCEPTED), outcome(2, Result.WON))
    declined = standing(outcome(1, Result.DECLINED, reason=CloseReason.OUTSIDE_SKILLS.value))
    assert won.terms["w:cloud"] > 0.8
    assert declined.terms["w:cloud"] < 0


def test_accepting_teaches_less_than_winning_and_losing_takes_most_of_it_back() -> None:
    accepted = standing(outcome(1, Result.ACCEPTED)).terms["w:cloud"]
    lost = standing(outcome(1, Result.ACCEPTED), outcome(2, Result.LOST)).terms["w:cloud"]
    won = standing(outcome(1, Result.ACCEPTED), outcome(2, Result.WON)).terms["w:cloud"]
    assert 0 < lost < accepted < won


@pytest.mark.parametrize(
    ("reason", "lost"),
    [
        (CloseReason.OUTSIDE_SKILLS, {"w:a", "p:a b", "c:cpv:72"}),
        (CloseReason.OUTSIDE_REGION, {"r:ES-AN", "m:ES sevilla"}),
        (CloseReason.BUDGET, {"v:EUR 15"}),
        (CloseReason.CONFLICT, {"b:1234", "k:5678"}),
        (CloseReason.NO_CAPACITY, set()),
        (CloseReason.NOT_A_CUSTOMER, set()),
    ],
)
def test_a_decline_takes_what_its_reason_is_about(reason: CloseReason, lost: set[str]) -> None:
    keys = ("w:a", "p:a b", "c:cpv:72", "r:ES-AN", "m:ES sevilla", "v:EUR 15", "b:1234", "k:5678")
    declined = Outcome(
        event_id="e", result=Result.DECLINED, at=START, terms=dict.fromkeys(keys, 1.0), reason=reason.value
    )
    assert {key for key, weight in standing(declined).terms.items() if weight < 0} == lost


def test_a_decline_without_a_known_reason_teaches_no_terms() -> None:
    assert standing(outcome(1, Result.DECLINED, reason="because")).terms == {}
    assert standing(outcome(1, Result.DECLINED)).counts.declined == 1


def test_what_was_long_ago_counts_less() -> None:
    later = outcome(9, Result.WON, day=3000, w_other=1.0)
    old = standing(outcome(1, Result.WON), later)
    fresh = standing(outcome(1, Result.WON, day=2999), later)
    assert 0 < old.terms["w:cloud"] < fresh.terms["w:cloud"]


def test_an_outcome_counts_once() -> None:
    once = folded(outcome(1, Result.WON))
    assert fold(once, outcome(1, Result.WON)) is once


def test_letting_rfis_lapse_is_worse_than_losing_and_an_honest_no_is_better_than_both() -> None:
    priors = {result: standing(outcome(1, result)).prior for result in Result}
    assert priors[Result.EXPIRED] < priors[Result.LOST] < priors[Result.DECLINED] < 0.5
    assert priors[Result.ACCEPTED] == 0.5 < priors[Result.WON]


def test_quick_answers_raise_the_prior_and_the_median_is_kept() -> None:
    def answered(*hours: int) -> Standing:
        outcomes = [
            Outcome(event_id=f"e{n}", result=Result.ACCEPTED, at=START, response=timedelta(hours=h))
            for n, h in enumerate(hours)
        ]
        return standing(*outcomes)

    assert answered(1, 2, 3).prior > 0.5 > answered(100, 200, 300).prior
    assert answered(1, 2, 300).response == timedelta(hours=2)
    assert standing(outcome(1, Result.EXPIRED)).response is None


def test_a_state_stays_small() -> None:
    past = Past()
    for n in range(600):
        terms = {f"w:{n}-{k}": 1.0 for k in range(5)}
        told = START + n * DAY
        each = Outcome(event_id=f"e{n}", result=Result.WON, at=START, terms=terms, response=DAY, told=told)
        past = fold(past, each)
    assert len(past.told) == 1
    assert len(past.terms) == learning.MOST_TERMS
    assert len(past.events) == learning.MOST_EVENTS
    assert len(past.responses) == learning.MOST_RESPONSES
    assert (past.version, past.counts.won) == (600, 600)


def test_hundreds_that_are_told_again_at_once_count_once() -> None:
    """Found by killing the expirer after it had published what expired, and before it had noted that."""
    once = [replace(outcome(n, Result.EXPIRED), told=START + timedelta(seconds=n)) for n in range(1000)]
    again = [replace(each, told=START + timedelta(minutes=30)) for each in once]
    past = folded(*once, *again)
    assert (past.version, past.counts.expired, len(past.events)) == (1000, 1000, 1000)


def test_what_can_no_longer_be_told_again_is_forgotten_but_for_the_last_ones() -> None:
    burst = [replace(outcome(n, Result.EXPIRED), told=START) for n in range(1000)]
    later = replace(outcome(1000, Result.EXPIRED), told=START + learning.TOLD_AGAIN_WITHIN + timedelta(seconds=1))
    past = folded(*burst, later)
    assert (len(past.events), len(past.told)) == (learning.MOST_EVENTS, 1)
    assert past.events[-1] == later.event_id


def test_a_burst_beyond_all_bounds_keeps_a_state_bounded() -> None:
    number = learning.MOST_TOLD + 10
    past = folded(*(replace(outcome(n, Result.EXPIRED), told=START) for n in range(number)))
    assert (past.version, len(past.events), len(past.told)) == (number, learning.MOST_TOLD, learning.MOST_TOLD)


def test_a_state_of_the_version_before_knows_its_last_events() -> None:
    before = replace(folded(*(outcome(n, Result.EXPIRED) for n in range(300))), told=())
    before = replace(before, events=before.events[-learning.MOST_EVENTS :])
    past = fold(before, outcome(299, Result.EXPIRED))
    assert past is before
    assert len(fold(past, outcome(300, Result.EXPIRED)).events) == learning.MOST_EVENTS


OUTCOMES = st.lists(
    st.builds(
        Outcome,
        event_id=st.integers(0, 40).map("e{}".format),
        result=st.sampled_from(Result),
        at=st.integers(0, 4000).map(lambda days: START + days * DAY),
        terms=st.dictionaries(st.sampled_from(["w:a", "w:b", "p:a b", "r:ES-AN"]), st.floats(0.1, 3.0)),
        reason=st.sampled_from([None, *(reason.value for reason in CloseReason)]),
        response=st.none() | st.integers(0, 10**6).map(lambda s: timedelta(seconds=s)),
    ),
    max_size=25,
    unique_by=lambda each: each.event_id,
)


@given(OUTCOMES, st.randoms(use_true_random=False))
def test_the_order_of_outcomes_does_not_matter(outcomes: list[Outcome], chance: Random) -> None:
    mixed = list(outcomes)
    chance.shuffle(mixed)
    one, other = standing_of("p", folded(*outcomes)), standing_of("p", folded(*mixed))
    assert (one is None) == (other is None)
    if one is not None and other is not None:
        assert (one.at, one.counts, one.response) == (other.at, other.counts, other.response)
        assert one.prior == pytest.approx(other.prior, abs=1e-6)
        strengths, others = folded(*outcomes).terms, folded(*mixed).terms
        assert strengths.keys() == others.keys()
        assert all(strengths[key] == pytest.approx(others[key], abs=1e-9) for key in strengths)


@given(OUTCOMES)
def test_weights_and_prior_stay_within_their_bounds(outcomes: list[Outcome]) -> None:
    found = standing_of("p", folded(*outcomes))
    if found is not None:
        assert all(-1 <= weight <= 1 for weight in found.terms.values())
        assert 0 <= found.prior <= 1


def affinity(of: Standing, topic: str) -> float:
    """What the signs of an RFI about a topic and the past earn, in the proportion of the ranking's defaults."""
    return 0.3 * of.terms.get(f"w:{topic}", 0.0) + 0.05 * (of.prior - 0.5) * 2


def test_taking_everything_on_and_losing_most_ends_below_honesty() -> None:
    """Both see the same RFIs of four lines of work, and both are good at one; one of them declines the others."""
    chance = Random(7)
    honest, greedy = Past(), Past()
    for n in range(200):
        topic = f"topic{n % 4}"
        own, wins = n % 4 == 0, chance.random() < 0.4
        at, terms = START + n * DAY, {f"w:{topic}": 1.0}

        def add(past: Past, name: str, result: Result, reason: str | None = None) -> Past:
            event = f"{name}{n}{result}"  # noqa: B023 - used within the turn alone
            return fold(past, Outcome(event_id=event, result=result, at=at, terms=terms, reason=reason))  # noqa: B023

        end = Result.WON if own and wins else Result.LOST
        greedy = add(add(greedy, "g", Result.ACCEPTED), "g", end)
        if own:
            honest = add(add(honest, "h", Result.ACCEPTED), "h", end)
        else:
            honest = add(honest, "h", Result.DECLINED, CloseReason.OUTSIDE_SKILLS.value)
    at_end = {name: standing_of(name, past) for name, past in (("honest", honest), ("greedy", greedy))}
    assert at_end["honest"] is not None
    assert at_end["greedy"] is not None
    assert at_end["greedy"].prior < at_end["honest"].prior
    assert affinity(at_end["greedy"], "topic0") < affinity(at_end["honest"], "topic0")
    # And where it never won, it stands below somebody who has won there once.
    newcomer = standing(outcome(1, Result.ACCEPTED, w_topic1=1.0), outcome(2, Result.WON, w_topic1=1.0))
    assert affinity(at_end["greedy"], "topic1") < affinity(newcomer, "topic1")


def test_what_is_always_lost_is_unlearned() -> None:
    lost = [outcome(2 * n + k, r) for n in range(40) for k, r in enumerate((Result.ACCEPTED, Result.LOST))]
    assert standing(*lost).terms["w:cloud"] < 0
