"""Those who ask at the same moment share a question; each gets its own answer, and none an older one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from services.adapters.mongo.together import AT_MOST, Together
from services.core.errors import DependencyUnavailable

FOR_EVER = 3600.0


class Database:
    """Tells each asker what stands under its key at the moment of the question, once the answer is let through."""

    def __init__(self) -> None:
        self.stands = "before"
        self.asked: list[list[str]] = []
        self.fails = False
        self.lets_through, self.asked_again = asyncio.Event(), asyncio.Event()

    async def ask(self, keys: Sequence[str]) -> list[str]:
        if self.asked:
            self.asked_again.set()
        self.asked.append(list(keys))
        stands, fails = self.stands, self.fails
        await self.lets_through.wait()
        if fails:
            raise DependencyUnavailable("mongo")
        return [f"{key} {stands}" for key in keys]


async def begun(together: Together[str, str], *keys: str) -> list[asyncio.Task[str]]:
    """Askers who come in the same turn of the loop, all of whom have asked."""
    tasks = [asyncio.ensure_future(together(key)) for key in keys]
    for _ in range(3):
        await asyncio.sleep(0)
    return tasks


async def test_one_alone_is_asked_for_at_once() -> None:
    database = Database()
    database.lets_through.set()
    assert await Together(database.ask)("a") == "a before"
    assert database.asked == [["a"]]


async def test_those_who_come_meanwhile_travel_together_and_each_gets_its_own() -> None:
    database = Database()
    together = Together(database.ask, patience_s=FOR_EVER)
    tasks = [*await begun(together, "a"), *await begun(together, "b", "c"), *await begun(together, "b")]
    assert database.asked == [["a"]]
    database.lets_through.set()
    assert await asyncio.gather(*tasks) == ["a before", "b before", "c before", "b before"]
    assert database.asked == [["a"], ["b", "c", "b"]]


async def test_those_who_come_in_the_same_turn_travel_at_once() -> None:
    database = Database()
    database.lets_through.set()
    together = Together(database.ask)
    assert await asyncio.gather(*map(together, "ab")) == ["a before", "b before"]
    assert database.asked == [["a", "b"]]


async def test_an_answer_is_never_older_than_its_asker() -> None:
    database = Database()
    together = Together(database.ask, patience_s=FOR_EVER)
    (early,) = await begun(together, "a")
    database.stands = "after"
    (late,) = await begun(together, "a")
    database.lets_through.set()
    assert (await early, await late) == ("a before", "a after")


async def test_a_question_that_takes_long_holds_nobody_up_for_long() -> None:
    database = Database()
    together = Together(database.ask, patience_s=0.0)
    tasks = [*await begun(together, "a"), *await begun(together, "b", "c")]
    async with asyncio.timeout(5):
        await database.asked_again.wait()
    assert database.asked == [["a"], ["b", "c"]]
    database.lets_through.set()
    assert await asyncio.gather(*tasks) == ["a before", "b before", "c before"]


async def test_a_failure_is_that_of_those_who_travelled_and_of_nobody_else() -> None:
    database = Database()
    together = Together(database.ask, patience_s=FOR_EVER)
    database.fails = True
    first = await begun(together, "a")
    database.fails = False
    others = await begun(together, "b", "c")
    database.lets_through.set()
    with pytest.raises(DependencyUnavailable):
        await first[0]
    assert await asyncio.gather(*others) == ["b before", "c before"]


async def test_who_goes_away_takes_nobody_elses_answer_along() -> None:
    database = Database()
    together = Together(database.ask, patience_s=FOR_EVER)
    first, second, third = await begun(together, "a", "b", "c")
    first.cancel()
    second.cancel()
    database.lets_through.set()
    assert await third == "c before"
    assert first.cancelled()
    assert second.cancelled()


async def test_of_a_crowd_nobody_is_forgotten() -> None:
    database = Database()
    together = Together(database.ask, patience_s=FOR_EVER)
    keys = [str(n) for n in range(2 * AT_MOST + 2)]
    tasks = await begun(together, *keys)
    assert sum(map(len, database.asked)) == len(keys)
    database.lets_through.set()
    assert await asyncio.gather(*tasks) == [f"{key} before" for key in keys]
    assert [len(each) for each in database.asked] == [AT_MOST, AT_MOST, 2]
