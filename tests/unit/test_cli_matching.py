"""What the command line says of rules that were tried, of suggestions and of standings."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from services.adapters.memory.clock import TurnableClock
from services.adapters.memory.stores import MemoryStores
from services.cli import match, partner, what_if
from services.cli.console import console
from services.core.errors import NotFound
from services.core.rfi import Coordinate, Routing
from services.core.rules import DEFAULT_RULES
from services.core.standing import Standing
from services.matching.replay import Replay
from services.matching.suggested import Suggestion, SuggestionCode
from tests.builders import (
    START,
    make_chosen,
    make_location,
    make_need,
    make_partner,
    make_profile,
    make_referral,
    make_rfi,
)
from tests.contract.rule_suite import make_published
from tests.journeys import travel

NEAR = replace(DEFAULT_RULES, version="one", fit=0.5, most_partners=1)


async def world() -> Any:
    """What the commands use of a world, in memory: two partners, one of whom won an RFI."""
    stores = MemoryStores()
    await stores.partners.put_partners([make_partner(1), make_partner(2)])
    await stores.partners.put_profiles([make_profile(1, capacity=5), make_profile(2)])
    routing = Routing(at=START, chosen=(make_chosen(1), make_chosen(2)))
    stores.rfis.stored[make_rfi(1).id] = make_rfi(1, routing=routing)
    won = travel(make_referral(1, partner=2), "accept", "win", "settle")
    stores.referrals.stored[won.id] = replace(won, outbox=())
    return SimpleNamespace(stores=stores, clock=TurnableClock(START + timedelta(days=1)))


async def test_past_requests_are_replayed_under_both_rules_and_told_as_json_and_as_tables() -> None:
    made = await world()
    cases = await what_if._cases(made, START - timedelta(days=1), 10)
    assert [case.rfi.id for case in cases] == [make_rfi(1).id]
    assert await what_if._cases(made, START + timedelta(days=1), 10) == []
    trials = [await what_if._trial(made, rules) for rules in (DEFAULT_RULES, NEAR)]
    replay = Replay(trials[0], trials[1], now=made.clock.now(), since=START)
    assert list(replay.run(cases)) == [1]
    names = {make_partner(n).id: f"Partner {n}" for n in (1, 2)}
    told = orjson.loads(orjson.dumps(what_if._as_json(DEFAULT_RULES, NEAR, replay.replayed, names)))
    assert told["differences"] == {"fit": [0.85, 0.5], "most_partners": [None, 1]}
    assert (told["requests"], told["changed"], told["won"]["before"]["tests"]) == (1, 1, 1)
    assert [(each["before"], each["after"]) for each in told["partners"]] == [(1, 0)]
    with console.capture() as said:
        what_if._show(DEFAULT_RULES, NEAR, replay.replayed, names)
    for words in ("most_partners", "winners: how many", told["partners"][0]["name"]):
        assert words in said.get()


async def test_an_explanation_says_how_far_away_a_partner_is_and_who_is_not_to_be_asked() -> None:
    made = await world()
    office = make_location(coordinate=Coordinate(37.8882, -4.7794))
    await made.stores.partners.put_profiles([make_profile(1, version=2, locations=(office,))])
    need = make_need(coordinate=Coordinate(37.3891, -5.9845), within_km=25)
    rfi = make_rfi(2, need=need, excluded_partners=(make_partner(2).id,))
    matcher = await match.matcher_of(made)
    told = []
    for n in (1, 2):
        with console.capture() as said:
            match._show(matcher.explain(rfi, make_partner(n).id, START), None, {})
        told.append(" ".join(said.get().split()))
    assert "too_far" in told[0]
    assert "would change it: have a location within 25 km: 120 km away, asked within 25" in told[0]
    assert "left_out" in told[1]
    assert "nothing: the request says that this partner is not to be asked" in told[1]


async def test_the_rules_in_force_are_the_published_ones_and_the_matcher_of_a_command_ranks_by_them() -> None:
    made = await world()
    assert await match.rules_in_force(made) == DEFAULT_RULES
    await made.stores.rules.publish(make_published(1))
    assert await match.rules_in_force(made) == make_published(1).rules
    (routing,) = (await match.matcher_of(made)).match([make_rfi(2)], START)
    assert routing.rules.startswith("rules-of-day-1+")


@pytest.mark.parametrize("code", SuggestionCode)
def test_every_suggestion_can_be_said(code: SuggestionCode) -> None:
    suggestion = Suggestion(profile_id="p", code=code, value="ES-AN", count=2, rfi_ids=())
    assert "ES-AN" in partner.said(suggestion)


async def test_a_standing_is_shown_with_its_strongest_signs_and_a_stranger_is_not_found() -> None:
    terms = {"w:cloud": 0.9, "w:fax": -0.95, **{f"w:{n}": 0.01 for n in range(20)}}
    standing = Standing(profile_id="p", version=1, at=START, prior=0.25, terms=terms)
    with console.capture() as said:
        partner._show("Partner 1", standing)
    assert "0.250" in said.get()
    assert said.get().index("w:fax") < said.get().index("w:cloud")
    assert said.get().count("w:") == partner.TERMS_SHOWN
    made = await world()
    assert (await partner._partner(made, make_partner(1).id)).name == "Partner 1"
    with pytest.raises(NotFound, match="no partner"):
        await partner._partner(made, "nobody")
