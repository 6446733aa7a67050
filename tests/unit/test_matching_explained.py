"""An explanation says what the decision was made of, and what would have changed it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from services.core.codes import CompanySize
from services.matching.explanation import ProfileVerdict
from tests.builders import START, make_partner, make_place, make_profile, make_rfi
from tests.unit.test_matching import asking, matcher, need, profile

P1 = make_partner(1).id
RFI = asking(keywords=("alpha", "beta"))


def explained(partner: str = P1, rfi: Any = RFI, *profiles: Any) -> ProfileVerdict:
    (verdict,) = matcher(*profiles).explain(rfi, partner, START).profiles
    return verdict


def test_a_chosen_partner_is_explained_term_by_term() -> None:
    verdict = explained(P1, RFI, profile(1, keywords=("Alpha",)), profile(2, keywords=("alpha", "beta")))
    assert (verdict.outcome, verdict.rank, verdict.would_help) == ("chosen", 2, ())
    assert {term.words: term.matched for term in verdict.terms} == {"Alpha": True, "beta": False}
    assert verdict.size == "all sizes are wanted"
    assert verdict.availability == "active, without a limit"
    assert verdict.region == "region_served|ES-AN sevilla 41001||ES"


@pytest.mark.parametrize(
    ("overrides", "outcome", "helps"),
    [
        ({"serves": (make_place(subdivision="ES-MD", city=None),)}, "outside_region", "add region ES-AN"),
        ({"country": "PT"}, "outside_region", "add region ES-AN"),
        (
            {"sizes": (CompanySize.S1_9,)},
            "size_excluded",
            "the size preference excludes 51to250employees: add it",
        ),
        ({"paused_until": START + timedelta(days=1)}, "paused", "end the pause"),
        ({"capacity": 0}, "at_capacity", "answer open referrals, or raise the capacity"),
        ({"active": False}, "inactive", "activate the profile"),
        ({"locations": ()}, "inactive", "add a location with a contact"),
        ({"keywords": ("gamma",)}, "no_term", "offer keyword alpha"),
    ],
)
def test_what_excluded_a_partner_is_named_with_what_would_help(
    overrides: dict[str, Any], outcome: str, helps: str
) -> None:
    verdict = explained(P1, RFI, profile(1, **({"keywords": ("alpha",)} | overrides)))
    assert (verdict.outcome, verdict.rank) == (outcome, None)
    assert helps in verdict.would_help


def test_below_the_cut_names_the_rank_and_the_missing_terms() -> None:
    rivals = [profile(n, keywords=("alpha", "beta")) for n in range(2, 9)]
    verdict = explained(P1, RFI, profile(1, keywords=("alpha",)), *rivals)
    assert (verdict.outcome, verdict.rank) == ("below_cut", 8)
    assert verdict.would_help == ("offer keyword beta",)


def test_a_second_profile_says_through_which_the_partner_has_it() -> None:
    made = matcher(profile(1, keywords=("alpha",)), profile(1, id="second", keywords=("alpha", "beta")))
    outcomes = {v.profile_id: v.outcome for v in made.explain(RFI, P1, START).profiles}
    assert outcomes == {"second": "chosen", make_profile(1).id: "chosen_through_another_profile"}


def test_nobody_else_is_asked_when_the_customer_picked() -> None:
    rfi = make_rfi(1, need=need(keywords=("alpha",)), selected_partners=(make_partner(2).id,))
    verdict = explained(P1, rfi, profile(1, keywords=("alpha",)), profile(2))
    assert verdict.outcome == "not_picked"


def test_without_a_partner_everybody_chosen_or_near_is_explained() -> None:
    made = matcher(profile(1, keywords=("alpha",)), profile(2, keywords=("alpha",), capacity=0), profile(3))
    explanation = made.explain(RFI, None, START)
    assert [v.outcome for v in explanation.profiles] == ["chosen", "at_capacity"]
    assert explanation.routing == made.match([RFI], START)[0]


def test_a_partner_without_profiles_is_said_to_be_unknown() -> None:
    explanation = matcher().explain(RFI, "nobody", START)
    assert (explanation.profiles, explanation.partner_known) == ((), False)
