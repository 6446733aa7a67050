"""The finder loads what is stored, follows what changes, and starts anew with other rules or after an outage."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from services.adapters import wire
from services.adapters.memory.clock import TurnableClock
from services.adapters.memory.faults import Faults
from services.adapters.memory.kafka import MemoryLog, MemoryPublisher
from services.adapters.memory.stores import MemoryStores
from services.adapters.regions import parent_of
from services.core.engagement import decide_rfi
from services.core.errors import DependencyUnavailable
from services.core.ports import Record
from services.core.rfi import Place
from services.core.rules import DEFAULT_RULES, PublishedRules
from services.core.standing import Standing
from services.matching.searching import Search
from services.portal.finding import Finder, FinderPorts
from tests.builders import START, make_chosen, make_partner, make_profile, make_rfi
from tests.router_world import MemoryFeed
from tests.unit.test_wishes import routed_rfi, wish

CLOUD = Search(words="cloud", place=Place(country="ES"))


class LiveFeed(MemoryFeed):
    """Goes on after the end of the log, as a real one does."""

    async def follow(
        self, topics: Collection[str], start: Mapping[tuple[str, int], int]
    ) -> AsyncIterator[list[Record]]:
        done = dict(start)
        while True:
            for topic in topics:
                for partition, lane in enumerate(self._log.partitions(topic)):
                    at = done.get((topic, partition), 0)
                    done[topic, partition] = len(lane)
                    if lane[at:]:
                        yield lane[at:]
            await asyncio.sleep(0)


class World:
    def __init__(self) -> None:
        self.faults = Faults()
        self.stores = MemoryStores(self.faults)
        self.log = MemoryLog({"partner.profiles": 2, "partner.stats": 2})
        self.finder = Finder(
            FinderPorts(
                partners=self.stores.partners,
                pasts=self.stores.pasts,
                rules=self.stores.rules,
                feed=LiveFeed(self.log),
                decode_profile=wire.profile_of,
                decode_standing=wire.standing_of,
                parent_of=parent_of,
                clock=TurnableClock(START),
            ),
            rules_every_s=0.001,
            again_after_s=0.001,
        )

    def found(self) -> set[str]:
        return {hit.profile.id for hit in self.finder.search(CLOUD).hits}

    @asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        stop = asyncio.Event()
        task = asyncio.ensure_future(self.finder.follow(stop))
        try:
            yield
        finally:
            stop.set()
            await task


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 - what is followed sets no event
            await asyncio.sleep(0.001)


async def test_before_it_has_loaded_it_says_so() -> None:
    world = World()
    assert not world.finder.ready
    with pytest.raises(DependencyUnavailable, match="still being loaded"):
        world.finder.search(CLOUD)
    with pytest.raises(DependencyUnavailable, match="still being loaded"):
        world.finder.suggest(make_rfi(), 3)


async def test_it_finds_what_is_stored_and_what_changes_later() -> None:
    world = World()
    await world.stores.partners.put_profiles([make_profile(1), make_profile(2)])
    async with world.following():
        await until(lambda: world.finder.ready)
        assert world.found() == {make_profile(1).id, make_profile(2).id}
        news = [make_profile(1, version=2, active=False), make_profile(3)]
        await MemoryPublisher(world.log).publish([wire.profile_outgoing(each) for each in news])
        await until(lambda: world.found() == {make_profile(2).id, make_profile(3).id})
        standing = Standing(profile_id=make_profile(3).id, version=1, at=START, prior=0.9, response=timedelta(hours=2))
        await MemoryPublisher(world.log).publish([wire.standing_outgoing(standing, make_partner(3).id)])
        await until(lambda: world.finder.search(CLOUD).hits[0].response == timedelta(hours=2))


async def test_an_outage_while_it_loads_only_delays_it() -> None:
    world = World()
    await world.stores.partners.put_profiles([make_profile(1)])
    for number in range(4):
        world.faults.fail_call(len(world.faults.calls) + number)
    async with world.following():
        await until(lambda: world.finder.ready)
        assert world.found() == {make_profile(1).id}


async def test_other_rules_hold_without_a_gap() -> None:
    world = World()
    await world.stores.partners.put_profiles([make_profile(1)])
    async with world.following():
        await until(lambda: world.finder.ready)
        before = world.finder.search(CLOUD).hits[0].chosen.score
        rules = replace(DEFAULT_RULES, version="other", fit=0.1)
        await world.stores.rules.publish(PublishedRules(id="other", rules=rules, at=START, by="operator"))
        await until(lambda: world.finder.search(CLOUD).hits[0].chosen.score < before)


async def test_suggestions_leave_out_who_has_it_and_who_is_about_to() -> None:
    world = World()
    await world.stores.partners.put_profiles([make_profile(n, capacity=0) for n in range(1, 8)])
    await world.finder.load()
    rfi = decide_rfi(routed_rfi(), wish(3), START)
    found = {chosen.partner_id for chosen in world.finder.suggest(rfi, 10)}
    assert found == {make_partner(n).id for n in (4, 5, 6, 7)}
    assert make_chosen(1).partner_id not in found
    assert len(world.finder.suggest(rfi, 2)) == 2
    unwanted = replace(rfi, excluded_partners=(make_partner(5).id,))
    assert {each.partner_id for each in world.finder.suggest(unwanted, 10)} == {make_partner(n).id for n in (4, 6, 7)}
