"""Past RFIs under other rules: who would have got them, where winners would have stood, and nothing known too early."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from services.core.partner import RoutableProfile
from services.core.referral import Referral
from services.core.rfi import Chosen, Rfi, Routing
from services.core.rules import DEFAULT_RULES, Rules
from services.core.standing import Standing
from services.matching.explanation import Explanation
from services.matching.learning import Result
from services.matching.replay import DEPTH, Case, Quality, Replay, Replayed, Trial, lessons_of
from services.matching.searching import Search, SearchResult
from tests.builders import START, make_chosen, make_partner, make_referral, make_rfi
from tests.journeys import LATER, travel

DAY = timedelta(days=1)


class Ranked:
    """Ranks partners in a fixed order, and notes what it learned before each RFI."""

    def __init__(self, *partners: int) -> None:
        self.order = partners
        self.versions: dict[str, int] = {}
        self.known: dict[str, dict[str, int]] = {}

    def put(self, profile: RoutableProfile) -> bool:
        raise AssertionError(profile)

    def put_all(self, profiles: Sequence[RoutableProfile]) -> int:
        raise AssertionError(profiles)

    def learn(self, profile_id: str, standing: Standing) -> bool:
        self.versions[profile_id] = standing.version
        return True

    def take_rules(self, rules: Rules) -> None:
        raise AssertionError(rules)

    def match(
        self, rfis: Sequence[Rfi], now: datetime, given: Mapping[str, int] | None = None, *, bounded: bool = True
    ) -> list[Routing]:
        assert given is None
        assert bounded
        assert [rfi.max_partners for rfi in rfis] == [DEPTH]
        self.known[rfis[0].id] = dict(self.versions)
        chosen: tuple[Chosen, ...] = tuple(make_chosen(n) for n in self.order)
        return [Routing(at=now, chosen=chosen)]

    def explain(self, rfi: Rfi, partner_id: str | None, now: datetime) -> Explanation:
        raise AssertionError(rfi, partner_id, now)

    def search(self, search: Search, now: datetime) -> SearchResult:
        raise AssertionError(search, now)

    def profile(self, profile_id: str) -> RoutableProfile | None:
        raise AssertionError(profile_id)

    def limited(self) -> list[str]:
        return []


def replayed(
    cases: Sequence[Case], before: Ranked, after: Ranked, *, since: datetime = START, rules: Rules = DEFAULT_RULES
) -> Replayed:
    replay = Replay(Trial(DEFAULT_RULES, before), Trial(rules, after), now=START, since=since)
    assert list(replay.run(cases)) == list(range(1, len(cases) + 1))
    return replay.replayed


def case(n: int, *referrals: Referral, days: int = 0, **overrides: object) -> Case:
    return Case(replace(make_rfi(n, max_partners=2, accepted_at=START + days * DAY), **overrides), referrals)  # type: ignore[arg-type]


WON = travel(make_referral(1, partner=3), "accept", "win", "settle")
DECLINED = travel(make_referral(1, partner=1), "decline", "settle")


def test_who_would_have_got_what_and_where_the_winners_would_have_stood() -> None:
    found = replayed([case(1, WON, DECLINED), case(2)], Ranked(1, 2, 3), Ranked(3, 1, 2))
    assert (found.rfis, found.changed) == (2, 2)
    assert found.before.won.figures() == {"tests": 1, "first": 0.0, "chosen": 0.0, "mrr": 0.3333}
    assert found.after.won.figures() == {"tests": 1, "first": 1.0, "chosen": 1.0, "mrr": 1.0}
    assert found.after.accepted.tests == 1
    assert (found.before.dropped_out.chosen, found.after.dropped_out.chosen) == (1, 1)
    assert (found.before.dropped_out.first, found.after.dropped_out.first) == (1, 0)
    third, second = make_partner(3).id, make_partner(2).id
    assert found.shifts() == [(third, 0, 2), (second, 2, 0)]


def test_rules_may_let_an_rfi_go_to_fewer_partners() -> None:
    fewer = replace(DEFAULT_RULES, version="one", most_partners=1)
    found = replayed([case(1)], Ranked(1, 2), Ranked(1, 2), rules=fewer)
    assert (found.changed, found.after.partners.total(), found.before.partners.total()) == (1, 1, 2)
    nobody = replayed([case(1)], Ranked(1), Ranked())
    assert (nobody.before.nobody, nobody.after.nobody) == (0, 1)


def test_what_the_customer_picked_and_what_came_before_is_not_compared() -> None:
    picked = case(1, selected_partners=(make_partner(1).id,))
    found = replayed([picked, case(2), case(3, days=2)], Ranked(1), Ranked(2), since=START + DAY)
    assert found.rfis == 1


def test_an_rfi_is_matched_with_what_was_known_when_it_came() -> None:
    early, late = case(1, WON, DECLINED), case(2, days=10)
    matcher, other = Ranked(1), Ranked(1)
    replayed([late, early], matcher, other)
    assert matcher.known[early.rfi.id] == {}
    assert matcher.known[late.rfi.id] == {WON.profile_id: 2, DECLINED.profile_id: 1}
    assert other.known == matcher.known


@pytest.mark.parametrize(
    ("steps", "results"),
    [
        ((), []),
        (("accept",), []),
        (("accept", "settle"), [Result.ACCEPTED]),
        (("accept", "win"), [Result.ACCEPTED]),
        (("accept", "lose", "settle"), [Result.ACCEPTED, Result.LOST]),
        (("decline",), []),
        (("decline", "settle"), [Result.DECLINED]),
        (("expire",), [Result.EXPIRED]),
        (("error",), []),
        (("withdraw",), []),
    ],
)
def test_outcomes_teach_once_they_are_final(steps: tuple[str, ...], results: list[Result]) -> None:
    lessons = list(lessons_of(case(1, travel(make_referral(1), *steps))))
    assert [each.outcome.result for each in lessons] == results
    assert all(each.at == each.outcome.at and each.outcome.terms for each in lessons)
    answers = [each.outcome.response for each in lessons if each.outcome.result in {Result.ACCEPTED, Result.DECLINED}]
    assert set(answers) <= {LATER - START}


def test_nothing_looked_for_is_no_division_by_zero() -> None:
    assert Quality().figures() == {"tests": 0, "first": 0.0, "chosen": 0.0, "mrr": 0.0}
    unranked = Quality()
    unranked.add(None, 5)
    assert unranked.figures() == {"tests": 1, "first": 0.0, "chosen": 0.0, "mrr": 0.0}
