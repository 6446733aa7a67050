"""Who is not asked, however well it fits: who offers what is not wanted, who was left out, and who is too far away."""

from __future__ import annotations

from dataclasses import replace
from math import acos, cos, radians, sin
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.rfi import Coordinate, Rfi
from services.matching.distance import UNITS, Circle, apart, km_between, limit_of, point_of, said_km
from services.matching.indexed import IndexedMatcher
from services.matching.matcher import Matcher
from services.matching.reference import ReferenceMatcher
from tests.builders import START, make_location, make_partner, make_place
from tests.unit.test_matching import Make, asking, maker, profile, route

#: The first call on a machine compiles the kernels.
pytestmark = pytest.mark.timeout(900)

SEVILLA, DOS_HERMANAS, CORDOBA = (
    Coordinate(37.3891, -5.9845),
    Coordinate(37.2829, -5.9209),
    Coordinate(37.8882, -4.7794),
)
MADRID = Coordinate(40.4168, -3.7038)


@pytest.fixture(params=[ReferenceMatcher, IndexedMatcher])
def make(request: pytest.FixtureRequest) -> Make:
    return maker(request.param)


def at(n: int, *spots: Coordinate | None, **overrides: Any) -> Any:
    """A partner with locations there; None is one without coordinates."""
    offices = tuple(make_location(id=f"L-{n}-{place}", coordinate=spot) for place, spot in enumerate(spots))
    return profile(n, **({"locations": offices, "keywords": ("backup",)} | overrides))


def near(spot: Coordinate | None = SEVILLA, km: int | None = 25, **need: Any) -> Rfi:
    return asking(**({"keywords": ("backup",), "coordinate": spot, "within_km": km} | need))


def asked(matcher: Matcher, rfi: Rfi) -> set[str]:
    return {each.partner_id for each in route(matcher, rfi).chosen}


def partners(*numbers: int) -> set[str]:
    return {make_partner(n).id for n in numbers}


def leaving_out(rfi: Rfi, *numbers: int) -> Rfi:
    return replace(rfi, excluded_partners=tuple(make_partner(n).id for n in numbers))


def test_who_offers_what_is_not_wanted_is_not_asked(make: Make) -> None:
    matcher = make(
        profile(1, keywords=("backup", "resale")),
        profile(2, keywords=("backup",), industries=("Retail",)),
        profile(3, keywords=("backup",), products=("Business Central",)),
        profile(4, keywords=("backup",)),
    )
    assert asked(matcher, asking(keywords=("backup",))) == partners(1, 2, 3, 4)
    unwanted = ("Resale", "retail", "ERP", "a hovercraft", "the")
    routing = route(matcher, asking(keywords=("backup",), must_not_offer=unwanted))
    assert {each.partner_id for each in routing.chosen} == partners(4)
    assert routing.near_misses == ()


def test_an_explanation_says_which_offer_is_not_wanted(make: Make) -> None:
    rfi = asking(keywords=("backup",), must_not_offer=("Resale", "tin"))
    matcher = make(profile(1, keywords=("backup", "resale")), profile(2, keywords=("backup",)))
    (told,) = matcher.explain(rfi, make_partner(1).id, START).profiles
    assert (told.outcome, told.rank) == ("offers_unwanted", None)
    assert "no longer offer Resale: who offers it is not asked" in told.would_help
    assert not [each for each in told.would_help if "tin" in each]


def test_partners_that_are_left_out_are_not_asked_and_did_not_come_near(make: Make) -> None:
    matcher = make(*(profile(n, keywords=("backup",)) for n in (1, 2, 3)))
    routing = route(matcher, leaving_out(asking(keywords=("backup",)), 1, 3, 99))
    assert {each.partner_id for each in routing.chosen} == partners(2)
    assert routing.near_misses == ()
    (told,) = matcher.explain(leaving_out(asking(keywords=("backup",)), 1), make_partner(1).id, START).profiles
    assert (told.outcome, told.rank) == ("left_out", None)
    assert told.would_help == ("nothing: the request says that this partner is not to be asked",)


def test_who_is_left_out_is_told_so_wherever_it_serves(make: Make) -> None:
    matcher = make(profile(1, keywords=("backup",), country="PT", serves=()), profile(2, keywords=("backup",)))
    (told,) = matcher.explain(leaving_out(asking(keywords=("backup",)), 1), make_partner(1).id, START).profiles
    assert told.outcome == "left_out"


def test_only_who_has_a_location_within_the_distance_is_asked(make: Make) -> None:
    matcher = make(at(1, SEVILLA), at(2, DOS_HERMANAS), at(3, CORDOBA), at(4, CORDOBA, DOS_HERMANAS))
    assert asked(matcher, near(km=5)) == partners(1)
    assert asked(matcher, near(km=25)) == partners(1, 2, 4)
    assert asked(matcher, near(km=150)) == partners(1, 2, 3, 4)


def test_where_no_location_has_coordinates_the_region_decides(make: Make) -> None:
    matcher = make(
        at(1, None), at(2, None, CORDOBA), at(3, None, serves=(make_place(subdivision="ES-MD", city="Madrid"),))
    )
    routing = route(matcher, near())
    assert {each.partner_id for each in routing.chosen} == partners(1)
    assert "distance_unknown|25" in routing.chosen[0].reasons


