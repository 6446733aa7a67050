"""Profiles that are read as they are stored, by the thousand, are matched as those that were put one by one."""

from __future__ import annotations

import struct
from array import array
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from math import nan
from typing import Any

import bson
import pytest
from bson.datetime_ms import DatetimeMS
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.adapters.mongo.documents import PROFILES, ROUTABLE, encoded
from services.adapters.mongo.walking import array_of
from services.core.codes import CompanySize
from services.core.partner import Office, RoutableProfile
from services.core.rfi import Coordinate, Place, Rfi
from services.core.standing import Standing
from services.core.stored import StoredProfiles
from services.matching.growing import GrowingMatcher
from services.matching.holdings import Holdings
from services.matching.index.documents import FIELDS, SHORTEST
from services.matching.index.met import grown, made, mark_of
from services.matching.index.said import FINE
from services.matching.index.whereabouts import COORDINATE, OFFICE, PARTS
from services.matching.indexed import IndexedMatcher
from services.matching.pages import Pages
from services.matching.reference import ReferenceMatcher
from services.matching.regions import flat
from services.matching.signals import signals
from services.matching.stored import StoredReader
from tests.builders import START, make_location, make_need, make_profile, make_rfi
from tests.unit.test_matching_indexed import BEGIN, COUNTS, LATER, both_agree, picking, standings
from tests.unit.test_matching_oracle import Opens, profiles, requests

#: The first call on a machine compiles the kernels.
pytestmark = pytest.mark.timeout(900)

Doc = dict[str, Any]


def document(profile: RoutableProfile) -> Doc:
    """As it is stored, without the people, as the store hands it over."""
    doc = PROFILES.to_doc(profile)  # type: ignore[arg-type]  # every field of a profile is written
    doc["locations"] = [{k: v for k, v in each.items() if k != "contact"} for each in doc["locations"]]
    return doc


def page_of(*docs: Doc) -> StoredProfiles:
    return StoredProfiles(documents=array_of(map(encoded, docs)), read=ROUTABLE.read)


def stored(*each: RoutableProfile) -> StoredProfiles:
    return page_of(*map(document, each))


def reader() -> StoredReader:
    held = Holdings(flat)
    return StoredReader(held.declared, held.tongues)


STEPS = st.lists(
    st.one_of(
        profiles().map(lambda each: ("put", each)),
        st.lists(profiles(), min_size=1, max_size=8).map(lambda each: ("put_stored", stored(*each))),
        st.lists(profiles(), min_size=1, max_size=8).map(lambda each: ("put_stored", stored(*each))),
        standings().map(lambda each: ("learn", each)),
        st.lists(requests(), min_size=1, max_size=3).map(lambda each: ("match", each)),
    ),
    max_size=16,
)


@settings(deadline=None)
@given(STEPS, st.lists(requests(), min_size=1, max_size=4), COUNTS, st.sampled_from([BEGIN, LATER]))
def test_a_page_is_matched_as_its_profiles_are_whatever_came_before(
    steps: list[tuple[str, Any]], rfis: list[Rfi], counts: dict[str, int], now: datetime
) -> None:
    both_agree(steps, rfis, counts, now)


WHOLE = make_profile(
    1,
    serves=(Place(country="ES", subdivision="ES-AN", city="Málaga"), Place(country="FR", postal_code="75001")),
    locations=(replace(make_location(1), coordinate=Coordinate(36.7, -4.4)),),
    keywords=("cloud", "nube", "Straße 北京"),
    industries=("retail",),
    products=("Business Central",),
    services=("cpv:72267100", ""),
    sizes=(CompanySize.S1_9, CompanySize.S10_50),
    languages=("es-MX", "en"),
    capacity=3,
    paused_until=START,
)


def test_every_field_is_known_by_its_name() -> None:
    assert set(FIELDS) == {f.name for f in fields(RoutableProfile)} - {"id"} | {"_id"}
    assert set(PARTS) == {f.name for f in fields(Place)}
    assert set(OFFICE) == {f.name for f in fields(Office)}
    assert set(COORDINATE) == {f.name for f in fields(Coordinate)}


