"""What a partner must offer to be asked: nobody else is, however well it fits, and whichever matcher decides."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from services.core.standing import Standing
from services.matching.indexed import IndexedMatcher
from services.matching.matcher import Matcher
from services.matching.reference import ReferenceMatcher
from services.matching.signals import signals
from tests.builders import START, make_partner, make_profile
from tests.unit.test_matching import Make, asking, maker, profile, route

#: The first call on a machine compiles the kernels.
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(params=[ReferenceMatcher, IndexedMatcher])
def make(request: pytest.FixtureRequest) -> Make:
    return maker(request.param)


def asked(matcher: Matcher, **need: Any) -> set[str]:
    return {each.partner_id for each in route(matcher, asking(**need)).chosen}


def partners(*numbers: int) -> set[str]:
    return {make_partner(n).id for n in numbers}


def test_only_who_offers_all_that_is_required_is_asked(make: Make) -> None:
    matcher = make(
        profile(1, keywords=("backup", "iso 27001"), services=("audit",)),
        profile(2, keywords=("backup", "iso 27001")),
        profile(3, keywords=("backup", "audit", "restore", "cloud")),
    )
    need: dict[str, Any] = {"keywords": ("backup", "restore", "cloud")}
    assert asked(matcher, **need) == partners(1, 2, 3)
    assert asked(matcher, **need, must_offer=("ISO 27001",)) == partners(1, 2)
    assert asked(matcher, **need, must_offer=("ISO 27001", "audits")) == partners(1)


def test_one_of_several_is_enough_where_one_is_required(make: Make) -> None:
    matcher = make(*(profile(n, keywords=("backup", word)) for n, word in enumerate(("gold", "silver", "tin"), 1)))
    assert asked(matcher, keywords=("backup",), must_offer_one_of=("gold", "silver")) == partners(1, 2)
    assert asked(matcher, keywords=("backup",), must_offer=("tin",), must_offer_one_of=("gold", "silver")) == set()


@pytest.mark.parametrize(
    ("offers", "required"),
    [
        ({"industries": ("Retail",)}, "retail"),
        ({"products": ("Business Central",)}, "ERP"),
        ({"keywords": ("computación en la nube",)}, "cloud"),
        ({"services": ("data backups",)}, "data backup"),
    ],
)
def test_industries_concepts_and_forms_of_words_meet_a_demand(
    make: Make, offers: dict[str, Any], required: str
) -> None:
    offers = {**offers, "keywords": ("training", *offers.get("keywords", ()))}
    matcher = make(profile(1, **offers), profile(2, keywords=("training",)))
    assert asked(matcher, keywords=("training",), must_offer=(required,)) == partners(1)


def test_what_is_required_is_asked_for_and_is_a_reason(make: Make) -> None:
    routing = route(make(profile(1, keywords=("ISO 27001",)), profile(2)), asking(must_offer=("iso 27001",)))
    (chosen,) = routing.chosen
    assert any(reason.startswith("keyword|ISO 27001|") for reason in chosen.reasons)


def test_who_lacks_it_is_no_near_miss_and_nobody_is_asked_where_nobody_has_it(make: Make) -> None:
    matcher = make(profile(1, keywords=("backup",)), profile(2, keywords=("backup",), country="PT", serves=()))
    routing = route(matcher, asking(keywords=("backup",), must_offer=("a hovercraft",)))
    assert (routing.chosen, routing.near_misses, routing.no_match_because) == ((), (), "no_term_matches")


def test_words_that_say_nothing_demand_nothing(make: Make) -> None:
    matcher = make(profile(1, keywords=("backup",)))
    assert asked(matcher, keywords=("backup",), must_offer=("the",), must_offer_one_of=("of",)) == partners(1)


def test_a_customers_own_pick_gets_past_it(make: Make) -> None:
    rfi = replace(asking(must_offer=("gold",)), selected_partners=tuple(partners(1)))
    assert {each.partner_id for each in route(make(profile(1, keywords=("tin",))), rfi).chosen} == partners(1)


def test_what_was_learned_does_not_stand_for_an_offer(make: Make) -> None:
    matcher, rfi = make(profile(1, keywords=("tin",))), asking(keywords=("backup service",), must_offer=("gold coin",))
    learned = {signal.key: 1.0 for signal in signals(rfi)}
    matcher.learn(make_profile(1).id, Standing(profile_id=make_profile(1).id, version=1, at=START, terms=learned))
    assert route(matcher, replace(rfi, need=replace(rfi.need, must_offer=()))).chosen
    assert not route(matcher, rfi).chosen


def test_an_explanation_says_what_is_lacking(make: Make) -> None:
    rfi = asking(keywords=("backup",), must_offer=("ISO 27001",), must_offer_one_of=("gold", "silver"))
    matcher = make(profile(1, keywords=("backup", "silver")), profile(2, keywords=("backup", "gold", "iso 27001")))
    (lacking,) = matcher.explain(rfi, make_partner(1).id, START).profiles
    assert (lacking.outcome, lacking.rank) == ("lacks_required", None)
    assert "offer ISO 27001: it is required" in lacking.would_help
    assert not any("gold" in each and "required" in each for each in lacking.would_help)
    (chosen,) = matcher.explain(rfi, make_partner(2).id, START).profiles
    assert (chosen.outcome, chosen.rank) == ("chosen", 1)
