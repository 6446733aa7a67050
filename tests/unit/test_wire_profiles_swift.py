"""Is the short way of reading profiles the same as the long one, whatever is in a record?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.adapters import wire_profiles_swift
from services.adapters.wire_profiles import profile_of, profile_outgoing, read_any
from services.core.codes import CompanySize, PolicyName
from services.core.errors import Invalid
from services.core.partner import RoutableProfile
from services.core.ports import Record
from services.core.rfi import Coordinate
from tests.builders import START, make_location, make_profile

SPOTS = st.one_of(st.none(), st.builds(Coordinate, st.floats(-90, 90), st.floats(-180, 180)))
PROFILES = st.builds(
    make_profile,
    st.integers(1, 3),
    locations=st.lists(SPOTS, min_size=1, max_size=2).map(
        lambda spots: tuple(make_location(id=f"L-{n}", coordinate=spot) for n, spot in enumerate(spots))
    ),
    keywords=st.lists(st.text(max_size=8), max_size=4).map(tuple),
    languages=st.lists(st.sampled_from(["en", "es-MX"]), max_size=2).map(tuple),
    sizes=st.lists(st.sampled_from(CompanySize), max_size=3, unique=True).map(tuple),
    capacity=st.sampled_from([None, 0, 7]),
    paused_until=st.sampled_from([None, START]),
    active=st.booleans(),
    version=st.integers(1, 99),
    policy=st.sampled_from(PolicyName),
)
NAMES = ("id", "partnerId", "country", "serves", "locations", "keywords", "sizes", "capacity", "version", "policy")
WRONG: st.SearchStrategy[Any] = st.sampled_from(
    [None, "", "x" * 65, "es", 0, -1, 1.5, True, [], [""], [1], [None], {}, [{}], [{"country": "E"}]]
)


def record_of(profile: RoutableProfile) -> Record:
    out = profile_outgoing(profile)
    return Record(
        topic=out.topic, partition=0, offset=1, timestamp=START, key=b"k", value=out.value, headers=out.headers
    )


def read_by(reader: Any, record: Record) -> RoutableProfile | type[Invalid]:
    try:
        found: RoutableProfile = reader(record)
    except Invalid as error:
        return type(error)
    return found


@given(PROFILES)
def test_a_profile_is_read_as_the_long_way_reads_it(profile: RoutableProfile) -> None:
    record = record_of(profile)
    swift = wire_profiles_swift.read(record.value, record.headers)
    assert (swift is None) is (profile.paused_until is not None)
    assert profile_of(record) == read_any(record)


@given(PROFILES, st.sampled_from(NAMES), WRONG, st.booleans())
def test_what_the_long_way_refuses_the_short_way_does_not_know(
    profile: RoutableProfile, name: str, value: Any, gone: bool
) -> None:
    record = record_of(profile)
    assert record.value is not None
    facts = orjson.loads(record.value)
    if gone:
        facts.pop(name, None)
    else:
        facts[name] = value
    changed = replace(record, value=orjson.dumps(facts))
    assert read_by(profile_of, changed) == read_by(read_any, changed)


DEGREES: st.SearchStrategy[Any] = st.sampled_from([None, 0, 1, -5.9, 90.0, 90.5, -180.0, 181.0, True, "1", [], {}])


@given(PROFILES, DEGREES, DEGREES, st.sampled_from(["latitude", "longitude", "both"]))
def test_both_ways_read_the_same_coordinates(profile: RoutableProfile, north: Any, east: Any, which: str) -> None:
    record = record_of(profile)
    assert record.value is not None
    facts = orjson.loads(record.value)
    facts["locations"][0] |= {"latitude": north, "longitude": east} if which == "both" else {which: north}
    changed = replace(record, value=orjson.dumps(facts))
    assert read_by(profile_of, changed) == read_by(read_any, changed)


@pytest.mark.parametrize("place", range(8))
@pytest.mark.parametrize("value", [b"", b"other", b"\xff", b"a\nb", b"x" * 1025])
def test_other_headers_are_left_to_the_long_way(place: int, value: bytes) -> None:
    record = record_of(make_profile())
    headers = list(record.headers)
    headers[place] = headers[place][0], value
    changed = replace(record, headers=tuple(headers))
    assert read_by(profile_of, changed) == read_by(read_any, changed)


@pytest.mark.parametrize("value", [None, b"", b"{", b"[]", b"null", b'{"id":1}'])
def test_other_data_is_left_to_the_long_way(value: bytes | None) -> None:
    changed = replace(record_of(make_profile()), value=value)
    assert wire_profiles_swift.read(changed.value, changed.headers) is None
    with pytest.raises(Invalid):
        profile_of(changed)
