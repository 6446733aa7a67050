"""What a partner declines for its own reasons, and what goes past it, becomes changes of its profile to choose from."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.adapters.memory.stores import MemoryStores
from services.adapters.regions import parent_of
from services.core.codes import CloseReason, CompanySize
from services.core.lifecycle import decide
from services.core.partner import Profile
from services.core.policy import STANDARD
from services.core.rfi import Place, Rfi, Routing, Skipped
from services.matching.suggested import Suggestion, SuggestionCode, applied
from services.matching.suggesting import PERIOD, Suggesting
from services.matching.suggestions import Answered, Missed, suggest
from tests.builders import (
    START,
    make_customer,
    make_need,
    make_partner,
    make_place,
    make_profile,
    make_referral,
    make_rfi,
)
from tests.journeys import LATER, SETTLED, decline, ticked, travel

NOW = START + timedelta(days=10)
PROFILE = make_profile(1)
CATALONIA = Place(country="ES", subdivision="ES-CT", city="Girona")


def declined(n: int, reason: CloseReason, rfi: Rfi | None = None, **referral: Any) -> Answered:
    offered = replace(make_referral(n), **referral)
    said = decide(offered, decline(reason=reason), LATER, STANDARD)
    return Answered(rfi or make_rfi(n), ticked(said, SETTLED))


def accepted(n: int, **referral: Any) -> Answered:
    return Answered(make_rfi(n), travel(replace(make_referral(n), **referral), "accept"))


def changes(profile: Profile, *answered: Answered, missed: tuple[Missed, ...] = ()) -> list[tuple[str, str, int]]:
    return [(each.code.value, each.value, each.count) for each in suggest(profile, answered, missed, NOW, parent_of)]


def elsewhere(n: int, place: Place = CATALONIA) -> Rfi:
    return make_rfi(n, need=make_need(place=place))


def of_size(n: int, size: CompanySize | None) -> Rfi:
    return make_rfi(n, customer=make_customer(size=size))


def test_a_region_that_is_declined_again_and_again_is_to_be_left_out_or_narrowed() -> None:
    outside = [declined(n, CloseReason.OUTSIDE_REGION, elsewhere(n)) for n in range(3)]
    assert changes(PROFILE, *outside) == [("narrow_region", "ES-CT", 3)]
    named = replace(
        PROFILE, serves=(Place(country="ES", subdivision="ES-AN"), Place(country="ES", subdivision="ES-CT"))
    )
    assert changes(named, *outside) == [("remove_region", "ES-CT", 3)]
    only = replace(PROFILE, serves=(Place(country="ES", subdivision="ES-CT"),))
    assert changes(only, *outside) == [("narrow_region", "ES-CT", 3)]


def test_one_request_suggests_nothing_and_an_answer_that_can_be_undone_is_none_yet() -> None:
    assert changes(PROFILE, declined(1, CloseReason.OUTSIDE_REGION, elsewhere(1))) == []
    open_ = [Answered(elsewhere(n), travel(make_referral(n), "decline")) for n in range(3)]
    assert changes(PROFILE, *open_) == []


def test_the_customers_reasons_suggest_nothing() -> None:
    assert changes(PROFILE, *(declined(n, CloseReason.BUDGET, elsewhere(n)) for n in range(3))) == []


WHY = {"reasons": ["region_served|ES", "keyword|backup|1.20", "title|azure|0.4", "industry|manufacturing|0.5", "odd"]}


def test_words_that_bring_the_wrong_requests_are_to_go_unless_they_bring_as_many_right_ones() -> None:
    wrong = [declined(n, CloseReason.OUTSIDE_SKILLS, why=WHY) for n in range(2)]
    assert changes(PROFILE, *wrong) == [("remove_words", "azure", 2), ("remove_words", "backup", 2)]
    right = [accepted(n, why={"reasons": ["keyword|backup|1.20"]}) for n in (8, 9)]
    assert changes(PROFILE, *wrong, *right) == [("remove_words", "azure", 2)]
    assert changes(PROFILE, *(declined(n, CloseReason.OUTSIDE_SKILLS, why={"reasons": 7}) for n in range(2))) == []


def test_sizes_that_are_declined_are_to_be_left_out() -> None:
    small = [declined(n, CloseReason.SIZE, of_size(n, CompanySize.S1_9)) for n in range(2)]
    unknown = [declined(n, CloseReason.SIZE, of_size(n, None)) for n in (5, 6)]
    assert changes(PROFILE, *small, *unknown) == [("exclude_size", "1to9employees", 2)]
    assert changes(replace(PROFILE, sizes=(CompanySize.S51_250,)), *small) == []


def test_who_declines_for_want_of_room_gets_a_capacity_and_is_not_told_to_raise_it() -> None:
    full = [declined(n, CloseReason.NO_CAPACITY) for n in range(2)]
    at_work = [accepted(n) for n in (5, 6, 7)]
    missed = tuple(Missed(make_rfi(n), "at_capacity") for n in (8, 9))
    assert changes(PROFILE, *full, *at_work, missed=missed) == [("set_capacity", "3", 2)]
    assert changes(replace(PROFILE, capacity=3), *full, *at_work, missed=missed) == []
    assert changes(replace(PROFILE, capacity=4), missed=missed) == [("raise_capacity", "6", 2)]
    assert changes(PROFILE, missed=missed) == []


def test_what_went_past_says_what_would_have_brought_it() -> None:
    served = replace(PROFILE, serves=(Place(country="ES", subdivision="ES-AN"),), sizes=(CompanySize.S51_250,))
    missed = (
        *(Missed(elsewhere(n), "outside_region") for n in range(4)),
        *(Missed(of_size(n, CompanySize.S1_9), "size_excluded") for n in range(4, 7)),
        *(Missed(make_rfi(n, need=make_need(keywords=("kubernetes", "backup"))), "below_cut") for n in (7, 8)),
        Missed(make_rfi(9), "no_term"),
    )
    assert changes(served, missed=missed) == [
        ("add_region", "ES-CT", 4),
        ("include_size", "1to9employees", 3),
        ("add_keyword", "kubernetes", 2),
    ]
    city = tuple(Missed(elsewhere(n, Place(country="FR", city="Le Mans")), "outside_region") for n in range(2))
    assert changes(served, missed=city) == [("add_region", "FR Le Mans", 2)]
    # Since then the profile has changed.
    changed = replace(PROFILE, serves=(Place(country="ES", subdivision="ES-CT"),), keywords=("kubernetes", "backup"))
    assert changes(changed, missed=missed) == []


def test_a_pause_that_goes_on_is_named_with_what_it_costs() -> None:
    missed = tuple(Missed(make_rfi(n), "paused") for n in range(3))
    until = NOW + timedelta(days=1)
    assert changes(replace(PROFILE, paused_until=until), missed=missed) == [("end_pause", until.isoformat(), 3)]
    assert changes(replace(PROFILE, paused_until=NOW), missed=missed) == []


CHANGES: list[tuple[SuggestionCode, str, dict[str, Any]]] = [
    (SuggestionCode.REMOVE_REGION, "ES-CT", {"serves": (Place(country="ES", subdivision="ES-AN"),)}),
    (
        SuggestionCode.ADD_REGION,
        "PT",
        {"serves": (Place(country="ES", subdivision="ES-AN"), CATALONIA, Place(country="PT"))},
    ),
    (
        SuggestionCode.ADD_REGION,
        "FR Le Mans",
        {"serves": (Place(country="ES", subdivision="ES-AN"), CATALONIA, Place(country="FR", city="Le Mans"))},
    ),
    (SuggestionCode.REMOVE_WORDS, "backup", {"keywords": ("cloud migration",)}),
    (SuggestionCode.ADD_KEYWORD, "kubernetes", {"keywords": ("cloud migration", "backup", "kubernetes")}),
    (SuggestionCode.EXCLUDE_SIZE, "1to9employees", {"sizes": tuple(CompanySize)[1:]}),
    (SuggestionCode.SET_CAPACITY, "3", {"capacity": 3}),
    (SuggestionCode.RAISE_CAPACITY, "6", {"capacity": 6}),
    (SuggestionCode.END_PAUSE, "", {"paused_until": None}),
]
WIDE = replace(PROFILE, serves=(Place(country="ES", subdivision="ES-AN"), CATALONIA), paused_until=NOW)


@pytest.mark.parametrize(("code", "value", "fields"), CHANGES, ids=[f"{code} {value}" for code, value, _ in CHANGES])
def test_a_suggestion_can_be_made_with_one_click(code: SuggestionCode, value: str, fields: dict[str, Any]) -> None:
    suggestion = Suggestion(profile_id=PROFILE.id, code=code, value=value, count=2, rfi_ids=())
    changed = applied(WIDE, suggestion)
    assert changed == replace(WIDE, **fields)
    assert applied(changed, suggestion) is None


def test_sizes_are_added_in_their_order_and_a_region_to_be_narrowed_needs_a_person() -> None:
    def suggestion(code: SuggestionCode, value: str) -> Suggestion:
        return Suggestion(profile_id=PROFILE.id, code=code, value=value, count=2, rfi_ids=())

    some = replace(PROFILE, sizes=(CompanySize.S51_250,))
    more = applied(some, suggestion(SuggestionCode.INCLUDE_SIZE, "1to9employees"))
    assert more is not None
    assert more.sizes == (CompanySize.S1_9, CompanySize.S51_250)
    assert applied(PROFILE, suggestion(SuggestionCode.NARROW_REGION, "ES-CT")) is None


async def test_a_partners_suggestions_come_from_its_own_referrals_and_near_misses_of_the_period() -> None:
    stores = MemoryStores()
    await stores.partners.put_profiles([PROFILE, make_profile(2)])
    now = START + PERIOD
    for n in range(3):
        answer = declined(n, CloseReason.NO_CAPACITY)
        stores.rfis.stored[answer.rfi.id] = answer.rfi
        stores.referrals.stored[answer.referral.id] = answer.referral
    near = tuple(
        Skipped(partner_id=make_partner(p).id, profile_id=make_profile(p).id, score=0.1, because="outside_region")
        for p in (1, 2)
    )
    unknown = Skipped(partner_id=make_partner(1).id, score=0.0, because="unknown_partner")
    for n in range(5, 8):
        portugal = make_need(place=make_place(country="PT", subdivision=None))
        routing = Routing(at=START, chosen=(), near_misses=(*near, unknown))
        rfi = make_rfi(n, need=portugal, routing=routing, accepted_at=START + timedelta(days=n - 6))
        stores.rfis.stored[rfi.id] = rfi
    suggesting = Suggesting(rfis=stores.rfis, referrals=stores.referrals, partners=stores.partners)
    found = await suggesting.of_partner(make_partner(1).id, now)
    assert [(each.code, each.count, each.profile_id) for each in found] == [
        (SuggestionCode.SET_CAPACITY, 3, PROFILE.id),
        (SuggestionCode.ADD_REGION, 2, PROFILE.id),
    ]
    assert len(found[0].rfi_ids) == 3
    assert await suggesting.of_partner(make_partner(3).id, now) == []
    assert await suggesting.of_partner(make_partner(1).id, now + PERIOD) == []
