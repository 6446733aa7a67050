"""Do the benchmark's visitors of the inbox find their way, and are their waits told by what they looked at?"""

from __future__ import annotations

import asyncio
from collections import Counter

from bench.portal.visitors import Visit, next_page, steady
from services.portal.pages.list_query import PAGE_SIZE
from tests.portal.world import PortalWorld


async def test_a_visitor_goes_on_to_the_second_page_and_no_further(world: PortalWorld) -> None:
    for n in range(1, PAGE_SIZE + 3):
        await world.add_referral(n)
    ana = await world.signed_in(1)
    second = next_page((await ana.get("/inbox")).text)
    assert second is not None
    page = (await ana.get(second)).text
    assert page.count("data-walk") == 2
    assert next_page(page) is None


async def test_waits_at_a_steady_pace_are_told_by_kind() -> None:
    asked: list[bytes] = []
    ends: list[asyncio.Event] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends.append(end := asyncio.Event())
        async for line in reader:
            if line.startswith(b"GET "):
                asked.append(line.split()[1])
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        writer.close()
        await writer.wait_closed()
        end.set()

    visits = [Visit("/inbox", "a"), Visit("/inbox", "b"), Visit("/inbox?after=1", "a", kind="second page")]
    async with await asyncio.start_server(answer, "127.0.0.1") as server:
        waits = await steady(server.sockets[0].getsockname()[1], visits, 0.12, 50)
        # Nothing of a connection is left to whoever comes next.
        async with asyncio.timeout(60):
            for end in ends:
                await end.wait()
    assert Counter(asked) == {b"/inbox": 4, b"/inbox?after=1": 2}
    assert {kind: len(found) for kind, found in waits.items()} == {"first page": 4, "second page": 2}
    assert all(found == sorted(found) and found[0] > 0 for found in waits.values())
