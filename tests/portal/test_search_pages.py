"""The provider search, for anybody: found by need, place and size; several chosen; one request, once; bounds."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import httpx
import orjson
from playwright.async_api import expect

from schemas.topics import Topic
from services.core.codes import CompanySize
from services.core.ids import rfi_id
from services.core.rfi import Place
from services.portal.pace import SENT_AS_PER_HOUR, SENT_PER_HOUR
from services.portal.pages.search_request import SOURCE
from tests.builders import make_partner, make_profile
from tests.portal.browser import Desk
from tests.portal.test_choosing_another import caught_up, network
from tests.portal.test_partner_journeys import submitted
from tests.portal.world import Browser, PortalWorld

_TOKEN = re.compile(r'name="token" value="([^"]*)"')
FILLED = {
    "need.title": "Move our order system to the cloud",
    "need.description": "Twelve servers",
    "need.timeframe": "within90days",
    "country": "ES",
    "where": "Sevilla",
    "customer.company": "Aceites del Sur",
    "customer.contact.firstName": "Ana",
    "customer.contact.lastName": "Molina",
    "customer.contact.email": "ana@aceites.example",
    "consent.contact": "on",
    "consent.share": "on",
}


async def form_for(browser: Browser, *partners: int) -> dict[str, Any]:
    """The fields of a form for these partners, as a page of ours holds them."""
    ids = [make_partner(n).id for n in partners]
    page = await browser.get("/search/request", params={"country": "ES", "q": "cloud", "partner": ids})
    assert page.status_code == 200
    (token,) = _TOKEN.findall(page.text)
    return {**FILLED, "token": token, "q": "cloud", "partner": ids}


async def sent(browser: Browser, fields: dict[str, Any]) -> httpx.Response:
    return await browser.submit("/search/request", fields)


def submissions(world: PortalWorld) -> list[dict[str, Any]]:
    return [orjson.loads(record.value or b"") for record in world.log.records(Topic.RFI_SUBMITTED)]


async def test_a_filter_that_nobody_passes_stays_there_to_be_taken_back(world: PortalWorld) -> None:
    await network(world)
    page = (await world.client().get("/search", params={"country": "ES", "speaks": "fi", "industry": "Bees"})).text
    assert "Nobody fits." in page
    for name, value in (("speaks", "fi"), ("industry", "Bees")):
        assert re.search(rf'name="{name}" value="{value}" checked', page)


async def test_partners_are_found_by_need_place_and_size_without_a_sign_in(world: PortalWorld) -> None:
    far = make_profile(5, version=2, serves=(Place(country="PT"),))
    await network(world)
    await world.stores.partners.put_profiles([far])
    await caught_up(world)
    page = (await world.client().get("/search", params={"q": "cloud", "country": "ES", "where": "Sevilla"})).text
    for n in range(1, 5):
        assert make_partner(n).name in page
        assert make_profile(n).locations[0].contact.email not in page
        assert make_profile(n).locations[0].contact.last_name not in page
        assert make_partner(n).admin.email not in page
    assert make_partner(5).id not in page
    assert "4 partners" in page


async def test_words_that_nobody_offers_an_unknown_country_and_no_country_are_said(world: PortalWorld) -> None:
    await network(world)
    browser = world.client()
    assert "Nobody fits" in (await browser.get("/search", params={"q": "submarines", "country": "ES"})).text
    assert "do not know this country" in (await browser.get("/search", params={"q": "x", "country": "Atlantis"})).text
    assert "Choose a country" in (await browser.get("/search", params={"q": "cloud"})).text
    assert (await browser.get("/search")).status_code == 200


async def test_chosen_partners_stay_chosen_when_the_search_changes(world: PortalWorld) -> None:
    await network(world)
    chosen = make_partner(2)
    page = await world.client().get("/search", params={"q": "submarines", "country": "ES", "partner": chosen.id})
    assert re.search(rf'name="partner" value="{chosen.id}" checked', page.text)


async def test_filters_narrow_what_is_found_and_stay(world: PortalWorld) -> None:
    await network(world, make_profile(1, version=2, industries=("Banking",)))
    await caught_up(world)
    page = (await world.client().get("/search", params={"q": "cloud", "country": "ES", "industry": "Banking"})).text
    assert "1 partner<" in page
    assert re.search(r'name="industry" value="Banking" checked', page)


async def test_one_request_goes_to_all_that_were_chosen(world: PortalWorld) -> None:
    await network(world)
    browser = world.client()
    answer = await sent(browser, await form_for(browser, 1, 3))
    assert (answer.status_code, answer.headers["location"]) == (303, "/search/sent")
    (data,) = submissions(world)
    assert data["channel"] == "search"
    assert data["selectedPartners"] == [make_partner(n).id for n in (1, 3)]
    assert data["need"]["place"] == {"country": "ES", "subdivision": "ES-SE"}
    assert data["need"]["keywords"] == ["cloud"]
    assert data["consent"] == {"contact": True, "share": True}
    page = (await browser.get("/search/sent")).text
    assert "We mail you a link" in page
    assert "/requests/" not in page


async def test_a_double_click_is_one_request_and_another_form_another(world: PortalWorld) -> None:
    await network(world)
    browser = world.client()
    fields = await form_for(browser, 1)
    for _ in range(2):
        assert (await sent(browser, fields)).status_code == 303
        world.clock.advance(timedelta(seconds=3))
    one, again = submissions(world)
    assert one == again
    changed = await sent(browser, {**fields, "need.title": "Something else"})
    assert changed.status_code == 409
    assert "was sent before" in changed.text
    assert (await sent(browser, await form_for(browser, 1))).status_code == 303
    ids = {rfi_id(SOURCE, data["id"]) for data in submissions(world)}
    assert len(ids) == 2


async def test_every_problem_is_said_at_once_and_what_was_entered_stays(world: PortalWorld) -> None:
    await network(world)
    browser = world.client()
    fields = await form_for(browser, 1)
    emptied = {"need.title": "", "customer.company": "", "customer.contact.firstName": "", "country": ""}
    kept = {name: value for name, value in fields.items() if not name.startswith("consent")}
    answer = await sent(browser, {**kept, **emptied, "customer.contact.email": "nobody"})
    assert answer.status_code == 422
    # As the form has them.
    assert re.findall(r'href="#request-([\w-]+)"', answer.text) == [
        *("need-title", "country", "customer-company", "customer-contact-firstName", "customer-contact-email"),
        *("consent-contact", "consent-share"),
    ]
    assert "Molina" in answer.text
    assert not submissions(world)
    (token,) = _TOKEN.findall(answer.text)
    assert (await sent(browser, {**fields, "token": token})).status_code == 303


async def test_nobody_chosen_leads_back_and_who_takes_no_requests_is_left_out(world: PortalWorld) -> None:
    await network(world)
    browser = world.client()
    nobody = await browser.get("/search/request", params={"country": "ES", "q": "cloud"})
    assert nobody.status_code == 422
    assert "Choose at least one partner" in nobody.text
    fields = await form_for(browser, 1, 2)
    await world.stores.partners.put_profiles([make_profile(2, version=2, active=False)])
    answer = await sent(browser, fields)
    assert answer.status_code == 422
    assert "take no requests now" in answer.text
    assert (await sent(browser, {**fields, "partner": [make_partner(1).id]})).status_code == 303


async def test_a_form_that_is_not_ours_or_too_old_or_of_another_site_sends_nothing(world: PortalWorld) -> None:
    await network(world)
    browser = world.client()
    fields = await form_for(browser, 1)
    assert (await sent(browser, {**fields, "token": "made up"})).status_code == 403
    foreign = await browser.post("/search/request", data=fields, headers={"sec-fetch-site": "cross-site"})
    assert foreign.status_code == 403
    world.clock.advance(timedelta(hours=25))
    assert (await sent(browser, fields)).status_code == 403
    assert not submissions(world)


async def test_a_program_that_fills_in_everything_is_told_to_leave_a_field_empty(world: PortalWorld) -> None:
    await network(world)
    browser = world.client()
    fields = await form_for(browser, 1)
    answer = await sent(browser, {**fields, "nickname": "best offers"})
    assert answer.status_code == 422
    assert "Leave this field empty" in answer.text
    assert not submissions(world)


async def test_an_address_and_a_mailbox_send_so_many_an_hour(world: PortalWorld) -> None:
    await network(world)
    browser = world.client()
    for _ in range(SENT_AS_PER_HOUR):
        assert (await sent(browser, await form_for(browser, 1))).status_code == 303
    late = await sent(browser, await form_for(browser, 1))
    assert late.status_code == 429
    assert "Wait an hour" in late.text
    other = {**await form_for(browser, 1), "customer.contact.email": "eva@other.example"}
    assert (await sent(browser, other)).status_code == 303
    statuses = [(await sent(browser, {**other, "need.title": "x"})).status_code for _ in range(SENT_PER_HOUR)]
    assert statuses[0] == 422
    assert statuses[-1] == 429


async def test_looking_sends_nothing_and_before_the_partners_are_loaded_the_page_says_so(world: PortalWorld) -> None:
    browser = world.client()
    page = await browser.get("/search", params={"q": "cloud", "country": "ES"})
    assert page.status_code == 200
    assert "still being loaded" in page.text
    assert not submissions(world)


async def test_a_search(desk: Desk) -> None:
    world = desk.world
    # Each of the others is left out by one thing: an industry, an offer, a language, a size.
    await network(
        world,
        make_profile(1, version=2, industries=("Retail",)),
        make_profile(2, version=2, products=("Business Central",)),
        make_profile(4, version=2, languages=("en",)),
        make_profile(5, version=2, sizes=(CompanySize.S1_9,)),
    )
    await caught_up(world)
    page = await desk.page()
    await page.goto("/search")
    await desk.look(page, "empty")
    await page.fill("#q", "cloud")
    await page.select_option("#country", "ES")
    await page.fill("#where", "Sevilla")
    await page.select_option("#size", CompanySize.S51_250)
    await submitted(page, "main form > button")
    found = page.locator("main .cards h3")
    await expect(found).to_have_count(4)
    await page.check(f"input[name=partner][value='{make_partner(1).id}']")
    await page.locator("details.filters summary").click()
    for name, value in {"industry": "manufacturing", "offer": "azure", "speaks": "es"}.items():
        await page.check(f"input[name={name}][value='{value}']")
    await submitted(page, "details.filters button")
    await expect(found).to_have_text([make_partner(3).name])
    await page.check(f"input[name=partner][value='{make_partner(3).id}']")
    await desk.look(page, "found")
    await submitted(page, "button[formaction]")
    await submitted(page, "form[action='/search/request'] button")
    await desk.look(page, "wrong")
    for name, value in FILLED.items():
        if name.startswith(("customer.", "need.desc")):
            await page.fill(f"[name='{name}']", value)
    await page.check("[name='consent.contact']")
    await page.check("[name='consent.share']")
    await desk.look(page, "filled")
    await submitted(page, "form[action='/search/request'] button")
    await desk.look(page, "sent")
    (data,) = submissions(world)
    assert data["selectedPartners"] == [make_partner(n).id for n in (1, 3)]
    assert data["language"] == desk.language