def test_nothing_that_we_write_is_odd() -> None:
    bare = make_profile(2, serves=(), keywords=(), industries=(), products=(), services=(), languages=())
    page = stored(
        WHOLE, bare, make_profile(3, active=False), make_profile(4, locations=()), replace(WHOLE, version=2**40)
    )
    assert reader().read(page).said.state.tolist() == [FINE] * 5


def changed(**fields_: Any) -> Callable[[Doc], Doc]:
    return lambda doc: {**doc, **fields_}


ODD: dict[str, Callable[[Doc], Doc]] = {
    "a size of a later version": changed(sizes=["galactic"]),
    "a policy of a later version": changed(policy="modern"),
    "no places": lambda doc: {name: doc[name] for name in doc if name != "serves"},
    "an id in other letters": changed(_id="ñ"),
    "a number instead of a text": changed(keywords=["cloud", 7]),
    "a number as a fraction": changed(capacity=3.0),
    "a number that says yes": changed(active=1),
    "nothing instead of a text": changed(country=None),
    "a location without an id": changed(locations=[{"place": {"country": "ES"}}]),
    "a coordinate in whole numbers": changed(
        locations=[{"id": "x", "place": {"country": "ES"}, "coordinate": {"latitude": 37, "longitude": -6}}]
    ),
    "a coordinate that is no number": changed(
        locations=[{"id": "x", "place": {"country": "ES"}, "coordinate": {"latitude": nan, "longitude": -6.0}}]
    ),
    "an instant that no calendar has": changed(seen=DatetimeMS(253_402_300_800_000)),
    "a text nobody knows": changed(motto="ad astra"),
    "a place nobody knows": changed(serves=[{"country": "ES", "moon": {"sea": "Tranquillity"}}]),
}


@pytest.mark.parametrize("change", ODD.values(), ids=ODD.keys())
def test_what_is_odd_is_read_one_by_one_and_others_are_not(change: Callable[[Doc], Doc]) -> None:
    page = page_of(change(document(WHOLE)), document(make_profile(2)))
    plain, compiled = ReferenceMatcher(Opens({})), IndexedMatcher(Opens({}))
    assert reader().read(page).said.state.tolist() == [1 - FINE, FINE]
    assert compiled.put_stored(page) == plain.put_all(list(page.profiles()))
    assert compiled.match([make_rfi()], LATER) == plain.match([make_rfi()], LATER)


@pytest.mark.parametrize("letters", [b"\x80" * 5, b"\xc1\x81\x81\x81\x81", b"\xf8\x88\x80\x80\x80", b"abcd\xf5"])
def test_bytes_that_are_no_text_are_odd_also_where_nobody_reads_them(letters: bytes) -> None:
    office = {"id": "PLACE", "place": {"country": "ES", "city": "TOWNS"}}
    written = encoded(changed(locations=[office])(document(WHOLE)))
    for known in (b"PLACE", b"TOWNS"):
        page = StoredProfiles(documents=array_of([written.replace(known, letters)]), read=ROUTABLE.read)
        assert reader().read(page).said.state.tolist() == [1 - FINE]
        assert list(page.profiles()) == []
        assert IndexedMatcher(Opens({})).put_stored(page) == 0


@settings(deadline=None)
@given(st.data())
def test_a_damaged_document_is_odd_or_can_be_read_and_says_what_was_read(data: st.DataObject) -> None:
    document_ = bytearray(encoded(document(WHOLE)))
    for _ in range(data.draw(st.integers(1, 3))):
        document_[data.draw(st.integers(4, len(document_) - 2))] = data.draw(st.integers(0, 255))
    page = StoredProfiles(documents=array_of([bytes(document_)]), read=ROUTABLE.read)
    read = reader().read(page)
    if read.said.state[0] == FINE:
        (profile,) = page.profiles()
        assert (profile.id, profile.partner_id, profile.version) == (
            read.ids[0],
            read.partners[0],
            read.said.versions[0],
        )
        found = [IndexedMatcher(Opens({})) for _ in range(2)]
        assert found[0].put_stored(page) == found[1].put(profile)
        assert found[0].match([make_rfi()], LATER) == found[1].match([make_rfi()], LATER)


