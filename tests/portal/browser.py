"""A real browser in front of a portal that listens: pages are used as people use them, and looked at.

`journey` runs a test in English and Spanish, with and without JavaScript. Every page that is shown to `look` is checked
by axe-core (WCAG 2.0 to 2.2, A and AA) and photographed into .referrals/pages: in English at 320 pixels dark and at
1280 light, in Spanish at 320 light and at 1920 dark. So each is seen narrow and wide, dark and light.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from axe_playwright_python.base import AXE_FILE_PATH  # type: ignore[import-untyped]
from fastapi import Request
from fastapi.responses import HTMLResponse
from playwright.async_api import BrowserContext, Page, expect

from services.portal.pages.frame import Frame
from tests.photographs import PHOTOGRAPHS
from tests.portal.looks import TEMPLATES
from tests.portal.windows import Reader, Windows
from tests.portal.world import PortalWorld

#: How long a page may take to become what a test waits for. A busy machine is no fault.
PATIENCE_MS = 60_000
_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_Size = tuple[int, int, Literal["light", "dark"]]
#: Narrow and wide, dark and light: shared among the languages, since axe and photographs of long pages are slow.
LOOKS: Mapping[str, tuple[_Size, ...]] = {
    "en": ((320, 640, "dark"), (1280, 800, "light")),
    "es": ((320, 640, "light"), (1920, 1080, "dark")),
}


class NotingFrame(Frame):
    """The portal's own frame; it knows which template the last page was made of."""

    last = ""

    def page(self, request: Request, template: str, *values: Any, **more: Any) -> HTMLResponse:
        """The page of a template."""
        self.last = template
        return super().page(request, template, *values, **more)


@dataclass
class Desk:
    """A person at a browser: a portal, a page, a language, with or without JavaScript."""

    world: PortalWorld
    windows: Windows
    language: str
    scripts: bool
    name: str
    frame: NotingFrame
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

    async def look(self, page: Page, name: str) -> None:
        """Check the page as it stands with axe-core, and photograph it; nothing may be wider than the window.

        A page that the table of looks names is made of the template that the table says.

        Without JavaScript axe can't run either; those pages differ in nothing that it sees.
        """
        assert TEMPLATES.get((self.name, name), self.frame.last) == self.frame.last
        if not self.scripts:
            return
        # By the browser's own door: the content policy lets no script of others in, nor should it.
        if not await page.evaluate("typeof window.axe === 'object'"):
            await page.evaluate(_AXE)
        for width, height, scheme in LOOKS[self.language]:
            await page.set_viewport_size({"width": width, "height": height})
            await page.emulate_media(color_scheme=scheme)
            seen = await page.evaluate(_RUN, _TAGS)
            wrong = _told(seen["violations"])
            assert not wrong, f"{name} at {width} px, {scheme}: {wrong}"
            assert seen["wide"] <= width, f"{name} is {seen['wide']} px wide in a window of {width} px"
            file = f"{self.name}-{name}-{self.language}-{width}-{scheme}.jpg"
            # To hide the caret leaves `style=""` at each field, which htmx then copies against the content policy.
            await page.screenshot(path=PHOTOGRAPHS / file, full_page=True, type="jpeg", quality=85, caret="initial")

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
