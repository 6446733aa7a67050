"""A real browser in front of a portal that listens: pages are used as people use them, and looked at.

`journey` runs a test in English and Spanish, with and without JavaScript. Every page that is shown to `look` is checked
by axe-core (WCAG 2.0 to 2.2, A and AA) and photographed into .referrals/pages: at 320 pixels dark, at 1280 light.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NoReturn

import pytest
from axe_playwright_python.base import AXE_FILE_PATH  # type: ignore[import-untyped]
from fastapi import FastAPI
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from services.adapters.process import http_loop
from services.engines.locations import free_port
from tests.portal.world import PortalWorld

#: How long a page may take to become what a test waits for. A busy machine is no fault.
PATIENCE_MS = 60_000
#: Where photographs lie, for people to look at; git ignores it.
PHOTOGRAPHS = Path(__file__).parent.parent.parent / ".referrals" / "pages"
_FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--no-first-run", "--disable-quic"),
    # No spare process is made ready for a next site: there is none.
    "--renderer-process-limit=1",
]
_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_NAMES = ("chromium", "chromium-browser", "google-chrome")
#: Both sizes and both schemes in two looks: axe and photographs of long pages are slow.
_LOOKS: tuple[tuple[int, int, Literal["light", "dark"]], ...] = ((320, 640, "dark"), (1280, 800, "light"))


def chromium() -> str:
    """Path of a Chromium; where there is none the test is skipped, and with CI set it fails."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        _unavailable("no Chromium here: sudo apt-get install chromium, or set CHROMIUM to its path")
    return found


def _unavailable(why: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(why, pytrace=False)
    pytest.skip(why)


@asynccontextmanager
async def launched() -> AsyncIterator[Browser]:
    """Chromium without a window."""
    path = chromium()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=_FLAGS)
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def listening(app: FastAPI) -> AsyncIterator[str]:
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


@dataclass
class Desk:
    """A person at a browser: a portal, a page, a language, with or without JavaScript."""

    world: PortalWorld
    browser: Browser
    address: str
    language: str
    scripts: bool
    name: str
    contexts: list[BrowserContext] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    #: What the browser's console complained of.

    async def page(self, cookie: str | None = None) -> Page:
        """A new window; with the cookie of a session its person is signed in."""
        context = await self.browser.new_context(
            java_script_enabled=self.scripts,
            locale=self.language,
            base_url=self.address,
            # Colours change at once, so that what is checked is what stays.
            reduced_motion="reduce",
        )
        self.contexts.append(context)
        if cookie is not None:
            await context.add_cookies([{"name": "referrals", "value": cookie, "url": self.address}])
        page = await context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", lambda message: self._heard(message.type, message.text))
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        return page

    def _heard(self, kind: str, text: str) -> None:
        # A refused form is answered with 4xx on purpose; the console calls that an error.
        if kind == "error" and "Failed to load resource" not in text:
            self.faults.append(text)

    async def signed_in(self, partner: int | None = 1, **more: Any) -> Page:
        """A window of a new user in this language."""
        user = await self.world.add_user(partner, **{"language": self.language, "time_zone": "Europe/Madrid", **more})
        return await self.page(await self.world.session_of(user))

    async def look(self, page: Page, name: str) -> None:
        """Check the page as it stands with axe-core, and photograph it; nothing may be wider than the window.

        Without JavaScript axe can't run either; those pages differ in nothing that it sees.
        """
        if not self.scripts:
            return
        for width, height, scheme in _LOOKS:
            await page.set_viewport_size({"width": width, "height": height})
            await page.emulate_media(color_scheme=scheme)
            wrong = await self._violations(page)
            assert not wrong, f"{name} at {width} px, {scheme}: {wrong}"
            wide = await page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, f"{name} is {wide} px wide in a window of {width} px"
            file = f"{self.name}-{name}-{self.language}-{width}-{scheme}.jpg"
            await page.screenshot(path=PHOTOGRAPHS / file, full_page=True, type="jpeg", quality=85)

    async def _violations(self, page: Page) -> list[str]:
        # By the browser's own door: the content policy lets no script of others in, nor should it.
        if not await page.evaluate("typeof window.axe === 'object'"):
            await page.evaluate(_AXE)
        violations = await page.evaluate(_RUN, _TAGS)
        return [
            f"{each['id']}: {node['html'][:200]} {' '.join(node['failureSummary'].split())}"
            for each in violations
            for node in each["nodes"]
        ]

    async def close(self) -> None:
        """Close the windows; a page that broke its own content policy, or threw, is a fault."""
        for context in self.contexts:
            await context.close()
        assert not self.faults, self.faults


expect.set_options(timeout=PATIENCE_MS)

_AXE = Path(AXE_FILE_PATH).read_text(encoding="utf-8")
#: Every rule runs; told is what broke one. To describe each element that passed would take longer than to look.
_RUN = """async tags => (await axe.run(document, {
    runOnly: {type: 'tag', values: tags}, resultTypes: ['violations'],
})).violations"""
