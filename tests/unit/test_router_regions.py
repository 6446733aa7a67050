"""Do subdivisions that lie in one another match as people mean them: the province, its region, its country?"""

from __future__ import annotations

import pycountry
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.adapters.regions import parent_of
from services.core.partner import Office, Profile
from services.core.rfi import Place, Rfi, Routing
from services.matching.reference import ReferenceMatcher
from services.matching.regions import Reach, containing, key_of, name_of, nearest, reach_of, region_of, verdict
from tests.builders import START, make_need, make_place, make_profile, make_rfi


class Nobody:
    """No profile has open referrals."""

    def open_count(self, _profile_id: str) -> int:
        return 0


def place(code: str, city: str | None = None) -> Place:
    """A country or subdivision by its ISO code."""
    return Place(country=code[:2], subdivision=code if "-" in code else None, city=city)


def office(id_: str, code: str, city: str | None = None) -> Office:
    return Office(id=id_, place=place(code, city))


def route(rfi: Rfi, *profiles: Profile) -> Routing:
    matcher = ReferenceMatcher(Nobody(), parent_of)
    for profile in profiles:
        matcher.put(profile)
    return matcher.match([rfi], START)[0]


@pytest.mark.parametrize(
    ("served", "asked", "reach"),
    [
        ("ES-AN", "ES-SE", Reach.SUBDIVISION),
        ("ES-SE", "ES-SE", Reach.PROVINCE),
        ("ES-SE", "ES-AN", Reach.WITHIN),
        ("ES-SE", "ES", Reach.WITHIN),
        ("ES", "ES-SE", Reach.COUNTRY),
        ("ES-SE", "ES-CO", None),
        ("ES-MD", "ES-SE", None),
        ("GB-ENG", "GB-LND", Reach.SUBDIVISION),
        ("GB-SCT", "GB-LND", None),
        # Three levels: a French department in its region, through the collectivity between them.
        ("FR-GES", "FR-67", Reach.SUBDIVISION),
        ("FR-6AE", "FR-67", Reach.PROVINCE),
        ("FR-67", "FR-GES", Reach.WITHIN),
        ("FR-67", "FR-68", None),
    ],
)
def test_a_subdivision_is_served_by_those_around_it_and_in_part_by_those_within(
    served: str, asked: str, reach: Reach | None
) -> None:
    found = verdict([key_of(place(served), parent_of)], key_of(place(asked), parent_of))
    assert (found[0] if found else None) is reach


def test_of_several_served_places_the_narrowest_counts() -> None:
    served = [key_of(place(code), parent_of) for code in ("ES", "ES-AN", "ES-SE")]
    found = verdict(served, key_of(place("ES-SE"), parent_of))
    assert found is not None
    assert (found[0], name_of(found[1])) == (Reach.PROVINCE, "ES-SE")


def test_a_city_lies_in_all_subdivisions_around_it() -> None:
    asked = key_of(place("ES-SE", "Sevilla"), parent_of)
    for served in (place("ES-AN", "sevilla"), place("ES", "SEVILLA"), place("ES-SE", "Sevilla")):
        found = verdict([key_of(served, parent_of)], asked)
        assert found is not None
        assert found[0] is Reach.LOCAL
    assert verdict([key_of(place("ES-MD", "Sevilla"), parent_of)], asked) is None


def test_people_read_the_narrowest_code() -> None:
    key = key_of(make_place(subdivision="ES-SE", city="Dos Hermanas", postal_code=None), parent_of)
    assert (region_of(key), name_of(key)) == ("ES-SE", "ES-SE dos hermanas")
    assert region_of(key_of(place("ES"), parent_of)) == "ES"


def test_an_rfi_for_a_province_reaches_a_partner_that_serves_the_region_and_says_through_what() -> None:
    rfi = make_rfi(need=make_need(place=place("ES-SE")))
    regional, elsewhere = make_profile(1, serves=(place("ES-AN"),)), make_profile(2, serves=(place("ES-CT"),))
    routing = route(rfi, regional, elsewhere)
    assert [c.partner_id for c in routing.chosen] == [regional.partner_id]
    assert routing.chosen[0].reasons[0] == "region_served|ES-SE||ES-AN"
    assert [(s.partner_id, s.because) for s in routing.near_misses] == [(elsewhere.partner_id, "outside_region")]


