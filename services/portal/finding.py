"""How does the portal know which partners there are? It loads them as a router does, and follows their changes.

Pages do not wait for that: until everything is loaded the finder says so. When other rules are published all is loaded
anew beside the old index, which answers until then.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace

import structlog

from schemas.topics import Topic
from services.core.errors import DependencyUnavailable, Transient
from services.core.partner import RoutableProfile
from services.core.pasts import PastStore
from services.core.ports import Clock, Record
from services.core.rfi import Chosen, Rfi
from services.core.rules import DEFAULT_RULES, Rules, RuleStore
from services.core.standing import Standing
from services.core.stores import PartnerStore
from services.core.wishes import left_out
from services.matching.growing import GrowingMatcher
from services.matching.matcher import Matcher
from services.matching.pasts import stored_standings
from services.matching.regions import ParentOf
from services.matching.searching import Search, SearchResult
from services.matching.view import Feed, View

log = structlog.get_logger("portal.finder")

#: Profiles read at a time; others may run in between.
PAGE = 500
#: How often it is seen whether other rules hold, and how long to wait before loading again, seconds.
RULES_EVERY_S, AGAIN_AFTER_S = 5.0, 1.0


class AsMany:
    """Nobody is full: a customer's own pick gets past a capacity."""

    def open_count(self, _profile_id: str) -> int:
        """Fewer than none, so that not even a capacity of none keeps a pick out."""
        return -1


@dataclass(frozen=True, slots=True, kw_only=True)
class FinderPorts:
    """What the finder needs of the world."""

    partners: PartnerStore
    pasts: PastStore
    rules: RuleStore
    feed: Feed
    decode_profile: Callable[[Record], RoutableProfile]
    decode_standing: Callable[[Record], Standing]
    parent_of: ParentOf
    clock: Clock


@dataclass(frozen=True, slots=True)
class _Loaded:
    matcher: Matcher
    rules: Rules
    profiles: View[RoutableProfile]
    standings: View[Standing]


class Finder:
    """Port `PartnerFinder`. `follow` is a loop; without it nothing is ever found.

    Args:
        ports: the world.
        rules_every_s: how often it is seen whether other rules hold.
        again_after_s: how long to wait after an outage.
    """

    def __init__(
        self, ports: FinderPorts, *, rules_every_s: float = RULES_EVERY_S, again_after_s: float = AGAIN_AFTER_S
    ) -> None:
        self._ports, self._rules_every_s, self._again_after_s = ports, rules_every_s, again_after_s
        self._matcher: Matcher | None = None

    @property
    def ready(self) -> bool:
        """True once everything that was stored is known."""
        return self._matcher is not None

    def search(self, search: Search) -> SearchResult:
        """As the port says."""
        return self._loaded().search(search, self._ports.clock.now())

    def suggest(self, rfi: Rfi, limit: int) -> list[Chosen]:
        """As the port says; who would come next if nobody were full."""
        asked = left_out(rfi)
        # So many more than were asked that enough of the others are among them.
        wider = replace(rfi, max_partners=len(asked) + limit, selected_partners=())
        (found,) = self._loaded().match([wider], self._ports.clock.now(), bounded=False)
        return [each for each in found.chosen if each.partner_id not in asked][:limit]

    def _loaded(self) -> Matcher:
        if self._matcher is None:
            raise DependencyUnavailable("the list of partners", "is still being loaded: try again in a minute")
        return self._matcher

    async def follow(self, stop: asyncio.Event) -> None:
        """Load everything and follow changes until stopped; what fails is done again."""
        while not stop.is_set():
            try:
                loaded = await self._load()
                await self._keep_up(stop, loaded)
            except Transient as error:
                log.warning("finder_again", reason=str(error))
                await _pause(stop, self._again_after_s)

    async def load(self) -> None:
        """Load everything that is stored, and answer from it.

        Raises:
            DependencyUnavailable: Kafka or the store does not answer; what was there stays.
        """
        await self._load()

    async def _load(self) -> _Loaded:
        rules = await self._rules()
        matcher = GrowingMatcher(AsMany(), self._ports.parent_of, rules)
        loaded = _Loaded(matcher, rules, self._profiles(matcher), self._standings(matcher))
        # Whoever has learned something and comes after its profile makes the profile be read twice.
        await loaded.standings.load()
        await loaded.profiles.load()
        self._matcher = matcher
        return loaded

    async def _keep_up(self, stop: asyncio.Event, loaded: _Loaded) -> None:
        """Follow changes until stopped, or until other rules hold."""
        done = asyncio.Event()
        loops = [loaded.profiles.follow(done), loaded.standings.follow(done), self._watch_rules(stop, loaded.rules)]
        tasks = [asyncio.ensure_future(loop) for loop in loops]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            done.set()
            tasks[-1].cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception):
                raise result

    async def _watch_rules(self, stop: asyncio.Event, rules: Rules) -> None:
        while not stop.is_set():
            await _pause(stop, self._rules_every_s)
            with suppress(Transient):
                if await self._rules() != rules:
                    log.info("finder_loads_by_other_rules")
                    return

    async def _rules(self) -> Rules:
        published = await self._ports.rules.current()
        return published.rules if published else DEFAULT_RULES

    def _profiles(self, matcher: GrowingMatcher) -> View[RoutableProfile]:
        return View(
            what="profile",
            topic=Topic.PARTNER_PROFILES,
            feed=self._ports.feed,
            fill=lambda: self._fill(matcher),
            decode=self._ports.decode_profile,
            take=matcher.put,
        )

    async def _fill(self, matcher: GrowingMatcher) -> AsyncGenerator[int, None]:
        async with aclosing(self._ports.partners.stored_profiles(PAGE)) as pages:
            async for page in pages:
                yield matcher.put_stored(page)
                await matcher.ready()
                # Pages come in between.
                await asyncio.sleep(0)
        await asyncio.to_thread(matcher.settle)

    def _standings(self, matcher: Matcher) -> View[Standing]:
        def take(standing: Standing) -> bool:
            return matcher.learn(standing.profile_id, standing)

        async def fill() -> AsyncGenerator[int, None]:
            async for page in stored_standings(self._ports.pasts, self._ports.clock.now()):
                yield sum(map(take, page))

        return View(
            what="standing",
            topic=Topic.PARTNER_STATS,
            feed=self._ports.feed,
            fill=fill,
            decode=self._ports.decode_standing,
            take=take,
        )


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
