"""A sales desk's tools in a real browser: figures, the morning's mail, a list as a spreadsheet and answers from one."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.async_api import expect

from services.core.accounts import Notify
from services.core.codes import Status
from services.core.ids import user_id
from tests.builders import make_referral, make_rfi
from tests.contract.insight_suite import some_of_each
from tests.portal.browser import Desk
from tests.portal.test_insights_page import MEDIANS
from tests.portal.test_partner_journeys import submitted


async def test_insights(desk: Desk) -> None:
    await desk.world.stores.referrals.add(some_of_each())
    await desk.world.stores.insights.put_medians(MEDIANS)
    page = await desk.signed_in()
    await page.goto("/insights")
    await expect(page.locator("svg.chart")).to_have_count(6)
    await desk.look(page, "figures")
    async with page.expect_navigation():
        await page.locator("a[href='/insights?days=30']").click()
    await expect(page.locator("a[aria-current=page][href='/insights?days=30']")).to_be_visible()


async def test_sheets(desk: Desk, tmp_path: Path) -> None:
    world = desk.world
    referral = await world.add_referral(1)
    await world.stores.rfis.add([make_rfi(2)])
    await world.stores.referrals.add([make_referral(2)])
    page = await desk.signed_in()
    await page.goto("/team")
    await page.locator("input[name=notify][value=digest]").check()
    await submitted(page, "#settings-form button")
    await expect(page.locator("input[name=notify][value=digest]")).to_be_checked()
    user = user_id("ana@partner1.example")
    assert (await world.stores.users.load([user]))[user].notify is Notify.DIGEST
    await page.goto("/inbox")
    await page.locator("details.filters summary").click()
    await page.select_option("#region", "ES")
    if not desk.scripts:
        await submitted(page, "search form button")
    await page.select_option("#subdivision", "ES-AN")
    await page.locator("search form button").click()
    await expect(page.locator("button[name=list]")).to_have_attribute(
        "value", re.compile("region=ES&subdivision=ES-AN")
    )
    await desk.look(page, "region")
    async with page.expect_download() as download:
        await page.locator("button[name=list]").click()
    sheet = tmp_path / "referrals.csv"
    await (await download.value).save_as(sheet)
    assert referral.id in sheet.read_text(encoding="utf-8")
    await page.goto("/sheets")
    sheet.write_text(f"Id,Status,Closing date\n{referral.id},Open,soon\nmissing,Active,\n", encoding="utf-8")
    await page.set_input_files("#file", sheet)
    await submitted(page, "#import-form button")
    await expect(page.locator("#done tbody tr")).to_have_count(2)
    await desk.look(page, "refused")
    answer = "Id,Status,Deal value,Currency,Closing date\n{},Active,9000,EUR,2026-05-01\n"
    sheet.write_text(answer.format(referral.id), encoding="utf-8")
    await page.set_input_files("#file", sheet)
    await submitted(page, "#import-form button")
    await expect(page.locator("#done .notice")).to_be_visible()
    assert (await world.referral(referral.id)).status is Status.ACTIVE