def test_who_is_near_and_does_not_serve_the_region_is_not_asked(make: Make) -> None:
    matcher = make(at(1, SEVILLA, serves=(make_place(subdivision="ES-MD", city="Madrid", postal_code=None),)))
    routing = route(matcher, near())
    assert (routing.chosen, routing.no_match_because) == ((), "no_partner_in_region")


def test_without_a_distance_coordinates_change_nothing(make: Make) -> None:
    spread, plain = make(at(1, SEVILLA), at(2, MADRID)), make(at(1, None), at(2, None))
    assert route(spread, near(km=None)) == route(plain, near(spot=None, km=None)) == route(spread, near(None, None))


def test_neither_the_reasons_nor_the_location_that_gets_the_request_tell_how_far_it_is(make: Make) -> None:
    """A partner may say that it has offices all over the place: which of them is nearest would tell it the point."""
    spots = (None, DOS_HERMANAS, SEVILLA, CORDOBA)
    for turned in (spots, spots[::-1]):
        (chosen,) = route(make(at(1, *turned)), near()).chosen
        assert chosen.location_id == "L-1-0"
        assert chosen.reasons[1] == "near|25"
    assert not [reason for reason in chosen.reasons if "km" in reason]


def test_when_all_who_fit_are_too_far_away_that_is_why_nobody_is_asked(make: Make) -> None:
    routing = route(make(at(1, CORDOBA), at(2, MADRID)), near())
    assert (routing.chosen, routing.near_misses, routing.no_match_because) == ((), (), "all_too_far")
    routing = route(make(at(1, CORDOBA), at(2, SEVILLA, capacity=0)), near())
    assert (routing.chosen, routing.no_match_because) == ((), "all_excluded")


def test_an_explanation_says_how_far_away_a_partner_is(make: Make) -> None:
    matcher = make(at(1, CORDOBA, MADRID), at(2, SEVILLA), at(3, None))

    def told(n: int, rfi: Rfi) -> Any:
        (verdict,) = matcher.explain(rfi, make_partner(n).id, START).profiles
        return verdict

    far = told(1, near())
    assert (far.outcome, far.rank, far.distance) == ("too_far", None, "120 km away, asked within 25")
    assert "have a location within 25 km: 120 km away, asked within 25" in far.would_help
    assert (told(2, near()).outcome, told(2, near()).distance) == ("chosen", "0.0 km away, asked within 25")
    unknown = "distance unknown: no location gives its coordinates"
    assert told(3, near()).distance == f"{unknown}, asked within 25; the region decides"
    assert (told(3, near(km=None)).distance, told(1, near(km=None)).distance) == (unknown, "120 km away")
    assert told(1, near(spot=None, km=None)).distance == "not compared: the request gives no coordinates"


def test_a_customers_own_pick_gets_past_all_of_it(make: Make) -> None:
    rfi = leaving_out(near(must_not_offer=("backup",)), 1)
    matcher = make(at(1, CORDOBA))
    assert asked(matcher, rfi) == set()
    assert asked(matcher, replace(rfi, selected_partners=tuple(partners(1)))) == partners(1)


def test_a_location_that_moves_or_loses_its_coordinates_counts_at_once(make: Make) -> None:
    matcher = make(at(1, CORDOBA))
    assert asked(matcher, near()) == set()
    moves: list[tuple[Coordinate | None, set[str]]] = [(SEVILLA, partners(1)), (MADRID, set()), (None, partners(1))]
    for version, (spot, found) in enumerate(moves, 2):
        matcher.put(at(1, spot, version=version))
        assert asked(matcher, near()) == found


LATITUDES, LONGITUDES = st.floats(-90, 90), st.floats(-180, 180)
SPOTS = st.builds(Coordinate, LATITUDES, LONGITUDES)


@given(SPOTS, SPOTS)
def test_kilometres_are_those_of_the_angle_between_two_places(one: Coordinate, other: Coordinate) -> None:
    north, south, east = radians(one.latitude), radians(other.latitude), radians(one.longitude - other.longitude)
    angle = acos(max(-1.0, min(1.0, sin(north) * sin(south) + cos(north) * cos(south) * cos(east))))
    # The cosine of a small angle, or of one near half a turn, tells it to some metres only.
    assert km_between(one, other) == pytest.approx(6371.0088 * angle, abs=0.2)


@given(SPOTS, SPOTS, st.integers(1, 20_000))
def test_a_circle_holds_what_is_no_further_away_and_its_reckoning_fits_63_bits(
    one: Coordinate, other: Coordinate, km: int
) -> None:
    line, away = apart(point_of(one), point_of(other)), km_between(one, other)
    assert line < 1 << 63
    if abs(away - km) > 0.5:  # near half a turn a metre of line is hundreds over the ground
        assert Circle(point_of(one), km, limit_of(km)).holds(point_of(other)) is (away < km)


def test_the_date_line_and_the_poles_are_no_edge() -> None:
    assert km_between(Coordinate(0, 179.9999), Coordinate(0, -179.9999)) == pytest.approx(0.0222, abs=0.001)
    assert km_between(Coordinate(90, 0), Coordinate(90, 135)) == 0
    assert km_between(Coordinate(90, 0), Coordinate(-90, 0)) == pytest.approx(20_015, abs=1)
    assert point_of(Coordinate(0, 0)) == (UNITS, 0, 0)


@pytest.mark.parametrize(("km", "said"), [(0.04, "0.0"), (9.94, "9.9"), (9.96, "10"), (119.5001, "120")])
def test_distances_are_said_as_people_say_them(km: float, said: str) -> None:
    assert said_km(km) == said
