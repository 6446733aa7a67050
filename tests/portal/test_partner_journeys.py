"""A partner's day in a real browser on a real database: sign in, look through the inbox, answer, work the deal."""

from __future__ import annotations

import re
from datetime import timedelta

from playwright.async_api import Page, expect

from services.core import commands as c
from services.core.codes import CloseReason, CompanySize, ErrorReason, Flame, PolicyName, Stage, Status, Substatus
from services.core.mail import MailKind
from tests.builders import START, make_partner
from tests.portal.browser import Desk

_OPEN_ALL = """() => {
    const answers = [...document.querySelectorAll('details.answer')]
    answers.forEach(each => { each.open = true })
    return answers.length
}"""

#: Whether the star stands in the line of the title, at its end.
_STAR_BESIDE = """() => {
    const [title, star] = ['h1', '.star'].map(each => document.querySelector(each).getBoundingClientRect())
    return star.left >= title.right && star.top < title.bottom
}"""


async def submitted(page: Page, selector: str) -> None:
    """Press a button and wait for the page that follows."""
    async with page.expect_navigation():
        await page.locator(selector).click()


async def taken(page: Page, selector: str) -> str:
    """What a link or a button gives to take along."""
    async with page.expect_download() as download:
        await page.locator(selector).click()
    return (await (await download.value).path()).read_text(encoding="utf-8")


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


async def test_inbox(desk: Desk) -> None:
    world = desk.world
    page = await desk.signed_in()
    await page.goto("/inbox")
    await desk.look(page, "empty")
    for n in range(1, 31):
        flame = {3: Flame.RAISED, 4: Flame.OVERDUE}.get(n, Flame.NONE)
        await world.add_referral(
            n, flame=flame, size=CompanySize.S51_250, expires_at=START + timedelta(days=1, hours=n)
        )
    await world.add_referral(31, title="Needle in the haystack", expires_at=START + timedelta(days=9))
    await page.goto("/inbox")
    await expect(page.locator("[data-walk]")).to_have_count(25)
    await desk.look(page, "first")
    await page.locator("a[rel=next]").click()
    await expect(page.locator("[data-walk]")).to_have_count(6)
    await page.locator("details.filters summary").click()
    await page.fill("#text", "needle")
    await desk.look(page, "filter")
    await page.locator("search form button").click()
    await expect(page.locator("[data-walk]")).to_have_count(1)
    await page.fill("#filter-name", "Hay")
    await submitted(page, "form[action='/filters'] button")
    await expect(page.get_by_role("link", name="Hay", exact=True)).to_be_visible()
    await page.locator(".star").click()
    await expect(page.locator(".star")).to_have_attribute("aria-pressed", "true")
    await desk.look(page, "found")
    await page.goto("/inbox?starred=1")
    await expect(page.locator("[data-walk]")).to_have_text("Needle in the haystack")
    await submitted(page, "form[action='/filters/remove'] button")
    await expect(page.get_by_role("link", name="Hay", exact=True)).to_have_count(0)


async def test_keyboard(desk: Desk) -> None:
    for n in range(1, 4):
        await desk.world.add_referral(n)
    page = await desk.signed_in()
    await page.goto("/inbox")
    await page.keyboard.press("Tab")
    await expect(page.locator(".skip")).to_be_focused()
    if desk.scripts:
        await page.keyboard.press("j")
        await page.keyboard.press("j")
        await expect(page.locator("[data-walk]").nth(1)).to_be_focused()
        await page.keyboard.press("k")
        await page.keyboard.press("Enter")
        await expect(page).to_have_url(re.compile("/referrals/"))
        await page.goto("/inbox")
        await page.keyboard.press("/")
        await expect(page.locator("[data-search]")).to_be_focused()
    # Single keys can be turned off (WCAG 2.1.4); where there are none there is no switch.
    await page.goto("/team")
    await expect(page.locator("[data-keys]")).to_be_visible(visible=desk.scripts)
    if desk.scripts:
        await page.locator("[data-keys]").uncheck()
        await page.goto("/inbox")
        await page.keyboard.press("j")
        await expect(page.locator("[data-walk]:focus")).to_have_count(0)
        await page.goto("/team")
        await expect(page.locator("[data-keys]")).not_to_be_checked()


