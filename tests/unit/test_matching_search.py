"""A search finds what a look at every profile finds: the same partners, order, scores and counts, by both matchers."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.core.codes import CompanySize
from services.core.partner import RoutableProfile
from services.core.rfi import Place, Rfi
from services.core.standing import Standing
from services.matching.asked import industry_key
from services.matching.growing import GrowingMatcher
from services.matching.indexed import IndexedMatcher
from services.matching.keywords import language_of, offered, phrase, primary_tag
from services.matching.matcher import Matcher
from services.matching.reference import ReferenceMatcher
from services.matching.searching import COUNTED, Search, SearchResult, as_rfi
from services.matching.signals import signals
from tests.builders import START, make_profile
from tests.unit.test_matching_indexed import standings
from tests.unit.test_matching_oracle import PLACES, TEXTS, Opens, profiles, scan

#: The first call on a machine compiles the kernels.
pytestmark = pytest.mark.timeout(900)

LATER = START + timedelta(hours=2)
SEVILLE = Place(country="ES", subdivision="ES-AN", city="Sevilla")
EVERYBODY: Opens = Opens({})


@st.composite
def searches(draw: st.DrawFn) -> Search:
    return Search(
        words=draw(st.one_of(st.just(""), TEXTS, TEXTS.map(lambda text: f"{text}, retail"))),
        place=draw(PLACES),
        language=draw(st.sampled_from(["en", "es", "es-MX"])),
        size=draw(st.sampled_from([None, CompanySize.S1_9, CompanySize.S10_50])),
        industries=draw(st.sampled_from([(), (), ("retail",), ("banking", "Retail"), ("banking",)])),
        offers=draw(st.one_of(st.just(()), st.just(()), st.lists(TEXTS, min_size=1, max_size=2).map(tuple))),
        speaks=draw(st.sampled_from([None, None, "en", "es", "fr"])),
        limit=draw(st.integers(0, 8)),
    )


def passing(search: Search, profile: RoutableProfile) -> bool:
    """Whether a profile passes the filters, by its own words."""
    language = language_of(search.language)
    texts = (*profile.keywords, *profile.products, *profile.services)
    has = {key for text in texts for key in offered(text, language)}
    spoken = {primary_tag(tag) for tag in profile.languages}
    return (
        (not search.industries or bool({industry_key(i) for i in profile.industries} & search.industry_keys()))
        and (not search.offers or bool(has & {phrase(text, language) for text in search.offers}))
        and (search.speaks is None or not spoken or search.speaks in spoken)
    )


def looked_at_all(held: list[RoutableProfile], search: Search, now: datetime) -> list[str]:
    """The full scan of the matching tests, asked for everybody; then the filters. Full ones are found as well."""
    asked: Rfi = replace(as_rfi(search), max_partners=10_000)
    open_ = [replace(profile, capacity=None) for profile in held]
    # One by one, so that a better profile that does not pass stands in no other's way.
    lone = [replace(profile, partner_id=profile.id) for profile in open_]
    ids, _ = scan(lone, asked, now, EVERYBODY)
    by_id = {profile.id: profile for profile in held}
    best: dict[str, str] = {}
    for id_ in ids:
        if passing(search, by_id[id_]):
            best.setdefault(by_id[id_].partner_id, id_)
    return list(best.values())


def newest(puts: list[RoutableProfile]) -> list[RoutableProfile]:
    held: dict[str, RoutableProfile] = {}
    for profile in puts:
        if profile.id not in held or held[profile.id].version < profile.version:
            held[profile.id] = profile
    return list(held.values())


@settings(deadline=None)
@given(st.lists(profiles(), max_size=16), searches(), st.sampled_from([START, LATER]))
def test_both_matchers_find_what_a_look_at_everybody_finds(
    puts: list[RoutableProfile], search: Search, now: datetime
) -> None:
    # The scan knows no language but that of the words.
    search = replace(search, speaks=None)
    for matcher in (ReferenceMatcher(EVERYBODY), IndexedMatcher(EVERYBODY)):
        for profile in puts:
            matcher.put(profile)
        found = matcher.search(replace(search, limit=COUNTED), now)
        expected = looked_at_all(newest(puts), search, now)
        assert [hit.profile.id for hit in found.hits] == expected
        assert (found.counted, found.more) == (len(expected), False)


STEPS = st.lists(
    st.one_of(
        profiles().map(lambda each: ("put", each)),
        profiles().map(lambda each: ("put", each)),
        standings().map(lambda each: ("learn", each)),
        searches().map(lambda each: ("search", each)),
    ),
    max_size=24,
)


@settings(deadline=None)
@given(STEPS, searches(), st.dictionaries(st.sampled_from(["1-1", "2-1"]), st.integers(0, 3)))
def test_both_matchers_agree_on_everything_whatever_came_before(
    steps: list[tuple[str, Any]], last: Search, counts: dict[str, int]
) -> None:
    plain, compiled = ReferenceMatcher(Opens(counts)), IndexedMatcher(Opens(counts))
    for step, what in [*steps, ("route", last), ("search", last)]:
        if step == "put":
            assert plain.put(what) is compiled.put(what)
        elif step == "learn":
            assert plain.learn(*what) is compiled.learn(*what)
        elif step == "route":
            # A routing marks who is full; a search finds them all the same.
            assert compiled.match([as_rfi(what)], START) == plain.match([as_rfi(what)], START)
        else:
            found = plain.search(what, START)
            assert compiled.search(what, START) == found
            assert_true(found, what)


def assert_true(found: SearchResult, search: Search) -> None:
    assert len(found.hits) == min(search.limit, found.counted)
    for hit in found.hits:
        assert passing(search, hit.profile)
        assert hit.chosen.partner_id == hit.profile.partner_id
    for counts in (found.industries, found.products, found.services, found.languages, found.sizes):
        assert all(0 < each.partners <= found.counted for each in counts)
    for languages in (each for each in found.languages if each.value == search.speaks):
        assert languages.partners <= found.counted


def network(*held: RoutableProfile) -> Matcher:
    matcher = GrowingMatcher(EVERYBODY)
    for profile in held:
        matcher.put(profile)
    return matcher


def names(found: SearchResult) -> list[str]:
    return [hit.profile.id for hit in found.hits]


def a_profile(n: int, **more: Any) -> RoutableProfile:
    base: dict[str, Any] = {"id": f"p-{n}", "keywords": ("cloud",), "products": (), "services": (), "industries": ()}
    return make_profile(n, **{**base, **more})


def test_who_answers_fast_and_well_comes_before_an_equal() -> None:
    matcher = network(a_profile(1), a_profile(2))
    slow, fast = (
        Standing(profile_id=f"p-{n}", version=1, at=START, prior=prior, response=timedelta(hours=hours))
        for n, prior, hours in ((1, 0.2, 90), (2, 0.9, 3))
    )
    matcher.learn("p-1", slow)
    matcher.learn("p-2", fast)
    found = matcher.search(Search(words="cloud", place=SEVILLE), START)
    assert names(found) == ["p-2", "p-1"]
    assert [hit.response for hit in found.hits] == [timedelta(hours=3), timedelta(hours=90)]


def test_a_language_filter_keeps_those_whose_past_lowers_their_score() -> None:
    trades = ("gardening", "roofing", "plumbing", "painting", "tiling")
    search = Search(words=" ".join(trades), place=SEVILLE, speaks="en")
    signs = [signal.key for signal in signals(as_rfi(search))]
    for matcher in (ReferenceMatcher(EVERYBODY), IndexedMatcher(EVERYBODY)):
        for n, offers, languages in ((1, trades[:1], ("en",)), (2, trades[:1], ("es",)), (3, trades, ("en",))):
            matcher.put(a_profile(n, keywords=offers, languages=languages))
        # Somebody has learned the signs with a weight above zero, or they would count nothing.
        for n, prior, weight in ((1, 0.0, -1.0), (3, 0.5, 1.0)):
            standing = Standing(
                profile_id=f"p-{n}", version=1, at=START, prior=prior, terms=dict.fromkeys(signs, weight)
            )
            matcher.learn(f"p-{n}", standing)
        found = matcher.search(search, START)
        assert names(found) == ["p-3", "p-1"]
        assert found.hits[-1].chosen.score < 0


def test_full_partners_are_found_and_paused_or_inactive_ones_are_not() -> None:
    matcher = network(
        a_profile(1, capacity=0), a_profile(2, paused_until=LATER), a_profile(3, active=False), a_profile(4)
    )
    assert set(names(matcher.search(Search(words="cloud", place=SEVILLE), START))) == {"p-1", "p-4"}
    assert set(names(matcher.search(Search(words="cloud", place=SEVILLE), LATER))) == {"p-1", "p-2", "p-4"}


def test_a_typing_error_a_synonym_and_an_industry_are_understood() -> None:
    matcher = network(
        a_profile(1, keywords=("Business Central",)), a_profile(2, industries=("Retail",), keywords=("x",))
    )
    for words, language in (("buisness central", "en"), ("dynamics 365 business central", "es")):
        assert names(matcher.search(Search(words=words, place=SEVILLE, language=language), START)) == ["p-1"]
    assert names(matcher.search(Search(words="comercio minorista", place=SEVILLE, language="es"), START)) == ["p-2"]


def test_counts_are_what_each_filter_leaves() -> None:
    held = [
        a_profile(n, industries=("Retail",) if n % 2 else ("Banking",), languages=("en",) if n % 3 else ("es",))
        for n in range(1, 13)
    ]
    matcher, search = network(*held), Search(words="cloud", place=SEVILLE)
    found = matcher.search(search, START)
    assert Counter({each.value: each.partners for each in found.industries}) == {"Retail": 6, "Banking": 6}
    for each in found.industries:
        assert matcher.search(replace(search, industries=(each.value,)), START).counted == each.partners
    for each in found.languages:
        assert matcher.search(replace(search, speaks=each.value), START).counted == each.partners


def test_more_than_are_counted_is_said() -> None:
    matcher = network(*(a_profile(n, partner_id=f"partner-{n}") for n in range(1, COUNTED + 3)))
    found = matcher.search(Search(words="cloud", place=SEVILLE), START)
    assert (found.counted, found.more, len(found.hits)) == (COUNTED, True, 20)


def test_the_same_search_gives_the_same_order_and_another_one_spreads_equals() -> None:
    matcher = network(*(a_profile(n, keywords=("cloud", "backup")) for n in range(1, 9)))
    one = names(matcher.search(Search(words="cloud", place=SEVILLE), START))
    assert names(matcher.search(Search(words="cloud", place=SEVILLE), START)) == one
    assert names(matcher.search(Search(words="backup", place=SEVILLE), START)) != one
