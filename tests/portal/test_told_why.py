"""Does a reader of any language learn why something was refused, and what to do next?"""

from __future__ import annotations

import pytest

from services.core.accounts import FILTER_LIMIT, Role
from services.portal.access import Why
from services.portal.pages.frame import PAGES
from services.wording.words import words_of
from tests.portal.world import PortalWorld


async def test_a_viewer_is_told_whom_to_ask(world: PortalWorld) -> None:
    referral = await world.add_referral(1)
    vic = await world.signed_in(1, role=Role.VIEWER, language="es")
    told = await vic.submit(f"/referrals/{referral.id}/star", {"starred": "yes"})
    assert told.status_code == 403
    assert "Su función es la de lector." in told.text


async def test_one_filter_too_many_is_called_so(world: PortalWorld) -> None:
    ana = await world.signed_in(1, language="es")
    for n in range(FILTER_LIMIT):
        await ana.submit("/filters", {"name": f"f{n}", "path": "/inbox?text=a"})
    told = await ana.submit("/filters", {"name": "more", "path": "/inbox?text=a"})
    assert told.status_code == 403
    assert "Quite uno primero." in told.text
    assert "Pídalo a un administrador" not in told.text


@pytest.mark.parametrize(("language", "words"), [("en", "This page is too old"), ("es", "Esta página es demasiado")])
async def test_a_form_that_is_too_old_is_to_be_loaded_again(world: PortalWorld, language: str, words: str) -> None:
    ana = await world.signed_in(1, language=language)
    as_page = {"accept": "text/html", "accept-language": "fr"}
    told = await ana.post("/filters", data={"csrf": "of yesterday", "name": "x"}, headers=as_page)
    assert told.status_code == 403
    assert words in told.text


def test_each_reason_is_said_in_spanish() -> None:
    template = (PAGES.folder.parent / "templates" / "problem.html.j2").read_text("utf-8")
    said = dict(line.strip().split(': _("', 1) for line in template.splitlines() if line.startswith('  "'))
    assert {key.strip('"') for key in said} == {*Why, "last_admin", "undo"}
    words = words_of("es", PAGES)
    english = [text.removesuffix('"),') for text in said.values()]
    assert [text for text in english if words.say(text) == text] == []