async def test_answer(desk: Desk) -> None:
    world = desk.world
    referral = await world.add_referral(1, contact_requested=True)
    page = await desk.signed_in()
    await page.goto(f"/referrals/{referral.id}")
    await desk.look(page, "new")
    for width in (320, 1280):
        await page.set_viewport_size({"width": width, "height": 800})
        assert await page.evaluate(_STAR_BESIDE)
    assert "BEGIN:VEVENT" in await taken(page, "a[href$='/deadline.ics']")
    if desk.scripts:
        while (await world.referral(referral.id)).substatus is not Substatus.RECEIVED:
            await page.wait_for_timeout(20)
    await submitted(page, "form[action$='/contact'] button")
    await expect(page.locator("a[href^='mailto:']")).to_be_visible()
    assert "BEGIN:VCARD" in await taken(page, "form[action$='/contact.vcf'] button")
    await page.locator("#accept > summary").click()
    await page.locator("#accept form summary").click()
    await page.fill("#accept-team-1-firstName", "Carl")
    await page.fill("#accept-dealValue-amount", "viel")
    await page.fill("#accept-closingDate", "2020-01-01")
    await desk.look(page, "accept")
    await submitted(page, "#accept button")
    await expect(page.locator("#accept-dealValue-amount")).to_have_value("viel")
    await expect(page.locator("#accept-dealValue-amount")).to_have_attribute("aria-invalid", "true")
    await desk.look(page, "problems")
    await page.fill("#accept-engagementName", "Azure for Acme")
    await page.fill("#accept-dealValue-amount", "48000")
    await page.fill("#accept-closingDate", "2027-01-31")
    await expect(page.locator("#accept-person-firstName")).to_have_value("Carl")
    await page.fill("#accept-person-lastName", "Gil")
    await page.fill("#accept-person-email", "carl@partner1.example")
    await page.locator("#accept form summary").click()
    await page.fill("#accept-team-1-firstName", "Bea")
    await page.fill("#accept-team-1-lastName", "Gil")
    await page.fill("#accept-team-1-email", "bea@partner1.example")
    await submitted(page, "#accept button")
    accepted = await world.referral(referral.id)
    assert (accepted.status, [each.first_name for each in accepted.team]) == (Status.ACTIVE, ["Carl", "Bea"])
    await desk.look(page, "accepted")
    await submitted(page, "form[action$='/undo'] button")
    assert (await world.referral(referral.id)).status is Status.NEW
    await world.ports.commands.execute(referral.id, c.Withdraw(by="customer"))
    await page.locator("#accept > summary").click()
    await submitted(page, "#accept button")
    await expect(page.locator("main p[role=alert]")).to_be_visible()
    await desk.look(page, "late")


async def test_deal(desk: Desk) -> None:
    world = desk.world
    referral = await world.add_referral(1)
    page = await desk.signed_in()
    await page.goto(f"/referrals/{referral.id}")
    await page.locator("#accept > summary").click()
    await page.fill("#accept-dealValue-amount", "48000")
    await page.fill("#accept-closingDate", "2027-01-31")
    await submitted(page, "#accept button")
    await page.locator("#edit > summary").click()
    await page.fill("#edit-notes", "They call back on Monday.")
    await submitted(page, "#edit button")
    await page.locator("#contact-person > summary").click()
    await page.fill("#contact-person-person-firstName", "Bea")
    await page.fill("#contact-person-person-lastName", "Gil")
    await page.fill("#contact-person-person-email", "bea@partner1.example")
    await submitted(page, "#contact-person button")
    await page.locator("#won > summary").click()
    # Whatever may be done now stands open at once: edit, contact, won, lost, error.
    assert await page.evaluate(_OPEN_ALL) == 5
    await desk.look(page, "active")
    await page.fill("#won-finalValue-amount", "51000")
    await submitted(page, "#won button")
    assert (await world.referral(referral.id)).substatus is Substatus.WON
    await desk.look(page, "won")
    for action, reason, ended in (
        ("lost", CloseReason.BUDGET, Substatus.LOST),
        ("error", ErrorReason.TEST_REFERRAL, Substatus.ERROR),
    ):
        await submitted(page, "form[action$='/undo'] button")
        await page.locator(f"#{action} > summary").click()
        await page.select_option(f"#{action}-reason", reason)
        await submitted(page, f"#{action} button")
        assert (await world.referral(referral.id)).substatus is ended
    await page.goto("/archived")
    await expect(page.locator("[data-walk]")).to_have_count(1)


async def test_decline(desk: Desk) -> None:
    world = desk.world
    referral = await world.add_referral(1)
    page = await desk.signed_in()
    await page.goto(f"/referrals/{referral.id}")
    await page.locator("#decline > summary").click()
    await page.select_option("#decline-reason", "other")
    await submitted(page, "#decline button")
    await desk.look(page, "problems")
    await page.fill("#decline-notes", "We closed that office.")
    await submitted(page, "#decline button")
    assert (await world.referral(referral.id)).substatus is Substatus.DECLINED
    await desk.look(page, "declined")


async def test_classic(desk: Desk) -> None:
    world = desk.world
    await world.add_referral(1, policy=PolicyName.CLASSIC, flame=Flame.OVERDUE)
    await world.stores.partners.put_partners([make_partner(1, policy=PolicyName.CLASSIC, version=2)])
    page = await desk.signed_in()
    await page.goto("/inbox")
    await page.locator("[data-walk]").click()
    await page.wait_for_url(re.compile("/referrals/"))
    await desk.look(page, "new")
    await submitted(page, "form[action$='/interest'] button")
    id_ = page.url.rpartition("/")[2]
    assert (await world.referral(id_)).stage is Stage.EVALUATING
    await page.goto("/evaluating")
    await expect(page.locator("[data-walk]")).to_have_count(1)


async def test_not_here(desk: Desk) -> None:
    referral = await desk.world.add_referral(1, partner=2)
    page = await desk.signed_in()
    await page.goto(f"/referrals/{referral.id}")
    await desk.look(page, "foreign")
    assert referral.title not in await page.content()
