"""How do journeys share one browser, one address and its windows, and yet know nothing of each other?

A new browser context is a new profile with new processes, in which nothing is compiled and no style sheet is fetched
yet: that took longer than most journeys. So contexts are kept, and what a journey left in one is wiped out.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple, NoReturn

import pytest
from playwright.async_api import Browser, BrowserContext, CDPSession, Page, async_playwright
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from services.adapters.process import http_loop
from services.engines.locations import free_port

#: A path that no portal answers.
_NO_PORTALS = "/no-journey"
#: How long requests that a journey left behind may take, seconds.
_LEFT_BEHIND_S = 60.0
_FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--no-first-run", "--disable-quic"),
    # No spare process is made ready for a next site: there is none. The windows of a context share one.
    *("--renderer-process-limit=1", "--process-per-site"),
]
#: The shell first: the same engine without the browser around it, which nobody sees. It takes half the time.
_NAMES = ("chromium-headless-shell", "chrome-headless-shell", "chromium", "chromium-browser", "google-chrome")


def chromium() -> str:
    """Path of a Chromium; where there is none the test is skipped, and with CI set it fails."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        _unavailable("no Chromium here: sudo apt-get install chromium-headless-shell, or set CHROMIUM to its path")
    return found


def _unavailable(why: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(why, pytrace=False)
    pytest.skip(why)


class Reader(NamedTuple):
    """Who sits at a window."""

    language: str
    scripts: bool


@dataclass
class Stage:
    """An application for one address: what answers there is the portal of the journey that is on."""

    _portal: ASGIApp | None = None
    _answering: set[asyncio.Task[Any]] = field(default_factory=set)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the portal does that is on."""
        if self._portal is None or scope["path"] == _NO_PORTALS:
            await PlainTextResponse("no journey is on", 503)(scope, receive, send)
            return
        task = asyncio.current_task()
        assert task is not None
        self._answering.add(task)
        try:
            await self._portal(scope, receive, send)
        finally:
            self._answering.discard(task)

    @asynccontextmanager
    async def shows(self, portal: ASGIApp) -> AsyncIterator[None]:
        """The portal answers; at the end what it was asked is answered, so that nothing of it runs on."""
        self._portal = portal
        try:
            yield
        finally:
            self._portal = None
            if self._answering:
                _, left = await asyncio.wait(self._answering, timeout=_LEFT_BEHIND_S)
                assert not left, f"requests are not answered after {_LEFT_BEHIND_S:.0f} s: {left}"


@dataclass
class _Kept:
    """A context for the whole run. Its first page stays open: the process of its pages ends with the last of them."""

    context: BrowserContext
    first: Page
    tools: CDPSession


@dataclass
class Windows:
    """A browser and an address. Each reader has contexts; who gives one back leaves nothing in it."""

    browser: Browser
    address: str
    stage: Stage
    _free: defaultdict[Reader, list[_Kept]] = field(default_factory=lambda: defaultdict(list))
    _taken: dict[BrowserContext, tuple[Reader, _Kept]] = field(default_factory=dict)

    async def take(self, reader: Reader) -> BrowserContext:
        """A context of the reader's that nobody else has, as good as new."""
        kept = self._free[reader].pop() if self._free[reader] else await self._made(reader)
        self._taken[kept.context] = (reader, kept)
        return kept.context

    async def _made(self, reader: Reader) -> _Kept:
        context = await self.browser.new_context(
            java_script_enabled=reader.scripts,
            locale=reader.language,
            base_url=self.address,
            # Colours change at once, so that what is checked is what stays.
            reduced_motion="reduce",
        )
        first = await context.new_page()
        await first.goto(_NO_PORTALS)
        return _Kept(context, first, await context.new_cdp_session(first))

    async def give_back(self, context: BrowserContext, *, whole: bool) -> None:
        """Close its windows and wipe out what they left, or end it when something broke in it."""
        reader, kept = self._taken.pop(context)
        if not whole:
            await context.close()
            return
        for page in context.pages:
            if page is not kept.first:
                await page.close()
        await context.clear_cookies()
        await kept.tools.send("Storage.clearDataForOrigin", {"origin": self.address, "storageTypes": "all"})
        self._free[reader].append(kept)


@asynccontextmanager
async def opened() -> AsyncIterator[Windows]:
    """A browser without a window to be seen, and an address for the journeys."""
    path, stage = chromium(), Stage()
    async with _listening(stage) as address, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=_FLAGS)
        try:
            yield Windows(browser, address, stage)
        finally:
            await browser.close()


@asynccontextmanager
async def _listening(app: ASGIApp) -> AsyncIterator[str]:
    """The application on a port of this machine, served as the process serves it; gives its address."""
    port, stop = free_port(), asyncio.Event()
    serving = asyncio.ensure_future(http_loop(app, "127.0.0.1", port)(stop))
    try:
        async with asyncio.timeout(20):
            while not await _answers(port):  # noqa: ASYNC110 - a port sets no event
                await asyncio.sleep(0.02)
        yield f"http://127.0.0.1:{port}"
    finally:
        stop.set()
        await serving


async def _answers(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True
