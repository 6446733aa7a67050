"""A partner's day in a real browser on a real database: look through the inbox, answer, work the deal."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

from playwright.async_api import Page, expect

from services.core import commands as c
from services.core.codes import (
    Channel,
    CloseReason,
    CompanySize,
    ErrorReason,
    Flame,
    PolicyName,
    Stage,
    Status,
    Substatus,
)
from services.core.rfi import Money
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

#: When a referral of START must be answered, as a reader in Tokyo is told: fourteen days later, at 9:00 UTC.
_DUE = {
    "en": "March 16, 2026, 18:00 (Japan Standard Time) (13 days left)",
    "es": "16 de marzo de 2026, 18:00 (hora estándar de Japón) (quedan 13 días)",
}

#: What is looked for among many, and how each of some others differs from it: by size, channel, amount, currency.
_NEEDLE: dict[str, Any] = {
    "keywords": ("zeppelin",),
    "size": CompanySize.S1_9,
    "channel": Channel.SEARCH,
    "budget": Money(amount=Decimal(48_000), currency="EUR"),
}
_ALMOST: dict[int, dict[str, Any]] = {
    27: {"size": CompanySize.S51_250},
    28: {"channel": Channel.SALES},
    29: {"budget": Money(amount=Decimal(52_000), currency="EUR")},
    30: {"budget": Money(amount=Decimal(48_000), currency="USD")},
}


async def submitted(page: Page, selector: str) -> None:
    """Press a button and wait for the page that follows."""
    async with page.expect_navigation():
        await page.locator(selector).click()


async def narrowed(page: Page, to: int, **fields: str) -> None:
    """Ask a list for what these fields say too; so many are left of it."""
    for name, value in fields.items():
        field = page.locator(f"search #{name}")
        await (field.select_option(value) if name in {"size", "channel"} else field.fill(value))
    await page.locator("search form button").click()
    await expect(page.locator("[data-walk]")).to_have_count(to)


async def taken(page: Page, selector: str) -> str:
    """What a link or a button gives to take along."""
    async with page.expect_download() as download:
        await page.locator(selector).click()
    return (await (await download.value).path()).read_text(encoding="utf-8")


async def test_inbox(desk: Desk) -> None:
    world = desk.world
    page = await desk.signed_in()
    await page.goto("/inbox")
    await desk.look(page, "empty")
    for n in range(1, 31):
        flame = {3: Flame.RAISED, 4: Flame.OVERDUE}.get(n, Flame.NONE)
        told = _NEEDLE | _ALMOST[n] if n in _ALMOST else {"size": CompanySize.S51_250}
        await world.add_referral(n, flame=flame, expires_at=START + timedelta(days=1, hours=n), **told)
    await world.add_referral(31, title="Needle in the haystack", expires_at=START + timedelta(days=9), **_NEEDLE)
    await page.goto("/inbox")
    await expect(page.locator("[data-walk]")).to_have_count(25)
    await desk.look(page, "first")
    await page.locator("a[rel=next]").click()
    await expect(page.locator("[data-walk]")).to_have_count(6)
    await page.locator("details.filters summary").click()
    await narrowed(page, 1, text="needle")
    await narrowed(page, 5, text="zeppelin")
    await narrowed(page, 4, size=CompanySize.S1_9)
    await narrowed(page, 3, channel=Channel.SEARCH, worth_from="47000", worth_to="49000")
    # Amounts are looked for in a currency.
    await expect(page.locator("#list .alert").first).to_be_visible()
    await desk.look(page, "filter")
    await narrowed(page, 1, currency="EUR")
    await page.fill("#filter-name", "Hay")
    await submitted(page, "form[action='/filters'] button")
    await page.goto("/inbox")
    await page.get_by_role("link", name="Hay", exact=True).click()
    await expect(page.locator("[data-walk]")).to_have_text("Needle in the haystack")
    await expect(page.locator("#size")).to_have_value(CompanySize.S1_9)
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
    page = await desk.signed_in(time_zone="Asia/Tokyo")
    await page.goto(f"/referrals/{referral.id}")
    await expect(page.locator("main")).to_contain_text(_DUE[desk.language])
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
    referral = await world.add_referral(1, contact_requested=True)
    page = await desk.signed_in()
    await page.goto(f"/referrals/{referral.id}")
    await expect(page.locator("main [role=note] img[src*=flame]")).to_be_visible()
    await world.time_passes(timedelta(hours=72))
    await page.reload()
    await expect(page.locator("main [role=note] img[src*=waiting]")).to_be_visible()
    await expect(page.locator("main [role=note]")).to_contain_text("72")
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
