"""Which matcher does a process use? The plain one while the network is small, the compiled one from then on.

Both give the same answers. The plain one starts at once and needs nothing compiled; so a small exchange never loads
the compiler, and a fresh installation need not wait for it. When a network has outgrown it, the compiled one is made
ready by a thread (a second or so; once in an installation the kernels are compiled, which takes longer) and takes over
with everything that is held.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from typing import TYPE_CHECKING

import structlog

from services.core.partner import RoutableProfile
from services.core.rfi import Rfi, Routing
from services.core.rules import DEFAULT_RULES, Rules
from services.core.standing import Standing
from services.core.stored import StoredProfiles
from services.matching.explanation import Explanation
from services.matching.matcher import CapacityView, Matcher
from services.matching.reference import ReferenceMatcher
from services.matching.regions import ParentOf, flat
from services.matching.searching import Search, SearchResult

if TYPE_CHECKING:
    from services.matching.indexed import IndexedMatcher

log = structlog.get_logger("matching")

#: Profiles that the plain matcher serves well; and from how many on `ready` waits for the compiled one.
SMALL, LARGE = 2_000, 20_000


class GrowingMatcher:
    """Port `Matcher`.

    Args:
        capacity: open referrals of each profile.
        parent_of: which subdivision lies in which.
        rules: by which numbers it ranks.
        small: most profiles for the plain matcher.
        large: from so many profiles on whoever loads should wait until the compiled matcher is ready.
        compiler: begins to make it ready, in a thread of its own unless told otherwise.
    """

    def __init__(
        self,
        capacity: CapacityView,
        parent_of: ParentOf = flat,
        rules: Rules = DEFAULT_RULES,
        *,
        small: int = SMALL,
        large: int = LARGE,
        compiler: Callable[[], Future[type[IndexedMatcher]]] | None = None,
    ) -> None:
        self._capacity, self._parent_of, self._rules = capacity, parent_of, rules
        self._small, self._large, self._compiler = small, large, compiler or in_a_thread
        self._plain: ReferenceMatcher | None = ReferenceMatcher(capacity, parent_of, rules)
        self._matcher: Matcher = self._plain
        self._indexed: IndexedMatcher | None = None
        self._making: Future[type[IndexedMatcher]] | None = None
        self._count = 0
        self._unread: list[StoredProfiles] = []
        #: Too many for the plain one; they wait for the compiled one, which reads them much faster.

    @property
    def compiled(self) -> bool:
        """True once the compiled matcher has taken over."""
        return self._plain is None

    def take_rules(self, rules: Rules) -> None:
        """Rank by these rules from now on; before the first profile.

        Raises:
            ValueError: profiles are held already.
        """
        self._held().take_rules(rules)
        self._rules = rules

    def put(self, profile: RoutableProfile) -> bool:
        """Take in a version of a profile: the highest one holds."""
        matcher = self._held()
        if self._plain is not None and self._plain.profile(profile.id) is None:
            self._count += 1
            self.grow()
            matcher = self._matcher
        return matcher.put(profile)

    def put_all(self, profiles: Sequence[RoutableProfile]) -> int:
        """Take in many profiles; returns how many of them were new or newer."""
        return sum(map(self.put, profiles)) if self._indexed is None else self._indexed.put_all(profiles)

    def put_stored(self, page: StoredProfiles) -> int:
        """Take in profiles as they are stored; returns how many were new or newer, or wait for being read."""
        if self._indexed is not None:
            return self._indexed.put_stored(page)
        many = len(page.begins())
        if not self._unread and self._count + many <= self._small:
            return sum(map(self.put, page.profiles()))
        self._unread.append(page)
        self._count += many
        self.grow()
        return many

    def settle(self) -> None:
        """Everything is loaded: read what still waits, and do what the first match would have to wait for."""
        self.grow()
        self._held()
        if self._indexed is not None:
            self._indexed.settle()

    def learn(self, profile_id: str, standing: Standing) -> bool:
        """Take in what the past has taught about a profile: the highest version holds."""
        return self._matcher.learn(profile_id, standing)

    def match(
        self, rfis: Sequence[Rfi], now: datetime, given: Mapping[str, int] | None = None, *, bounded: bool = True
    ) -> list[Routing]:
        """A routing for each RFI, in order."""
        self.grow()
        return self._held().match(rfis, now, given, bounded=bounded)

    def explain(self, rfi: Rfi, partner_id: str | None, now: datetime) -> Explanation:
        """Match once more, and say why."""
        return self._held().explain(rfi, partner_id, now)

    def search(self, search: Search, now: datetime) -> SearchResult:
        """The partners that somebody finds who looks for one."""
        self.grow()
        return self._held().search(search, now)

    def profile(self, profile_id: str) -> RoutableProfile | None:
        """The version that is held."""
        return self._held().profile(profile_id)

    def limited(self) -> list[str]:
        """Ids of the profiles that have a capacity."""
        return self._held().limited()

    def grow(self) -> bool:
        """Take the next step to the compiled matcher, if the network asks for it; true while it is being made ready.

        Whoever calls it between two matches spares the second one the wait for the step.
        """
        if self._plain is None or self._count <= self._small:
            return False
        if self._making is None:
            self._making = self._compiler()
        # Never waited for here: this runs in event loops, and to compile can take longer than anybody may block one.
        if self._making.done():
            self._take_over(self._plain, self._making)
        return not self.compiled

    def _held(self) -> Matcher:
        """The matcher that answers, with everything that was put."""
        if self._unread:
            pages, self._unread = self._unread, []
            for page in pages:
                self._count -= len(page.begins())
                self.put_all(list(page.profiles()))
        return self._matcher

    async def ready(self) -> None:
        """Return when a large network has its compiled matcher; others go on meanwhile.

        For whoever loads one: what the plain matcher holds is taken over in one go.
        """
        while self._count > self._large and self.grow() and self._making is not None:
            await asyncio.gather(asyncio.wrap_future(self._making), return_exceptions=True)

    def _take_over(self, plain: ReferenceMatcher, making: Future[type[IndexedMatcher]]) -> None:
        try:
            made = making.result()(self._capacity, self._parent_of, self._rules)
        except Exception:
            # Whatever a compiler can't do on some machine: the plain matcher decides the same, and slow beats down.
            log.exception("index_not_ready", profiles=self._count)
            self._small = self._count * 2
            self._making = None
            return
        for standing in plain.standings():
            made.learn(standing.profile_id, standing)
        made.put_all(plain.profiles())
        for page in self._unread:
            made.put_stored(page)
        self._plain, self._matcher, self._indexed, self._unread = None, made, made, []
        log.info("index_ready", profiles=self._count)


def in_a_thread() -> Future[type[IndexedMatcher]]:
    """The compiled matcher, as soon as it is ready."""
    thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="compiling")
    making = thread.submit(_ready)
    thread.shutdown(wait=False)
    return making


def _ready() -> type[IndexedMatcher]:
    """The compiled matcher with its kernels loaded; numba is loaded here and nowhere before."""
    from services.matching.index.warm import warm_up
    from services.matching.indexed import IndexedMatcher

    warm_up()
    return IndexedMatcher
