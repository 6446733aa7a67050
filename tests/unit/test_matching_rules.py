"""Rules are written by people, checked in full, kept in versions, and decide who is chosen, in every matcher alike."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from services.adapters.process import repeat
from services.core.errors import CommandInvalid, DependencyUnavailable
from services.core.rules import DEFAULT_RULES, PublishedRules, RegionShares, Rules, SourceShares, differences
from services.matching.indexed import IndexedMatcher
from services.matching.matcher import Matcher
from services.matching.reference import ReferenceMatcher
from services.matching.rules_file import read_rules, write_rules
from services.matching.weights import DEFAULT_WEIGHTS, weights_of
from services.router.ruling import RulesChanged, Ruling
from tests.builders import START, make_need, make_place, make_profile, make_rfi
from tests.contract.rule_suite import make_published
from tests.router_world import RouterWorld

FILE = """
version: '2026-12'
fit: 0.5
region: {local: 0.3, country: 0.03}
sources: {title: 1}
most_partners: 2
"""


def test_a_file_says_what_differs_from_the_default() -> None:
    rules = read_rules(FILE)
    assert rules == Rules(
        version="2026-12",
        fit=0.5,
        region=RegionShares(local=0.3, country=0.03),
        sources=SourceShares(title=1),
        most_partners=2,
    )
    assert differences(DEFAULT_RULES, rules) == {
        "fit": (0.85, 0.5),
        "region.local": (0.1, 0.3),
        "region.country": (0.05, 0.03),
        "sources.title": (0.5, 1),
        "most_partners": (None, 2),
    }


def test_what_is_written_is_read_the_same() -> None:
    rules = read_rules(FILE)
    assert read_rules(write_rules(rules)) == rules
    other = replace(DEFAULT_RULES, version="other")
    assert read_rules(write_rules(other)) == other


def test_everything_that_is_wrong_is_said_at_once() -> None:
    text = "{fit: 2, past: yes, regions: {}, region: {local: -1, near: 0.1}, sources: 7, most_partners: 0}"
    with pytest.raises(CommandInvalid) as caught:
        read_rules(text)
    assert {(each.field, each.code) for each in caught.value.problems} == {
        ("/version", "version"),
        ("/fit", "share"),
        ("/past", "share"),
        ("/regions", "unknown"),
        ("/region/local", "share"),
        ("/region/near", "unknown"),
        ("/sources", "not_a_mapping"),
        ("/most_partners", "number"),
    }


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("version: rules-3", "version"),
        ("version: 2026", "version"),
        ("version: 'Spring sale'", "version"),
        ("- fit", "not_a_mapping"),
        ("fit: [", "not_yaml"),
        ("version: a\nregion: {local: 0.01}", "order"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(text: str, code: str) -> None:
    with pytest.raises(CommandInvalid) as caught:
        read_rules(text)
    assert [each.code for each in caught.value.problems] == [code]


def test_the_default_numbers_are_shares_of_a_score() -> None:
    assert (DEFAULT_WEIGHTS.fit, DEFAULT_WEIGHTS.learned, DEFAULT_WEIGHTS.language) == (850_000, 300_000, 50_000)
    assert {reach.value for reach in DEFAULT_WEIGHTS.reach} == set(DEFAULT_WEIGHTS.reach.values())
    assert all(share == source.share for source, share in DEFAULT_WEIGHTS.shares.items())
    assert weights_of(DEFAULT_RULES) is DEFAULT_WEIGHTS


class Opens:
    def open_count(self, profile_id: str) -> int:
        return len(profile_id) * 0


def matchers(rules: Rules) -> list[Matcher]:
    made: list[Matcher] = [ReferenceMatcher(Opens(), rules=rules), IndexedMatcher(Opens(), rules=rules)]
    for matcher in made:
        matcher.put(make_profile(1, serves=(make_place(city=None, postal_code=None),), keywords=(), services=()))
        matcher.put(make_profile(2, languages=()))
        matcher.put(make_profile(3, languages=("de",)))
    return made


RULES = [
    DEFAULT_RULES,
    replace(DEFAULT_RULES, version="near", fit=0.1, region=RegionShares(local=1.0, subdivision=0.9)),
    replace(DEFAULT_RULES, version="two", most_partners=2),
    replace(DEFAULT_RULES, version="words", language=0.5, sources=SourceShares(keyword=0.1, service=0.0)),
]


@pytest.mark.parametrize("rules", RULES, ids=lambda rules: rules.version)
def test_every_matcher_decides_alike_under_any_rules(rules: Rules) -> None:
    rfis = [make_rfi(1), make_rfi(2, need=make_need(keywords=("backup",), services=()), max_partners=1)]
    plain, compiled = (matcher.match(rfis, START) for matcher in matchers(rules))
    assert plain == compiled
    assert {routing.rules.partition("+")[0] for routing in plain} == {rules.version}


def test_rules_decide_who_is_chosen_and_how_many() -> None:
    by_rules = {rules.version: matchers(rules)[0].match([make_rfi(1)], START)[0].chosen for rules in RULES}
    ids = {version: [chosen.profile_id for chosen in found] for version, found in by_rules.items()}
    assert ids["rules-3"][-1] == make_profile(1).id
    assert ids["near"][0] == make_profile(1).id
    assert ids["two"] == ids["rules-3"][:2]


# Made in the test: what is compiled loads for a second, and every worker comes by here.
@pytest.mark.parametrize("made", [ReferenceMatcher, IndexedMatcher], ids=["plain", "compiled"])
def test_rules_are_taken_before_the_first_profile_only(made: Callable[[Opens], Matcher]) -> None:
    matcher = made(Opens())
    matcher.take_rules(RULES[1])
    matcher.put(make_profile(1))
    (routing,) = matcher.match([make_rfi(1)], START)
    assert routing.rules.startswith("near+")
    with pytest.raises(ValueError, match="read by other rules"):
        matcher.take_rules(RULES[2])


async def published(world: RouterWorld, version: PublishedRules) -> None:
    await world.stores.rules.publish(version)


async def test_a_router_takes_up_the_published_rules_and_its_routings_say_so() -> None:
    world = RouterWorld()
    await published(world, make_published(1, most_partners=1))
    await world.with_profiles(make_profile(1), make_profile(2))
    await world.accept(make_rfi(1))
    await world.routing.drain()
    routing = world.stores.rfis.stored[make_rfi(1).id].routing
    assert routing is not None
    assert routing.rules.startswith("rules-of-day-1+")
    assert len(routing.chosen) == 1


async def test_a_router_that_sees_other_rules_ends_itself() -> None:
    world = RouterWorld()
    await world.with_profiles(make_profile(1))
    await world.router.ruling.look()
    await world.router.prepare()
    await published(world, make_published(1))
    with pytest.raises(RulesChanged, match="rules-of-day-1 hold now"):
        await world.router.ruling.look()
    with pytest.raises(RulesChanged):
        await asyncio.wait_for(repeat(world.router.ruling.look, timedelta(days=1).total_seconds())(asyncio.Event()), 5)
    world.restart()
    await world.router.prepare()
    await world.router.ruling.look()


async def test_a_router_without_an_answer_keeps_its_rules() -> None:
    world = RouterWorld()
    ruling = Ruling(world.stores.rules, ReferenceMatcher(Opens()))
    world.faults.fail_next()
    with pytest.raises(DependencyUnavailable):
        await ruling.take_up()
    await ruling.take_up()
    world.faults.fail_next()
    with pytest.raises(DependencyUnavailable):
        await ruling.look()
    await ruling.look()
