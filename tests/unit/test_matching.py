"""Who gets an RFI, who comes near, and what is said of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from services.core.codes import CompanySize
from services.core.rfi import Need, Rfi, Routing
from services.matching.matcher import Matcher
from services.matching.reference import ReferenceMatcher
from tests.builders import (
    START,
    make_customer,
    make_location,
    make_need,
    make_partner,
    make_place,
    make_profile,
    make_rfi,
)


class Opens:
    """Open referrals by profile id."""

    def __init__(self, **counts: int) -> None:
        self.counts = Counter(counts)

    def open_count(self, profile_id: str) -> int:
        return self.counts[profile_id]


def matcher(*profiles: Any, opens: Opens | None = None) -> ReferenceMatcher:
    made = ReferenceMatcher(opens or Opens())
    for profile in profiles:
        made.put(profile)
    return made


def need(**overrides: Any) -> Need:
    """Asks for nothing but what the test names."""
    bare: dict[str, Any] = {"title": "x1", "description": "", "industries": (), "products": (), "services": ()}
    return make_need(**({**bare, "keywords": ()} | overrides))


def profile(n: int, **overrides: Any) -> Any:
    """Offers nothing but what the test names."""
    bare: dict[str, Any] = {"keywords": (), "industries": (), "products": (), "services": ()}
    return make_profile(n, **(bare | overrides))


def asking(n: int = 1, **overrides: Any) -> Rfi:
    return make_rfi(n, need=need(**overrides))


def route(made: Matcher, rfi: Rfi) -> Routing:
    (routing,) = made.match([rfi], START)
    return routing


#: What makes a matcher that knows some profiles.
Make = Callable[..., Matcher]


def maker(kind: Callable[[Opens], Matcher]) -> Make:
    """Makes matchers of a kind; tests that hold for each kind are run with both."""

    def made(*profiles: Any) -> Matcher:
        knowing = kind(Opens())
        knowing.put_all(profiles)
        return knowing

    return made


def chosen(routing: Routing) -> list[str]:
    return [each.partner_id for each in routing.chosen]


def near(routing: Routing) -> dict[str, str]:
    return {each.partner_id: each.because for each in routing.near_misses}


P1, P2, P3 = (make_partner(n).id for n in (1, 2, 3))


@pytest.mark.parametrize(
    ("wanted", "offered"),
    [
        ({"keywords": ("Cloud migrations",)}, {"keywords": ("cloud migration",)}),
        ({"keywords": ("azure",)}, {"products": ("Azure",)}),
        ({"products": ("azure",)}, {"keywords": ("azure",)}),
        ({"services": ("backup",)}, {"services": ("Backups",)}),
        ({"title": "Migration of our servers"}, {"keywords": ("server",)}),
        ({"description": "We want our backups tested"}, {"keywords": ("backup",)}),
        ({"keywords": ("sap business one upgrade",)}, {"keywords": ("business one",)}),
        ({"industries": ("Retail",)}, {"industries": ("retail",)}),
    ],
)
def test_what_is_asked_meets_what_is_offered(wanted: dict[str, Any], offered: dict[str, Any]) -> None:
    assert chosen(route(matcher(profile(1, **offered)), asking(**wanted))) == [P1]


@pytest.mark.parametrize(
    ("wanted", "offered"),
    [
        ({"title": "Painting. Rooms"}, {"keywords": ("painting rooms",)}),
        ({"keywords": ("azure",)}, {"keywords": ("aws",)}),
        ({"title": "Help with a printer project"}, {"keywords": ("project",)}),
        ({"description": "for our retail shops"}, {"industries": ("retail",)}),
        # For whom is not what: a named need must be met.
        ({"keywords": ("azure",), "industries": ("retail",)}, {"industries": ("retail",)}),
    ],
)
def test_what_is_not_offered_does_not_match(wanted: dict[str, Any], offered: dict[str, Any]) -> None:
    routing = route(matcher(profile(1, **offered)), asking(**({"title": "printers"} | wanted)))
    assert (routing.chosen, routing.no_match_because) == ((), "no_term_matches")


def test_spanish_texts_find_profiles_written_in_spanish() -> None:
    made = matcher(profile(1, keywords=("migración a la nube",)))
    rfi = make_rfi(1, language="es", need=need(title="MIGRACION DE LA NUBE"))
    assert "title|migración a la nube|0.35" in route(made, rfi).chosen[0].reasons


def test_a_keyword_counts_more_than_a_title_and_a_title_more_than_a_description() -> None:
    made = matcher(profile(1, keywords=("alpha",)), profile(2, keywords=("beta",)), profile(3, keywords=("gamma",)))
    rfi = asking(description="gamma", title="beta two", keywords=("alpha",))
    assert chosen(route(made, rfi)) == [P1, P2, P3]


def test_rare_offers_count_more_than_common_ones() -> None:
    common = [profile(n, keywords=("common",)) for n in range(2, 9)]
    routing = route(matcher(profile(1, keywords=("rare",)), *common), asking(keywords=("rare", "common")))
    assert chosen(routing)[0] == P1


@pytest.mark.parametrize(
    ("serves", "asked", "served"),
    [
        ({"country": "ES"}, {}, "region_served|ES-AN sevilla 41001||ES"),
        ({"country": "ES", "subdivision": "ES-AN"}, {}, "region_served|ES-AN sevilla 41001||ES-AN"),
        (
            {"country": "ES", "subdivision": "ES-AN", "city": "SEVILLA"},
            {},
            "region_served|ES-AN sevilla 41001||ES-AN sevilla",
        ),
        ({"country": "ES", "postal_code": "41"}, {}, "region_served|ES-AN sevilla 41001||ES 41"),
        (
            {"country": "ES", "subdivision": "ES-AN"},
            {"subdivision": None, "city": None, "postal_code": None},
            "region_part|ES||ES-AN",
        ),
        ({"country": "ES", "subdivision": "ES-MD"}, {}, None),
        ({"country": "ES", "city": "Cádiz"}, {}, None),
        ({"country": "ES", "postal_code": "29"}, {}, None),
        ({"country": "PT"}, {}, None),
    ],
)
def test_a_served_place_is_the_whole_of_what_it_names(
    serves: dict[str, str], asked: dict[str, Any], served: str | None
) -> None:
    bare = {"subdivision": None, "city": None, "postal_code": None}
    made = matcher(profile(1, keywords=("k",), serves=(make_place(**(bare | serves)),)))
    routing = route(made, asking(keywords=("k",), place=make_place(**asked)))
    if served is None:
        assert (chosen(routing), routing.no_match_because) == ([], "no_partner_in_region")
    else:
        assert routing.chosen[0].reasons[0] == served


def test_who_serves_the_place_closely_comes_before_who_serves_the_country() -> None:
    wide = profile(1, keywords=("k",))
    close = profile(2, keywords=("k",), serves=(make_place(postal_code=None),))
    assert chosen(route(matcher(wide, close), asking(keywords=("k",)))) == [P2, P1]


def test_who_speaks_the_language_comes_first() -> None:
    made = matcher(profile(1, keywords=("k",), languages=("es",)), profile(2, keywords=("k",), languages=("en",)))
    assert chosen(route(made, asking(keywords=("k",)))) == [P2, P1]


def test_exclusions_are_near_misses_with_their_reason() -> None:
    made = matcher(
        profile(1, keywords=("k",), sizes=(CompanySize.S1_9,)),
        profile(2, keywords=("k",), paused_until=START + timedelta(days=1)),
        profile(3, keywords=("k",), capacity=0),
        profile(
            4, keywords=("k",), serves=(make_place(country="ES", subdivision="ES-MD", city=None, postal_code=None),)
        ),
        profile(5, keywords=("k",), active=False),
        profile(6, keywords=("k",)),
    )
    routing = route(made, asking(keywords=("k",)))
    assert chosen(routing) == [make_partner(6).id]
    expected = {P1: "size_excluded", P2: "paused", P3: "at_capacity", make_partner(4).id: "outside_region"}
    assert near(routing) == expected


@pytest.mark.parametrize(
    ("overrides", "because"),
    [
        ({"sizes": (CompanySize.S1_9,)}, "size_excluded"),
        ({"paused_until": START + timedelta(seconds=1)}, "all_paused"),
        ({"capacity": 0}, "all_at_capacity"),
        ({"active": False}, "no_partner_in_region"),
        ({"locations": ()}, "no_partner_in_region"),
    ],
)
def test_an_rfi_for_nobody_says_why(overrides: dict[str, Any], because: str) -> None:
    routing = route(matcher(profile(1, keywords=("k",), **overrides)), asking(keywords=("k",)))
    assert (routing.chosen, routing.no_match_because) == ((), because)


def test_a_customer_of_unknown_size_passes_and_a_pause_ends_at_its_instant() -> None:
    made = matcher(profile(1, keywords=("k",), sizes=(CompanySize.S1_9,), paused_until=START))
    rfi = make_rfi(1, need=need(keywords=("k",)), customer=make_customer(size=None))
    assert "size_unknown" in route(made, rfi).chosen[0].reasons


def test_capacity_is_used_up_within_a_batch_in_its_order() -> None:
    made = matcher(profile(1, keywords=("k",), capacity=3), opens=Opens(**{make_profile(1).id: 1}))
    routings = made.match([asking(n, keywords=("k",)) for n in range(4)], START)
    assert [bool(each.chosen) for each in routings] == [True, True, False, False]
    assert routings == made.match([asking(n, keywords=("k",)) for n in range(4)], START)


def test_what_was_given_before_counts_too() -> None:
    made = matcher(profile(1, keywords=("k",), capacity=1))
    (routing,) = made.match([asking(keywords=("k",))], START, {make_profile(1).id: 1})
    assert routing.no_match_because == "all_at_capacity"


def test_a_partner_gets_one_referral_through_its_best_profile() -> None:
    worse = profile(1, keywords=("k",), serves=(make_place(subdivision=None, city=None, postal_code=None),))
    better = profile(1, id="better", keywords=("k", "l"))
    full = profile(1, id="full", keywords=("k", "l", "m"), capacity=0)
    routing = route(matcher(worse, better, full), asking(keywords=("k", "l", "m")))
    assert [(each.partner_id, each.profile_id) for each in routing.chosen] == [(P1, "better")]
    assert near(routing) == {}


def test_the_nearest_location_is_told() -> None:
    offices = (
        make_location(1, id="madrid", place=make_place(subdivision="ES-MD", city="Madrid")),
        make_location(1, id="malaga", place=make_place(city="Málaga")),
        make_location(1, id="sevilla"),
    )
    made = matcher(profile(1, keywords=("k",), locations=offices))
    for city, office in (("SEVILLA", "sevilla"), ("Cádiz", "malaga")):
        assert route(made, asking(keywords=("k",), place=make_place(city=city))).chosen[0].location_id == office
    elsewhere = make_place(subdivision="ES-GA", city="Vigo")
    assert route(made, asking(keywords=("k",), place=elsewhere)).chosen[0].location_id == "madrid"


def test_at_most_max_partners_are_chosen_and_the_next_are_named() -> None:
    made = matcher(*(profile(n, keywords=("k",)) for n in range(20)))
    rfi = make_rfi(1, max_partners=3, need=need(keywords=("k",)))
    routing = route(made, rfi)
    assert len(routing.chosen) == 3
    assert list(near(routing).values()) == ["below_cut"] * 5
    assert not set(chosen(routing)) & set(near(routing))


def test_equal_partners_share() -> None:
    made = matcher(*(profile(n, keywords=("k",)) for n in range(4)))
    rfis = [make_rfi(n, max_partners=1, need=need(keywords=("k",))) for n in range(400)]
    shares = Counter(chosen(each)[0] for each in made.match(rfis, START))
    assert min(shares.values()) > 60


def test_an_rfi_that_says_nothing_is_matched_by_region_and_size_and_says_so() -> None:
    made = matcher(profile(1, keywords=("k",)), profile(2, keywords=("k",), sizes=(CompanySize.S1_9,)))
    routing = route(made, asking(title="We need help, please"))
    assert chosen(routing) == [P1]
    assert "nothing_named" in routing.chosen[0].reasons


def test_picks_get_past_fit_size_capacity_and_number() -> None:
    unfit = {"keywords": ("other",), "sizes": (CompanySize.S1_9,), "capacity": 0}
    made = matcher(profile(1, **unfit), profile(2, **unfit), profile(3, keywords=("k",)))
    rfi = make_rfi(1, need=need(keywords=("k",)), selected_partners=(P2, P1, P2), max_partners=1)
    routing = route(made, rfi)
    assert chosen(routing) == [P2, P1]
    assert all(each.picked and each.reasons[0] == "picked" for each in routing.chosen)


def test_picks_that_cannot_answer_are_skipped_with_the_reason() -> None:
    made = matcher(
        profile(1, active=False),
        profile(2, paused_until=START + timedelta(days=1)),
        profile(3, keywords=("k",)),
    )
    routing = route(made, make_rfi(1, need=need(keywords=("k",)), selected_partners=(P1, P2, "nobody")))
    assert (routing.chosen, routing.no_match_because) == ((), "picked_partners_unavailable")
    assert near(routing) == {P1: "inactive", P2: "paused", "nobody": "unknown_partner"}


def test_a_pick_comes_through_the_profile_of_the_region_else_the_first_active_one() -> None:
    spain, portugal = profile(1), profile(1, country="PT", id="0-portugal")
    made = matcher(spain, portugal)
    for country, wanted in (("ES", spain.id), ("PT", "0-portugal"), ("MX", "0-portugal")):
        place = make_place(country=country, subdivision=None, city=None, postal_code=None)
        rfi = make_rfi(1, need=need(place=place), selected_partners=(P1,))
        assert route(made, rfi).chosen[0].profile_id == wanted


def test_the_highest_version_of_a_profile_holds() -> None:
    made = matcher(profile(1, keywords=("k",), version=2))
    assert not made.put(profile(1, keywords=("old",), version=1))
    assert not made.put(profile(1, keywords=("same",), version=2))
    assert chosen(route(made, asking(keywords=("k",)))) == [P1]
    assert made.put(profile(1, keywords=("new",), version=3))
    assert route(made, asking(keywords=("k",))).no_match_because == "no_term_matches"
    assert chosen(route(made, asking(keywords=("new",)))) == [P1]
    assert made.put(profile(1, keywords=("new",), version=4, active=False))
    assert route(made, asking(keywords=("new",))).no_match_because == "no_partner_in_region"
    held = made.profile(make_profile(1).id)
    assert held is not None
    assert held.version == 4
    assert made.profile("nobody") is None
