"""The compiled matcher decides as the plain one does: same partners, scores, reasons, near misses, explanations."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.core.partner import RoutableProfile
from services.core.rfi import Rfi
from services.core.standing import Standing
from services.matching.bulk import tie_keys
from services.matching.indexed import IndexedMatcher
from services.matching.ranking import tie_key
from services.matching.reference import ReferenceMatcher
from services.matching.signals import signals
from tests.builders import START, make_need, make_profile, make_rfi
from tests.unit.test_matching_oracle import Opens, profiles, requests

#: The first call on a machine compiles the kernels.
pytestmark = pytest.mark.timeout(900)

WEIGHTS = st.sampled_from([-0.4, 0.004, 0.2, 0.55, 1.0])


@st.composite
def standings(draw: st.DrawFn) -> tuple[str, Standing]:
    id_ = f"{draw(st.integers(1, 5))}-{draw(st.integers(1, 2))}"
    signs = [signal.key for signal in signals(draw(requests()))]
    terms = draw(st.dictionaries(st.sampled_from(signs), WEIGHTS, max_size=4))
    prior = draw(st.sampled_from([0.0, 0.3, 0.5, 1.0]))
    return id_, Standing(profile_id=id_, version=draw(st.integers(1, 3)), at=START, prior=prior, terms=terms)


BEGIN, LATER = START, START + timedelta(hours=2)
STEPS = st.lists(
    st.one_of(
        profiles().map(lambda each: ("put", each)),
        profiles().map(lambda each: ("put", each)),
        st.lists(profiles(), max_size=8).map(lambda each: ("put_all", each)),
        standings().map(lambda each: ("learn", each)),
        st.lists(requests(), min_size=1, max_size=4).map(lambda each: ("match", each)),
    ),
    max_size=24,
)
COUNTS = st.dictionaries(st.sampled_from(["1-1", "2-1", "3-2"]), st.integers(0, 3))


@settings(deadline=None)
@given(STEPS, st.lists(requests(), min_size=1, max_size=5), COUNTS, st.sampled_from([BEGIN, LATER]))
def test_both_matchers_agree_whatever_came_before(
    steps: list[tuple[str, Any]], rfis: list[Rfi], counts: dict[str, int], now: datetime
) -> None:
    both_agree(steps, rfis, counts, now)


def both_agree(steps: list[tuple[str, Any]], rfis: list[Rfi], counts: dict[str, int], now: datetime) -> None:
    """Take the steps with both matchers, and compare everything that they say."""
    opens = Opens(counts)
    plain, compiled = ReferenceMatcher(opens), IndexedMatcher(opens)
    for step, what in [*steps, ("match", rfis), ("picked", rfis)]:
        if step == "put":
            assert plain.put(what) is compiled.put(what)
        elif step == "put_all":
            assert plain.put_all(what) == compiled.put_all(what)
        elif step == "put_stored":
            assert plain.put_all(list(what.profiles())) == compiled.put_stored(what)
        elif step == "learn":
            assert plain.learn(*what) is compiled.learn(*what)
        else:
            asked = [picking(rfi) for rfi in what] if step == "picked" else what
            given_out = {"2-1": 1}
            assert compiled.match(asked, now, given_out) == plain.match(asked, now, given_out)
    for partner in [None, *partners_of(steps)]:
        assert compiled.explain(rfis[0], partner, now) == plain.explain(rfis[0], partner, now)
    assert sorted(compiled.limited()) == sorted(plain.limited())


def partners_of(steps: list[tuple[str, Any]]) -> set[str]:
    put: list[RoutableProfile] = []
    for step, what in steps:
        if step == "put":
            put.append(what)
        elif step in {"put_all", "put_stored"}:
            put += what if step == "put_all" else what.profiles()
    return {profile.partner_id for profile in put}


def picking(rfi: Rfi) -> Rfi:
    from dataclasses import replace

    from tests.builders import make_partner

    return replace(rfi, selected_partners=tuple(make_partner(n).id for n in (3, 1, 9)))


@settings(deadline=None)
@given(st.lists(profiles(), max_size=30), st.lists(requests(), min_size=1, max_size=3))
def test_profiles_are_held_as_they_were_put(puts: list[RoutableProfile], rfis: list[Rfi]) -> None:
    plain, compiled = ReferenceMatcher(Opens({})), IndexedMatcher(Opens({}))
    for profile in puts:
        plain.put(profile)
        compiled.put(profile)
    assert {p.id: compiled.profile(p.id) for p in puts} == {p.id: plain.profile(p.id) for p in puts}
    assert compiled.profile("nobody") is None
    assert compiled.match(rfis, START) == plain.match(rfis, START)


def test_a_request_of_a_hundred_terms_is_told_as_it_is_beside_the_index() -> None:
    words = tuple(f"gadget{n}" for n in range(100))
    rfi = make_rfi(need=make_need(title="", description="", keywords=words, products=(), services=()))
    plain, compiled = ReferenceMatcher(Opens({})), IndexedMatcher(Opens({}))
    for n in (1, 2, 3):
        profile = make_profile(n, keywords=words[::n], products=tuple(word.upper() for word in words[90:]))
        assert plain.put(profile) is compiled.put(profile)
    (routing,) = compiled.match([rfi], START)
    assert [routing] == plain.match([rfi], START)
    assert len(routing.chosen) == 3


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=6), max_size=5))
def test_many_profiles_have_the_ties_that_each_of_them_has(ids: list[str]) -> None:
    assert tie_keys(ids).tolist() == [tie_key(id_) for id_ in ids]
