"""A profile that is kept can be told, shown and matched: texts have bounds wherever they stand, pauses an end."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.adapters.kafka.sizes import check_size
from services.adapters.wire import profile_outgoing
from services.core.partner import Location, Profile
from services.core.profile_rules import (
    LOCATIONS_LIMIT,
    REGIONS_LIMIT,
    TERM_LENGTH,
    TERMS_LIMIT,
    problems_of_profile,
)
from services.core.rfi import Place
from tests.builders import START, make_location, make_profile


def codes(profile: Profile) -> list[tuple[str, str]]:
    return [(problem.field, problem.code) for problem in problems_of_profile(profile, START)]


@pytest.mark.parametrize("part", ["subdivision", "city", "postal_code"])
@pytest.mark.parametrize(("text", "code"), [("c" * (TERM_LENGTH + 1), "too_long"), ("a\x01b", "control_character")])
def test_a_served_region_and_a_location_have_bounds(part: str, text: str, code: str) -> None:
    place = replace(Place(country="ES"), **{part: text})
    profile = make_profile(1)
    assert codes(replace(profile, serves=(*profile.serves, place, place))) == [("/serves", code)]
    office = replace(profile.locations[0], place=place)
    [(field, told)] = codes(replace(profile, locations=(office,)))
    assert (field.rpartition("/")[0], told) == ("/locations/0", code)


def test_the_largest_profile_that_is_kept_can_be_told() -> None:
    """Letters of four bytes, and those that are written as two."""
    for letter in ("🦉", '"'):
        text = letter * TERM_LENGTH
        place = Place(country="ES", subdivision=text, city=text, postal_code=text)
        offices = tuple(replace(make_location(n), place=place) for n in range(LOCATIONS_LIMIT))
        largest = largest_with(text, place, offices)
        assert codes(largest) == []
        check_size(profile_outgoing(largest))


def largest_with(text: str, place: Place, offices: tuple[Location, ...]) -> Profile:
    terms = (text,) * TERMS_LIMIT
    return make_profile(
        1,
        serves=(place,) * REGIONS_LIMIT,
        locations=offices,
        keywords=terms,
        industries=terms,
        products=terms,
        services=terms,
    )


@pytest.mark.parametrize(
    ("until", "code"),
    [
        (START + timedelta(days=1), None),
        (START, "in_the_past"),
        (datetime(2200, 1, 1, tzinfo=UTC), None),
        (datetime(9999, 12, 31, 11, tzinfo=UTC), "invalid"),
    ],
)
def test_a_pause_ends_later_than_now_and_before_the_calendar_does(until: datetime, code: str | None) -> None:
    found = codes(make_profile(1, paused_until=until))
    assert found == ([] if code is None else [("/pausedUntil", code)])
