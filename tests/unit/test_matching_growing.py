"""A small network is served plainly; one that has outgrown that goes over to the compiled matcher with all it knows."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest

from services.core.rules import Rules
from services.core.standing import Standing
from services.matching.growing import GrowingMatcher
from services.matching.indexed import IndexedMatcher
from services.matching.reference import ReferenceMatcher
from tests.builders import START, make_profile, make_rfi
from tests.unit.test_matching_oracle import Opens

#: The first call on a machine compiles the kernels.
pytestmark = pytest.mark.timeout(900)

NOBODY = Opens({})
RFIS = [make_rfi(n) for n in range(1, 5)]


def standing(n: int) -> Standing:
    return Standing(profile_id=make_profile(n).id, version=1, at=START, prior=n / 20)


def filled(matcher: Any, count: int) -> Any:
    for n in range(1, count + 1):
        matcher.put(make_profile(n))
        matcher.learn(make_profile(n).id, standing(n))
    return matcher


def until(holds: Callable[[], bool]) -> None:
    """Look again until it holds: the thread that compiles tells nobody when it is done, it is noticed at a look.

    Compiling takes a minute on a machine that does it for the first time, and many on one that is busy.
    """
    deadline = time.monotonic() + 800
    while not holds():
        assert time.monotonic() < deadline, "the compiled matcher was not ready in time"
        threading.Event().wait(0.01)


def test_a_small_network_is_served_plainly() -> None:
    assert not filled(GrowingMatcher(NOBODY, small=9), 9).compiled


def test_a_network_that_has_outgrown_it_goes_over_when_the_compiled_one_is_ready() -> None:
    growing, plain = filled(GrowingMatcher(NOBODY, small=5), 12), filled(ReferenceMatcher(NOBODY), 12)
    wanted = plain.match(RFIS, START)

    def over() -> bool:
        assert growing.match(RFIS, START) == wanted
        return bool(growing.compiled)

    until(over)
    assert growing.match(RFIS, START) == plain.match(RFIS, START)
    assert growing.put(make_profile(13, version=2)) is plain.put(make_profile(13, version=2))
    assert growing.match(RFIS, START) == plain.match(RFIS, START)


def test_it_goes_over_while_nobody_asks_for_a_match() -> None:
    growing = filled(GrowingMatcher(NOBODY, small=5), 12)
    until(lambda: not growing.grow())
    assert growing.compiled
    assert not filled(GrowingMatcher(NOBODY, small=9), 9).grow()


async def test_a_large_network_waits_for_the_compiled_one_and_holds_nobody_up() -> None:
    made: Future[type[IndexedMatcher]] = Future()
    growing = filled(GrowingMatcher(NOBODY, small=2, large=4, compiler=lambda: made), 6)

    async def others() -> None:
        made.set_result(IndexedMatcher)

    # Nothing is made unless others go on while the network waits.
    going_on = asyncio.create_task(others())
    async with asyncio.timeout(60):
        await growing.ready()
        await going_on
    assert growing.compiled
    assert growing.match(RFIS, START) == filled(ReferenceMatcher(NOBODY), 6).match(RFIS, START)


async def test_who_loads_no_large_network_does_not_wait() -> None:
    growing = filled(GrowingMatcher(NOBODY, small=2, large=9, compiler=Future), 6)
    async with asyncio.timeout(60):
        await growing.ready()


def test_no_match_and_no_change_waits_for_the_compiler() -> None:
    growing, plain = GrowingMatcher(NOBODY, small=2, large=4, compiler=Future), ReferenceMatcher(NOBODY)
    assert filled(growing, 6).match(RFIS, START) == filled(plain, 6).match(RFIS, START)
    assert not growing.compiled


async def test_a_large_network_is_served_plainly_where_nothing_can_be_compiled() -> None:
    broken: Future[Any] = Future()
    broken.set_exception(OSError("no compiler on this machine"))
    growing = filled(GrowingMatcher(NOBODY, small=2, large=4, compiler=lambda: broken), 6)
    async with asyncio.timeout(60):
        await growing.ready()
    assert growing.match(RFIS, START) == filled(ReferenceMatcher(NOBODY), 6).match(RFIS, START)


async def test_rules_hold_on_both_sides_of_the_change() -> None:
    rules = Rules(version="test-9", most_partners=2, past=0.2)
    growing = GrowingMatcher(NOBODY, small=2, large=4)
    growing.take_rules(rules)
    filled(growing, 6)
    await growing.ready()
    assert growing.compiled
    assert growing.match(RFIS, START) == filled(ReferenceMatcher(NOBODY, rules=rules), 6).match(RFIS, START)
    with pytest.raises(ValueError, match="new matcher"):
        growing.take_rules(rules)
