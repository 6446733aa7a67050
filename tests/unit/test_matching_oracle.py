"""The index decides as a full scan does, which looks at every profile for every RFI, whatever came before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import acos, cos, fsum, log, radians, sin
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.core.codes import CompanySize
from services.core.partner import RoutableProfile
from services.core.rfi import Coordinate, Place, Rfi
from services.matching.asked import Asked, Source, industry_key, read
from services.matching.keywords import language_of, offered, phrase, primary_tag, weak_stems
from services.matching.ranking import tie_break
from services.matching.reference import ReferenceMatcher
from services.matching.regions import key_of, verdict
from tests.builders import START, make_customer, make_location, make_need, make_partner, make_profile, make_rfi


@dataclass(frozen=True)
class Opens:
    counts: dict[str, int]

    def open_count(self, profile_id: str) -> int:
        return self.counts.get(profile_id, 0)


def offers_of(profile: RoutableProfile, language: str) -> set[str]:
    texts = (*profile.keywords, *profile.products, *profile.services)
    return {key for text in texts for key in offered(text, language)}


def meets(profile: RoutableProfile, rfi: Rfi) -> bool:
    """Whether it offers all that is required, and one of those of which one is."""
    language = language_of(rfi.language)
    offered_there = offers_of(profile, language)
    industries = {industry_key(each) for each in profile.industries}

    def offered_by(text: str) -> bool:
        return phrase(text, language) in offered_there or industry_key(text) in industries

    need = rfi.need
    required, one_of, unwanted = (
        [t for t in texts if phrase(t, language)]
        for texts in (need.must_offer, need.must_offer_one_of, need.must_not_offer)
    )
    welcome = profile.partner_id not in rfi.excluded_partners and not any(map(offered_by, unwanted))
    return welcome and all(map(offered_by, required)) and (not one_of or any(map(offered_by, one_of)))


def near_enough(profile: RoutableProfile, rfi: Rfi) -> bool:
    """Whether one of its offices lies within the circle, or none is known: by the angle between the two places."""
    spots = [office.coordinate for office in profile.locations if office.coordinate is not None]
    middle, km = rfi.need.coordinate, rfi.need.within_km
    return middle is None or km is None or not spots or any(kilometres(middle, spot) <= km for spot in spots)


def kilometres(one: Coordinate, other: Coordinate) -> float:
    north, south, east = radians(one.latitude), radians(other.latitude), radians(one.longitude - other.longitude)
    return 6371.0088 * acos(min(1.0, sin(north) * sin(south) + cos(north) * cos(south) * cos(east)))


def occurs(stems: tuple[str, ...], run: tuple[str, ...]) -> bool:
    return any(run[at : at + len(stems)] == stems for at in range(len(run)))


def sources(asked: Asked, vocabulary: set[str]) -> dict[tuple[str, str], Source]:
    """The terms of an RFI with the source that counts, found by trying every phrase anybody offers."""
    found = {("offer", said.key): said.source for said in asked.offers}
    for source, runs in asked.texts:
        for key in vocabulary:
            stems = tuple(key.split(" "))
            if len(stems) == 1 and key in weak_stems(asked.language):
                continue
            if any(occurs(stems, run) for run in runs):
                found.setdefault(("offer", key), source)
    return found | {("industry", said.key): said.source for said in asked.industries}


def scan(profiles: list[RoutableProfile], rfi: Rfi, now: datetime, opens: Opens) -> tuple[list[str], list[Any]]:
    """(profile ids chosen, near misses as (profile id, score, code))."""
    language, place = language_of(rfi.language), key_of(rfi.need.place)
    live = [p for p in profiles if p.active and p.locations and any(s.country == place[0] for s in p.serves)]
    holders: dict[tuple[str, str], set[str]] = {}
    for p in live:
        for key in offers_of(p, language):
            holders.setdefault(("offer", key), set()).add(p.id)
        for industry in p.industries:
            holders.setdefault(("industry", industry_key(industry)), set()).add(p.id)
    asked = read(rfi)
    found = sources(asked, {key for kind, key in holders if kind == "offer"})
    weights = {t: log(1 + len(live) / max(1, len(holders.get(t, ())))) * s.share for t, s in found.items()}
    # Wider things only add: who offers just what was asked has it in full.
    total = fsum(w for t, w in weights.items() if found[t] is not Source.WIDER) or fsum(weights.values()) or 1.0
    named = any(s in {Source.KEYWORD, Source.PRODUCT, Source.SERVICE} for s in found.values())
    usable = asked.usable
    inside: list[tuple[int, int, RoutableProfile]] = []
    outside: list[tuple[int, int, RoutableProfile]] = []
    for p in live:
        matched = [t for t in found if p.id in holders.get(t, ())]
        if not any(kind == "offer" for kind, _ in matched) and named:
            matched = []
        reach = verdict([key_of(s) for s in p.serves if s.country == place[0]], place)
        if (usable and not matched) or (not usable and reach is None) or not meets(p, rfi) or not near_enough(p, rfi):
            continue
        points, tie = sum(round(weights[t] * (850_000 / total)) for t in matched), tie_break(rfi.id, p.id)
        if reach is None:
            outside.append((-points, tie, p))
        else:
            tongue = not p.languages or primary_tag(rfi.language) in {primary_tag(tag) for tag in p.languages}
            inside.append((-points - reach[0].points - 50_000 * tongue, tie, p))
    return settle(sorted(inside, key=lambda x: x[:2]), sorted(outside, key=lambda x: x[:2]), rfi, now, opens)


def settle(inside: Any, outside: Any, rfi: Rfi, now: datetime, opens: Opens) -> tuple[list[str], list[Any]]:
    size = rfi.customer.size

    def excluded(p: RoutableProfile) -> str | None:
        if p.sizes and size and size not in p.sizes:
            return "size_excluded"
        if p.paused_until and p.paused_until > now:
            return "paused"
        return "at_capacity" if p.capacity is not None and opens.open_count(p.id) >= p.capacity else None

    chosen: list[str] = []
    partners: set[str] = set()
    for _, _, p in inside:
        if excluded(p) is None and p.partner_id not in partners and len(chosen) < rfi.max_partners:
            chosen.append(p.id)
            partners.add(p.partner_id)
    near: dict[str, Any] = {}
    for points, _, p in inside:
        if p.partner_id not in partners:
            near.setdefault(p.partner_id, (p.id, -points / 1_000_000, excluded(p) or "below_cut"))
    for points, _, p in outside:
        if p.partner_id not in partners:
            near.setdefault(p.partner_id, (p.id, -points / 1_000_000, "outside_region"))
    return chosen, list(near.values())[:5]


WORDS = st.sampled_from(["cloud", "migration", "backup", "nube", "migración", "help", "the", "azure", "data", "it"])
TEXTS = st.lists(WORDS, min_size=1, max_size=3).map(" ".join)
TERMS = st.lists(TEXTS, max_size=3).map(tuple)
DEMANDS = st.one_of(
    st.just(()), st.just(()), st.lists(st.one_of(WORDS, TEXTS, st.just("Retail")), min_size=1, max_size=2).map(tuple)
)
PLACES = st.builds(
    Place,
    country=st.sampled_from(["ES", "ES", "PT"]),
    subdivision=st.sampled_from([None, "ES-AN", "ES-MD"]),
    city=st.sampled_from([None, "Sevilla", "SEVILLA", "Madrid"]),
    postal_code=st.sampled_from([None, "41", "41001", "28"]),
)
SPOTS = st.sampled_from([None, Coordinate(37.3891, -5.9845), Coordinate(37.42, -6.0), Coordinate(40.4168, -3.7038)])
OFFICES = st.lists(SPOTS, min_size=1, max_size=3).map(
    lambda spots: tuple(make_location(id=f"L-{n}", coordinate=spot) for n, spot in enumerate(spots))
)
SIZES = st.lists(st.sampled_from([CompanySize.S1_9, CompanySize.S10_50]), max_size=1).map(tuple)


@st.composite
def profiles(draw: st.DrawFn) -> RoutableProfile:
    partner = draw(st.integers(1, 5))
    return make_profile(
        partner,
        id=f"{partner}-{draw(st.integers(1, 2))}",
        version=draw(st.integers(1, 3)),
        serves=tuple(draw(st.lists(PLACES, min_size=1, max_size=3))),
        locations=draw(st.one_of(OFFICES, OFFICES, st.just(()))),
        keywords=draw(TERMS),
        products=draw(TERMS),
        services=(),
        industries=draw(st.sampled_from([(), ("Retail",)])),
        sizes=draw(SIZES),
        languages=draw(st.sampled_from([(), ("en",), ("es-MX", "en")])),
        capacity=draw(st.sampled_from([None, None, 0, 2])),
        paused_until=draw(st.sampled_from([None, None, START, START + timedelta(hours=1)])),
        active=draw(st.sampled_from([True, True, True, False])),
    )


@st.composite
def requests(draw: st.DrawFn) -> Rfi:
    need = make_need(
        title=draw(TEXTS),
        description=draw(TEXTS),
        place=draw(PLACES),
        keywords=draw(TERMS),
        products=draw(TERMS),
        services=(),
        industries=draw(st.sampled_from([(), ("retail",), ("retail", "farming")])),
        must_offer=draw(DEMANDS),
        must_offer_one_of=draw(DEMANDS),
        must_not_offer=draw(DEMANDS),
        coordinate=draw(SPOTS),
        within_km=draw(st.sampled_from([None, None, 1, 25, 500, 20_000])),
    )
    return make_rfi(
        draw(st.integers(1, 99)),
        need=need,
        language=draw(st.sampled_from(["en", "es", "fr"])),
        max_partners=draw(st.integers(1, 4)),
        excluded_partners=draw(st.sampled_from([(), (), (make_partner(1).id, make_partner(7).id)])),
        customer=make_customer(size=draw(st.sampled_from([None, CompanySize.S1_9, CompanySize.S51_250]))),
    )


@given(
    st.lists(profiles(), max_size=14), requests(), st.dictionaries(st.sampled_from(["1-1", "2-1"]), st.integers(0, 3))
)
def test_the_index_decides_as_a_full_scan_does(puts: list[RoutableProfile], rfi: Rfi, counts: dict[str, int]) -> None:
    opens, held = Opens(counts), dict[str, RoutableProfile]()
    matcher = ReferenceMatcher(opens)
    for profile in puts:
        newer = profile.id not in held or held[profile.id].version < profile.version
        assert matcher.put(profile) is newer
        if newer:
            held[profile.id] = profile
        # Matching in between fills caches that a change must empty.
        matcher.match([rfi], START)
    (routing,) = matcher.match([rfi], START)
    near = [(each.profile_id, each.score, each.because) for each in routing.near_misses]
    assert ([each.profile_id for each in routing.chosen], near) == scan(list(held.values()), rfi, START, opens)


@given(st.lists(profiles(), max_size=10, unique_by=lambda p: p.id), requests(), st.randoms())
def test_the_order_in_which_profiles_came_makes_no_difference(
    puts: list[RoutableProfile], rfi: Rfi, chance: Any
) -> None:
    first, second = ReferenceMatcher(Opens({})), ReferenceMatcher(Opens({}))
    for profile in puts:
        first.put(profile)
    chance.shuffle(puts)
    for profile in puts:
        second.put(profile)
    assert first.match([rfi], START) == second.match([rfi], START)


@given(st.lists(profiles(), max_size=10), requests())
def test_every_partner_can_be_explained_and_the_outcome_agrees(puts: list[RoutableProfile], rfi: Rfi) -> None:
    matcher = ReferenceMatcher(Opens({}))
    for profile in puts:
        matcher.put(profile)
    (routing,) = matcher.match([rfi], START)
    chosen = [each.profile_id for each in routing.chosen]
    for partner in {profile.partner_id for profile in puts}:
        for verdict_ in matcher.explain(rfi, partner, START).profiles:
            assert (verdict_.outcome == "chosen") is (verdict_.profile_id in chosen)
            if verdict_.outcome == "chosen":
                assert verdict_.rank == chosen.index(verdict_.profile_id) + 1
            elif verdict_.outcome != "chosen_through_another_profile":
                assert verdict_.would_help
