"""An operator's day in a real browser: what was put aside, the audit, the rules, and a customer's data erased."""

from __future__ import annotations

import orjson
from playwright.async_api import expect

from schemas.topics import Topic
from services.audit.report import Fault, Finding, Report
from services.core.aside import Letters
from services.core.mail import JobState, JobUpdate
from tests.builders import START, make_partner, make_profile, make_referral
from tests.contract.foreign_id_suite import make_ask
from tests.contract.job_suite import make_job
from tests.portal.browser import Desk
from tests.portal.test_customer_page import asked
from tests.portal.test_erasure_pages import EMAIL, stored
from tests.portal.test_operator_pages import BAD, published, put_aside, refused
from tests.portal.test_operator_proofs import OTHER, Looks, auditing
from tests.portal.test_partner_journeys import submitted


async def test_an_operator(desk: Desk) -> None:
    world = desk.world
    refusal, letter, rfi = await refused(world), await put_aside(world), await asked(world, 1, 2)
    mended_later = await put_aside(world, offset=4)
    mail, failed = [make_job(n, rfi_id=rfi.id, referral_id=make_referral(1, partner=1).id) for n in (1, 2)]
    await world.stores.jobs.add_leased([mail, failed], "notifier", START)
    given_up = JobUpdate(job_id=failed.id, state=JobState.FAILED, attempts=9, last_error="421 busy")
    await world.stores.jobs.finish([given_up], "notifier")
    parked = make_referral(9)
    await world.stores.referrals.add([parked])
    await world.stores.referrals.defer(parked.id, parked.version, START, 8, parked=True)
    page = await desk.signed_in(partner=None)
    for name, path in {
        "overview": "/operator",
        "refused": "/operator/refused",
        "letters": "/operator/letters",
        "parked": "/operator/parked",
        "partners": "/operator/partners",
        "request": f"/operator/requests/{rfi.id}",
        "refusal": f"/operator/refused/{refusal}",
        "letter": f"/operator/letters/{letter}",
    }.items():
        await page.goto(path)
        await desk.look(page, name)
    await page.fill("#why", "seen")
    await submitted(page, "form[action$='/drop'] button")
    await desk.look(page, "dropped")
    await page.goto(f"/operator/letters/{mended_later}")
    await submitted(page, "form[action$='/replay'] button")
    assert await world.stores.aside.letters(Letters(), 10) == []
    assert [sent.value for sent in published(world, Topic.RFI_ACCEPTED)] == [BAD]
    await page.goto(f"/operator/refused/{refusal}")
    await page.fill("#mended", '{"id": "crm-7", "mended": true}')
    await submitted(page, "form[action$='/replay'] button")
    assert [orjson.loads(sent.value or b"") for sent in published(world, Topic.RFI_SUBMITTED)] == [
        {"id": "crm-7", "mended": True}
    ]
    await page.goto("/operator/parked")
    await submitted(page, "form[action='/operator/parked/release'] button")
    assert await world.stores.aside.parked(10) == []
    await submitted(page, "form[action='/operator/parked/retry'] button")
    assert (await world.stores.jobs.load([failed.id]))[failed.id].state is JobState.PENDING
    await expect(page.locator("main form")).to_have_count(0)
    await page.goto("/operator/partners")
    await page.fill("#text", "ner 2")
    await submitted(page, "search button")
    await expect(page.locator("main h2")).to_have_text([make_partner(2).name])


async def test_the_pages_of_audit_and_rules_can_be_used_by_everybody(desk: Desk) -> None:
    report = Report()
    report.count("RFIs accepted", 3)
    report.add([Finding(Fault.MISSING, "routing", "rfi-1", "was accepted and never routed")])
    looks = Looks(report)
    looks.may_end.set()
    auditing(desk.world, looks)
    await asked(desk.world, 1, 2)
    await desk.world.stores.partners.put_profiles([make_profile(1), make_profile(2)])
    await desk.world.stores.foreign_asks.note([make_ask(), make_ask(thing_id="r-3")])
    page = await desk.signed_in(None)
    await page.goto("/operator/audit")
    await page.click("main form button")
    await page.goto("/operator/audit")
    await page.wait_for_selector("#findings")
    await desk.look(page, "operator-audit")
    await page.goto("/operator/rules")
    await page.fill("#draft", OTHER)
    await page.click("#draft + button")
    await page.wait_for_selector("#tried")
    await desk.look(page, "operator-rules")
    await submitted(page, "form[action='/operator/rules'] button")
    held = await desk.world.stores.rules.current()
    assert held is not None
    assert (held.id, held.rules.fit) == ("rules-of-autumn", 0.5)
    await page.fill("#draft", "version: rules-3\nfit: 7\nspeling: 1\n")
    await submitted(page, "#draft + button")
    await expect(page.locator("main [role=alert] li")).to_have_count(3)
    await desk.look(page, "operator-rules-wrong")


async def test_the_pages_of_erasing_can_be_used_by_everybody(desk: Desk) -> None:
    rfi, other = [await asked(desk.world, 1, 2, n=n, language=desk.language) for n in (1, 2)]
    page = await desk.signed_in(None)
    await page.goto("/operator/erasure")
    await page.fill("#whose", EMAIL)
    await page.click("form.narrow button")
    await desk.look(page, "operator-erasure")
    mine = await desk.page()
    await mine.goto(desk.world.customer_path(rfi) + "/erase")
    await desk.look(mine, "customer-erase")
    await mine.check("#sure")
    await mine.click("main button")
    await mine.wait_for_url("**" + desk.world.customer_path(rfi))
    await desk.look(mine, "customer-erased")
    assert (await stored(desk.world, other)).erased_at is None
    await submitted(page, "form[action='/operator/erasure'] button")
    assert (await stored(desk.world, other)).erased_at is not None
    await expect(page.locator("section[aria-labelledby=orders] li")).to_have_count(2)
    await desk.look(page, "operator-erased")