@given(st.lists(st.binary(max_size=12), max_size=3), st.binary(max_size=2))
@example([b"\5\0\0\0\0"], b"")
@example([b"\4\0\0\0\0"], b"")
@example([b"\5\0\0\0\0"], b"x")
def test_a_page_of_what_are_no_documents_is_refused_or_has_odd_ones(parts: list[bytes], behind: bytes) -> None:
    page = StoredProfiles(documents=array_of(parts) + behind, read=ROUTABLE.read)
    try:
        count = len(page.begins())
    except ValueError:
        with pytest.raises(ValueError, match="damaged"):
            reader().read(page)
        return
    assert reader().read(page).said.state.tolist() == [1 - FINE] * count


def test_a_page_of_the_shortest_documents_has_room_for_each() -> None:
    """The names of an array's members may be empty, as far as BSON is concerned."""
    inside = b"\x03\0\5\0\0\0\0" * 2000
    documents = (len(inside) + 5).to_bytes(4, "little") + inside + b"\0"
    page = StoredProfiles(documents=documents, read=ROUTABLE.read)
    assert len(page.begins()) == 2000
    assert len(documents) // SHORTEST >= 2000
    assert reader().read(page).said.state.tolist() == [1 - FINE] * 2000


def test_texts_that_had_one_hash_in_one_table_have_none_in_another() -> None:
    """Who knew what hashes begin with could make any number of texts that have to be compared with each other."""
    texts = [array("B", f"{n:08}".encode()) for n in range(64)]
    tables = [made(64, seed=seed) for seed in (1, 2)]
    marks = [[mark_of(met.seed, text.buffer_info()[0], 0, len(text)) for text in texts] for met in tables]
    assert all(one != other for one, other in zip(*marks, strict=True))
    assert made(64).seed != made(64).seed
    assert grown(tables[0], 10).seed == tables[0].seed


def test_more_things_than_there_was_room_for_keep_what_they_mean() -> None:
    many = [make_profile(n, keywords=tuple(f"gadget{n}x{k}" for k in range(100))) for n in range(1, 700)]
    plain, compiled = ReferenceMatcher(Opens({})), IndexedMatcher(Opens({}))
    for at in range(0, len(many), 500):
        plain.put_all(many[at : at + 500])
        assert compiled.put_stored(stored(*many[at : at + 500])) == len(many[at : at + 500])
    rfi = make_rfi(need=replace(make_rfi().need, keywords=("gadget7x3", "gadget699x99")))
    assert compiled.match([rfi], LATER) == plain.match([rfi], LATER)


def test_pages_come_again_without_harm_and_the_highest_version_holds() -> None:
    held = Holdings(flat)
    pages = Pages(held)
    first, second = make_profile(1), make_profile(1, version=2, keywords=("backup",))
    assert pages.put(stored(first, make_profile(2))) == 2
    assert pages.put(stored(first, make_profile(2))) == 0
    assert pages.put(stored(second, make_profile(3), first)) == 2
    assert pages.put(stored(first)) == 0
    assert (held.profiles[0].version, held.profiles[0].keywords) == (2, ("backup",))
    assert pages.put(stored(make_profile(4), make_profile(4, version=5))) == 2
    assert held.profiles.versions.tolist() == [2, 1, 1, 5]


def test_what_was_learned_before_a_page_came_counts() -> None:
    signs = [signal.key for signal in signals(make_rfi())]
    both = IndexedMatcher(Opens({})), ReferenceMatcher(Opens({}))
    several = [make_profile(n, keywords=("gadget",) if n % 2 else ()) for n in range(1, 12)]
    for n, profile in enumerate(several):
        # One sign each, one with several, one with what it is bad at; and who has learned nothing.
        terms = dict.fromkeys(signs if n == 3 else signs[n : n + 1], -0.4 if n == 5 else 0.1 * n) if n < 9 else {}
        standing = Standing(profile_id=profile.id, version=1, at=START, prior=n / 10, terms=terms)
        for matcher in both:
            matcher.learn(profile.id, standing)
    assert both[0].put_stored(stored(*several)) == both[1].put_all(several)
    for rfi in (make_rfi(max_partners=10), make_rfi(need=make_need(title="gadget", keywords=("gadget",)))):
        assert both[0].match([rfi], LATER) == both[1].match([rfi], LATER)
        for profile in several:
            told = [matcher.explain(rfi, profile.partner_id, LATER) for matcher in both]
            assert told[0] == told[1]


