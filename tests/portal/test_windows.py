"""Journeys share windows and an address: does one leave anything to the next?"""

from __future__ import annotations

import asyncio

import httpx
from starlette.types import Receive, Scope, Send

from tests.portal.windows import Reader, Stage, Windows


async def _home(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})
    await send({"type": "http.response.body", "body": b"<title>home</title>"})


async def test_what_a_journey_leaves_in_a_window_the_next_does_not_find(windows: Windows) -> None:
    reader = Reader("en", scripts=True)
    async with windows.stage.shows(_home):
        context = await windows.take(reader)
        page = await context.new_page()
        await page.goto("/")
        await page.evaluate("localStorage.setItem('keys', 'off'); document.cookie = 'referrals=somebody'")
        await windows.give_back(context, whole=True)
        assert page.is_closed()
        again = await windows.take(reader)
        page = await again.new_page()
        await page.goto("/")
        assert again is context
        assert await page.evaluate("[localStorage.length, document.cookie]") == [0, ""]
        await windows.give_back(again, whole=False)
        other = await windows.take(reader)
        assert other is not context
        await windows.give_back(other, whole=True)


async def test_two_windows_of_one_reader_know_nothing_of_each_other(windows: Windows) -> None:
    async with windows.stage.shows(_home):
        first, second = [await windows.take(Reader("en", scripts=True)) for _ in range(2)]
        await first.add_cookies([{"name": "referrals", "value": "first", "url": windows.address}])
        assert await second.cookies() == []
        for context in (first, second):
            await windows.give_back(context, whole=True)


async def test_a_portal_leaves_the_stage_when_it_has_answered() -> None:
    stage, asked, answer = Stage(), asyncio.Event(), asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        if not asked.is_set():
            asked.set()
            await answer.wait()
        await _home(scope, receive, send)

    async def journey() -> None:
        async with stage.shows(slow):
            await asked.wait()

    async with httpx.AsyncClient(transport=httpx.ASGITransport(stage), base_url="http://portal.test") as client:
        on, late = asyncio.create_task(journey()), asyncio.create_task(client.get("/"))
        await asked.wait()
        while (await client.get("/")).status_code != 503:  # noqa: ASYNC110 - whose turn it is sets no event
            await asyncio.sleep(0)
        assert not on.done()
        answer.set()
        await on
        assert (await late).text == "<title>home</title>"