def test_an_rfi_for_a_region_reaches_a_partner_of_one_of_its_provinces_behind_those_that_serve_all_of_it() -> None:
    rfi = make_rfi(need=make_need(place=place("ES-AN")))
    part, whole = make_profile(1, serves=(place("ES-SE"),)), make_profile(2, serves=(place("ES-AN"),))
    assert [c.partner_id for c in route(rfi, part, whole).chosen] == [whole.partner_id, part.partner_id]


def test_a_profile_that_leaves_takes_its_wider_regions_with_it() -> None:
    rfi = make_rfi(need=make_need(place=place("ES-AN")))
    before = make_profile(1, serves=(place("ES-SE"),))
    routing = route(rfi, before, make_profile(1, serves=(place("ES-MD"),), version=2))
    assert (routing.chosen, routing.no_match_because) == ((), "no_partner_in_region")


@pytest.mark.parametrize(
    ("offices", "asked", "expected"),
    [
        ([office("madrid", "ES-MD"), office("region", "ES-AN"), office("province", "ES-SE")], "ES-SE", "province"),
        ([office("madrid", "ES-MD"), office("beside", "ES-CO"), office("region", "ES-AN")], "ES-SE", "region"),
        ([office("madrid", "ES-MD"), office("beside", "ES-CO")], "ES-SE", "beside"),
        ([office("madrid", "ES-MD"), office("within", "ES-SE")], "ES-AN", "within"),
        ([office("abroad", "PT"), office("madrid", "ES-MD")], "ES-SE", "madrid"),
        ([office("first", "PT"), office("second", "FR")], "ES-SE", "first"),
    ],
)
def test_the_nearest_office_follows_the_subdivisions(offices: list[Office], asked: str, expected: str) -> None:
    assert nearest(offices, key_of(place(asked), parent_of), parent_of).id == expected


def test_an_office_in_the_same_city_is_nearest_whichever_level_its_subdivision_has() -> None:
    offices = [office("province", "ES-SE"), office("city", "ES-AN", "Sevilla")]
    assert nearest(offices, key_of(place("ES-SE", "SEVILLA"), parent_of), parent_of).id == "city"


CODES = [s.code for s in pycountry.subdivisions if s.country_code in {"ES", "FR", "GB", "IT"}]


@given(st.sampled_from(CODES), st.sampled_from(CODES))
def test_what_contains_the_other_is_known_from_both_sides(one: str, other: str) -> None:
    a, b = key_of(place(one), parent_of), key_of(place(other), parent_of)
    ahead, back = verdict([a], b), verdict([b], a)
    around = a in containing(b)
    assert (ahead is None) is (back is None)
    assert (ahead is not None and ahead[0] is not Reach.WITHIN) is around
    if around and a != b:
        assert back is not None
        assert back[0] is Reach.WITHIN
        assert reach_of(a).points <= reach_of(b).points


def test_a_table_that_goes_round_in_a_circle_ends() -> None:
    circle = {"XX-A": "XX-B", "XX-B": "XX-A"}
    assert key_of(Place(country="XX", subdivision="XX-A"), circle.get)[1] == "XX-B/XX-A"


def test_every_parent_is_a_subdivision_of_the_same_country_and_none_goes_round() -> None:
    codes = {s.code for s in pycountry.subdivisions}
    for code in codes:
        seen = {code}
        while (wider := parent_of(code)) is not None:
            assert wider in codes - seen
            assert wider[:3] == code[:3]
            seen.add(wider)
            code = wider  # noqa: PLW2901 - climbs from where the loop began


def test_an_unknown_subdivision_lies_in_none() -> None:
    assert parent_of("ES-XYZ") is None
    assert parent_of("") is None
