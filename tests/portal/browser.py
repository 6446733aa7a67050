"""A real browser in front of a portal that listens: pages are used as people use them, and looked at.

`journey` runs a test in English and Spanish, with and without JavaScript. Every page that is shown to `look` is checked
by axe-core (WCAG 2.0 to 2.2, A and AA) and photographed into .referrals/pages: at 320 pixels dark, at 1280 light, and
some at 1920 dark.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from axe_playwright_python.base import AXE_FILE_PATH  # type: ignore[import-untyped]
from playwright.async_api import BrowserContext, Page, expect

from tests.photographs import PHOTOGRAPHS
from tests.portal.windows import Reader, Windows
from tests.portal.world import PortalWorld

#: How long a page may take to become what a test waits for. A busy machine is no fault.
PATIENCE_MS = 60_000
_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_Size = tuple[int, int, Literal["light", "dark"]]
#: Both sizes and both schemes in two looks: axe and photographs of long pages are slow.
_LOOKS: tuple[_Size, ...] = ((320, 640, "dark"), (1280, 800, "light"))
#: For pages whose form is like no other's, in the language of the longer words.
_WIDE: _Size = (1920, 1080, "dark")


@dataclass
class Desk:
    """A person at a browser: a portal, a page, a language, with or without JavaScript."""

    world: PortalWorld
    windows: Windows
    language: str
    scripts: bool
    name: str
    contexts: list[BrowserContext] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    #: What the browser's console complained of.

    async def page(self, cookie: str | None = None) -> Page:
        """A new window; with the cookie of a session its person is signed in."""
        context = await self.windows.take(Reader(self.language, self.scripts))
        self.contexts.append(context)
        if cookie is not None:
            await context.add_cookies([{"name": "referrals", "value": cookie, "url": self.windows.address}])
        page = await context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", lambda message: self._heard(message.type, message.text))
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("crash", lambda _: self.faults.append("the page crashed"))
        return page

    def _heard(self, kind: str, text: str) -> None:
        # A refused form is answered with 4xx on purpose; the console calls that an error.
        if kind == "error" and "Failed to load resource" not in text:
            self.faults.append(text)

    async def signed_in(self, partner: int | None = 1, **more: Any) -> Page:
        """A window of a new user in this language."""
        user = await self.world.add_user(partner, **{"language": self.language, "time_zone": "Europe/Madrid", **more})
        return await self.page(await self.world.session_of(user))

    async def look(self, page: Page, name: str, *, wide: bool = False) -> None:
        """Check the page as it stands with axe-core, and photograph it; nothing may be wider than the window.

        Without JavaScript axe can't run either; those pages differ in nothing that it sees.
        """
        if not self.scripts:
            return
        # By the browser's own door: the content policy lets no script of others in, nor should it.
        if not await page.evaluate("typeof window.axe === 'object'"):
            await page.evaluate(_AXE)
        for width, height, scheme in (*_LOOKS, _WIDE) if wide and self.language == "es" else _LOOKS:
            await page.set_viewport_size({"width": width, "height": height})
            await page.emulate_media(color_scheme=scheme)
            seen = await page.evaluate(_RUN, _TAGS)
            wrong = _told(seen["violations"])
            assert not wrong, f"{name} at {width} px, {scheme}: {wrong}"
            assert seen["wide"] <= width, f"{name} is {seen['wide']} px wide in a window of {width} px"
            file = f"{self.name}-{name}-{self.language}-{width}-{scheme}.jpg"
            await page.screenshot(path=PHOTOGRAPHS / file, full_page=True, type="jpeg", quality=85)

    async def close(self) -> None:
        """Close the windows; a page that broke its own content policy, or threw, is a fault."""
        for context in self.contexts:
            await self.windows.give_back(context, whole=not self.faults)
        assert not self.faults, self.faults


def _told(violations: list[dict[str, Any]]) -> list[str]:
    return [
        f"{each['id']}: {node['html'][:200]} {' '.join(node['failureSummary'].split())}"
        for each in violations
        for node in each["nodes"]
    ]


expect.set_options(timeout=PATIENCE_MS)

_AXE = Path(AXE_FILE_PATH).read_text(encoding="utf-8")
#: Every rule runs; told is what broke one. To describe each element that passed would take longer than to look.
_RUN = """async tags => ({
    violations: (await axe.run(document, {
        runOnly: {type: 'tag', values: tags}, resultTypes: ['violations'],
    })).violations,
    wide: document.documentElement.scrollWidth,
})"""
