"""Who stops reading a whole collection leaves no cursor open, whenever and however it stops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Generator, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import aclosing, suppress
from threading import Event
from types import SimpleNamespace
from typing import Any, cast

import pytest

from services.adapters.mongo.driver import Mongo
from services.adapters.mongo.partners import MongoPartners
from services.adapters.mongo.walking import ahead, array_of

PAGE = array_of([])


class Walk:
    """Batches of a collection, the last of which takes as long as one wants."""

    def __init__(self) -> None:
        self.asked, self.comes, self.closed = Event(), Event(), 0

    def batches(self) -> Generator[bytes, None, None]:
        try:
            yield b"one"
            self.asked.set()
            assert self.comes.wait(60)
            yield b"two"
        finally:
            self.closed += 1


@pytest.fixture
def threads() -> Iterator[Executor]:
    with ThreadPoolExecutor(2) as threads:
        yield threads


async def test_batches_come_in_order_and_the_cursor_is_closed(threads: Executor) -> None:
    walk = Walk()
    walk.comes.set()
    assert [batch async for batch in ahead(walk.batches(), threads)] == [b"one", b"two"]
    assert walk.closed == 1


async def test_who_stops_after_a_batch_closes_the_cursor_when_the_next_has_come(threads: Executor) -> None:
    walk = Walk()
    asyncio.get_running_loop().call_later(0.01, walk.comes.set)
    async with aclosing(ahead(walk.batches(), threads)) as batches:
        assert await anext(batches) == b"one"
    assert walk.closed == 1


async def test_who_is_cancelled_while_a_batch_is_awaited_is_cancelled_and_the_cursor_is_closed(
    threads: Executor,
) -> None:
    walk, first = Walk(), asyncio.Event()

    async def read() -> None:
        async with aclosing(ahead(walk.batches(), threads)) as batches:
            async for _batch in batches:
                first.set()

    reading = asyncio.create_task(read())
    async with asyncio.timeout(60):
        await first.wait()
        assert await asyncio.to_thread(walk.asked.wait, 60)
        reading.cancel()
        # Nobody can close what a thread is still at.
        assert await asyncio.wait({reading}, timeout=0.2) == (set(), {reading})
        walk.comes.set()
        with pytest.raises(asyncio.CancelledError):
            await reading
    assert walk.closed == 1


async def test_who_stops_reading_profiles_ends_the_walk_then_and_there() -> None:
    closed = list[str]()

    async def walk(*_asked: object) -> AsyncGenerator[bytes, None]:
        try:
            while True:
                yield PAGE
        finally:
            closed.append("the walk")

    mongo = cast("Mongo", SimpleNamespace(walk=walk, collection=cast("Any", str)))
    with suppress(LookupError):
        async with aclosing(MongoPartners(mongo).stored_profiles(2)) as pages:
            async for _page in pages:
                raise LookupError
    assert closed == ["the walk"]