def test_who_names_no_place_serves_its_country_and_who_is_too_far_is_not_asked() -> None:
    both = IndexedMatcher(Opens({})), ReferenceMatcher(Opens({}))
    near, far = (replace(make_location(n), coordinate=Coordinate(37.4, east)) for n, east in ((1, -6.0), (2, 2.0)))
    several = [make_profile(n, serves=(), locations=(at,)) for n, at in ((1, near), (2, far))]
    assert both[0].put_stored(stored(*several)) == both[1].put_all(several)
    circle = make_rfi(need=make_need(coordinate=Coordinate(37.4, -5.9), within_km=50))
    for rfi, chosen in ((make_rfi(), {1, 2}), (circle, {1})):
        (found,) = both[0].match([rfi], LATER)
        assert [found] == both[1].match([rfi], LATER)
        assert {each.profile_id for each in found.chosen} == {make_profile(n).id for n in chosen}


def test_a_partner_has_all_its_profiles_in_the_order_of_their_ids() -> None:
    one, other = IndexedMatcher(Opens({})), ReferenceMatcher(Opens({}))
    several = [make_profile(n, country=country) for country in ("ES", "FR", "DE") for n in (1, 2)]
    assert one.put_stored(stored(*several[:3])) == 3
    assert one.put_stored(stored(*several[3:])) == 3
    other.put_all(several)
    moved = replace(several[0], version=2, partner_id=several[1].partner_id)
    assert one.put(moved) is other.put(moved)
    asked = [picking(make_rfi(n)) for n in range(4)]
    assert one.match(asked, LATER) == other.match(asked, LATER)


def test_pauses_end_when_they_are_over_however_the_profile_came() -> None:
    ends = [START + timedelta(milliseconds=n) for n in (5, 1, 3)]
    both = IndexedMatcher(Opens({})), ReferenceMatcher(Opens({}))
    for n, end in enumerate(ends, 1):
        both[0].put_stored(stored(make_profile(n, paused_until=end)))
        both[1].put(make_profile(n, paused_until=end))
        for ms in (4, 0, 2, 9, 1):
            now = START + timedelta(milliseconds=ms)
            assert both[0].match([make_rfi()], now) == both[1].match([make_rfi()], now)


def test_a_page_is_the_documents_that_were_written() -> None:
    page = stored(WHOLE, make_profile(2))
    docs = [
        bson.decode(page.documents[begin:][: struct.unpack_from("<i", page.documents, begin)[0]])
        for begin in page.begins()
    ]
    assert [doc["_id"] for doc in docs] == [WHOLE.id, make_profile(2).id]
    (first, _) = page.profiles()
    assert first.paused_until == datetime(START.year, START.month, START.day, START.hour, START.minute, tzinfo=UTC)
    assert [office.coordinate for office in first.locations] == [Coordinate(36.7, -4.4)]


async def test_a_network_that_is_loaded_as_it_is_stored_grows_as_any_other() -> None:
    growing, plain = GrowingMatcher(Opens({}), small=3, large=5), ReferenceMatcher(Opens({}))
    pages = [stored(*(make_profile(2 * n + k) for k in (1, 2))) for n in range(4)]
    for page in pages:
        assert growing.put_stored(page) == plain.put_all(list(page.profiles()))
        await growing.ready()
    growing.settle()
    assert growing.compiled
    assert growing.match([make_rfi()], LATER) == plain.match([make_rfi()], LATER)


def test_what_waits_for_the_compiler_is_read_plainly_when_somebody_asks() -> None:
    from concurrent.futures import Future

    growing, plain = GrowingMatcher(Opens({}), small=1, large=2, compiler=Future), ReferenceMatcher(Opens({}))
    page = stored(*(make_profile(n) for n in range(6)))
    assert growing.put_stored(page) == plain.put_all(list(page.profiles()))
    assert growing.match([make_rfi()], LATER) == plain.match([make_rfi()], LATER)
    assert growing.put(make_profile(7)) is plain.put(make_profile(7))
    growing.settle()
    assert growing.match([make_rfi()], LATER) == plain.match([make_rfi()], LATER)
    assert not growing.compiled
