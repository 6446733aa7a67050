"""Whoever comes to the portal, in a real browser: sign in, another language, and what is refused."""

from __future__ import annotations

import re
from datetime import timedelta

from fastapi import Depends
from playwright.async_api import expect

from services.core.accounts import Role
from services.core.errors import CommandInvalid, Problem, UndoRefused
from services.core.mail import MailKind
from services.portal.access import signed_in
from tests.builders import START
from tests.portal.browser import Desk
from tests.portal.test_partner_journeys import submitted


async def test_sign_in(desk: Desk) -> None:
    user = await desk.world.add_user(1, language=desk.language)
    page = await desk.page()
    await page.goto("/inbox")
    await desk.look(page, "form")
    await page.fill("#email", "nobody")
    await submitted(page, "main form button")
    await desk.look(page, "wrong")
    await page.fill("#email", user.email)
    await submitted(page, "main form button")
    await desk.look(page, "sent")
    job = None
    while job is None:
        jobs = await desk.world.stores.jobs.claim("test", START + timedelta(days=1), START, START, 10)
        job = next((each for each in jobs if each.kind is MailKind.SIGN_IN_LINK), None)
    await page.goto(desk.world.link_path(job.event_id))
    await desk.look(page, "link")
    await submitted(page, "main form button")
    await expect(page).to_have_url(re.compile("/inbox$"))
    await submitted(page, "footer form[action='/sign-out'] button")
    await expect(page).to_have_url(re.compile("/sign-in$"))
    await page.goto(desk.world.link_path(job.event_id))
    await desk.look(page, "used")


async def test_language(desk: Desk) -> None:
    page = await desk.signed_in()
    other = {"en": "es", "es": "en"}[desk.language]
    await page.goto("/archived?text=azure")
    await submitted(page, f"button[name=language][value={other}]")
    await expect(page).to_have_url(re.compile(r"/archived\?text=azure$"))
    await expect(page.locator("html")).to_have_attribute("lang", other)


async def test_not_here(desk: Desk) -> None:
    referral = await desk.world.add_referral(1, partner=2)
    page = await desk.signed_in(role=Role.MEMBER)
    await page.goto(f"/referrals/{referral.id}")
    await desk.look(page, "foreign")
    assert referral.title not in await page.content()
    # What people meet in a race alone is raised for them here.
    refused = {409: UndoRefused(), 422: CommandInvalid([Problem("/name", "required", "give the name")])}

    @desk.world.app.get("/refused/{status}", dependencies=[Depends(signed_in)])
    async def refuse(status: int) -> None:
        raise refused[status]

    for status, path in {403: "/profiles/ES", 409: "/refused/409", 422: "/refused/422"}.items():
        answer = await page.goto(path)
        assert answer is not None
        assert answer.status == status
        # Why, and the way on; a list of problems speaks for itself.
        await expect(page.locator("article p")).to_have_count(2)
        await desk.look(page, str(status))
