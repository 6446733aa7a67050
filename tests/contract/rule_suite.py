"""What does port `RuleStore` promise?"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.core.errors import CommandInvalid
from services.core.rules import DEFAULT_RULES, PublishedRules, RegionShares
from tests.builders import START
from tests.contract.stores import Stores


def make_published(n: int = 1, **numbers: Any) -> PublishedRules:
    version = f"rules-of-day-{n}"
    rules = replace(DEFAULT_RULES, version=version, region=RegionShares(local=0.2), **numbers)
    return PublishedRules(id=version, rules=rules, by="operator:ola", at=START + timedelta(days=n))


class RuleStoreSuite:
    async def test_nothing_holds_until_something_is_published(self, stores: Stores) -> None:
        assert await stores.rules.current() is None
        assert await stores.rules.listed(5) == []

    async def test_what_was_published_last_holds_an_older_version_too(self, stores: Stores) -> None:
        first, second = make_published(1, most_partners=3), make_published(2)
        assert await stores.rules.publish(first) == first
        assert await stores.rules.current() == first
        await stores.rules.publish(second)
        assert await stores.rules.current() == second
        assert await stores.rules.publish(replace(first, at=second.at)) == first
        assert await stores.rules.current() == first
        assert await stores.rules.listed(5) == [second, first]
        assert await stores.rules.listed(1) == [second]

    async def test_rules_are_replaced_only_if_those_that_were_looked_at_hold(self, stores: Stores) -> None:
        first, second, third = (make_published(n) for n in (1, 2, 3))
        with pytest.raises(CommandInvalid, match=f"{DEFAULT_RULES.version} holds by now"):
            await stores.rules.publish(first, "rules-of-nobody")
        assert await stores.rules.current() is None
        assert await stores.rules.publish(first, DEFAULT_RULES.version) == first
        assert await stores.rules.publish(first, DEFAULT_RULES.version) == first
        with pytest.raises(CommandInvalid, match="rules-of-day-1 holds by now"):
            await stores.rules.publish(second, DEFAULT_RULES.version)
        assert await stores.rules.current() == first
        assert await stores.rules.publish(second, first.id) == second
        assert await stores.rules.publish(second, first.id) == second
        with pytest.raises(CommandInvalid):
            await stores.rules.publish(third, first.id)
        assert await stores.rules.current() == second

    async def test_a_version_says_one_thing_for_ever(self, stores: Stores) -> None:
        first, other = make_published(1), make_published(1, fit=0.5)
        await stores.rules.publish(first)
        assert await stores.rules.publish(other) == first
        assert await stores.rules.current() == first
        await stores.rules.publish(make_published(2))
        await stores.rules.publish(other)
        assert await stores.rules.current() == make_published(2)
