"""The lists: what stands where, filters, paging, favourites, saved filters, and whose they are."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from services.core import commands as c
from services.core.accounts import FILTER_LIMIT, Role
from services.core.codes import CloseReason, Flame, PolicyName
from services.core.listing import Section
from services.core.ports import Change
from services.portal.pages.list_query import ListRequest
from services.portal.ports import PortalOptions
from tests.builders import START, make_partner
from tests.portal.world import BASE, Browser, PortalWorld, portal_world

LINK = re.compile(r'href="/referrals/([0-9a-f-]{36})" data-walk')


def shown(text: str) -> list[str]:
    """The ids of the referrals on a page, in order."""
    return LINK.findall(text)


@pytest.fixture
async def ana(world: PortalWorld) -> Browser:
    await world.stores.partners.put_partners([make_partner(1)])
    return await world.signed_in(1)


async def test_each_section_shows_its_own_and_tells_how_many_there_are(world: PortalWorld, ana: Browser) -> None:
    new, declined = await world.add_referral(1), await world.add_referral(2)
    await world.ports.commands.execute(declined.id, c.Decline(by="partner:x", reason=CloseReason.BUDGET))
    inbox = (await ana.get("/inbox")).text
    assert shown(inbox) == [new.id]
    assert re.search(r"New <span class=\"count\">\(1\)", inbox)
    assert re.search(r"Archived <span class=\"count\">\(1\)", inbox)
    assert "Evaluating" not in inbox
    assert shown((await ana.get("/archived")).text) == [declined.id]
    assert "There is nothing here at the moment." in (await ana.get("/active")).text


async def test_an_empty_list_says_what_comes_next(ana: Browser) -> None:
    nothing_came = (await ana.get("/inbox")).text
    nothing_fits = (await ana.get("/inbox?text=needle")).text
    assert 'a mail tells you. Which ones come follows from what your business profiles say. <a href="/profiles">' in (
        nothing_came
    )
    assert 'Nothing here fits the filter. <a href="/inbox">Show all</a>' in nothing_fits


async def test_who_was_told_to_wait_costs_the_database_no_list() -> None:
    world = portal_world(options=PortalOptions(base_url=BASE, requests_per_minute=3))
    ana = await world.signed_in(1)
    calls: list[str] = world.stores.faults.calls
    assert (await ana.get("/inbox")).status_code == 200
    assert "MemoryListing.page" in calls
    while (await ana.get("/inbox")).status_code == 200:
        assert len(calls) < 1000
    calls.clear()
    assert (await ana.get("/inbox")).status_code == 429
    assert calls == ["MemorySignIns.session", "MemoryUsers.load"]
    for client in world.clients:
        await client.aclose()


async def test_nobody_misses_in_the_figures_what_they_did_themselves(world: PortalWorld, ana: Browser) -> None:
    referral = await world.add_referral(1)
    assert 'New <span class="count">(1)' in (await ana.get("/inbox")).text
    answer = await ana.submit(f"/referrals/{referral.id}/decline", {"reason": CloseReason.BUDGET.value})
    assert answer.status_code == 303
    after = (await ana.get("/inbox")).text
    assert 'New <span class="count">(0)' in after
    assert 'Archived <span class="count">(1)' in after


async def test_a_classic_partner_has_a_section_more(world: PortalWorld, ana: Browser) -> None:
    await world.stores.partners.put_partners([make_partner(1, policy=PolicyName.CLASSIC, version=2)])
    assert "Evaluating" in (await ana.get("/inbox")).text


async def test_another_partners_referrals_are_on_no_page(world: PortalWorld, ana: Browser) -> None:
    mine, theirs = await world.add_referral(1), await world.add_referral(1, partner=2)
    await world.stores.favourites.star(theirs.partner_id, theirs.id, START)
    for path in ("/inbox", "/inbox?starred=1", f"/inbox?text={theirs.id}", "/active", "/archived"):
        assert theirs.id not in shown((await ana.get(path)).text)
    assert shown((await ana.get("/inbox")).text) == [mine.id]


async def test_what_must_be_answered_next_stands_first(world: PortalWorld, ana: Browser) -> None:
    late = await world.add_referral(1, expires_at=START + timedelta(days=9))
    soon = await world.add_referral(2, expires_at=START + timedelta(days=1))
    page = (await ana.get("/inbox")).text
    assert shown(page) == [soon.id, late.id]
    assert "23 hours left" in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("text=migration", True),
        ("text=nothing-like-it", False),
        ("region=ES", True),
        ("region=FR", False),
        ("region=ES&subdivision=ES-AN", True),
        ("region=ES&subdivision=ES-MD", False),
        ("region=FR&subdivision=ES-AN", False),
        ("region=%24ne", True),
        ("flame=1", False),
        ("starred=1", False),
        ("worth_from=1&currency=XXX", False),
        ("worth_from=abc&size=none&channel=x&sort=y&after=z&after=~", True),
        # An instant before the first year, once it is told in UTC.
        ("after=0001-01-01T00:00:00%2B23:59~x", True),
    ],
)
async def test_a_filter_shows_what_fits_and_nonsense_filters_nothing(
    world: PortalWorld, ana: Browser, query: str, found: bool
) -> None:
    await world.add_referral(1)
    assert bool(shown((await ana.get(f"/inbox?{query}")).text)) is found


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("worth_from=999999999", "say in which currency"),
        ("worth_to=5&currency=euro", "say in which currency"),
        ("worth_from=12k&currency=EUR", "write it as a plain number"),
    ],
)
async def test_amounts_that_cannot_be_looked_for_are_named_above_the_list(
    world: PortalWorld, ana: Browser, query: str, said: str
) -> None:
    await world.add_referral(1)
    page = (await ana.get(f"/inbox?{query}")).text
    assert shown(page)
    assert said in page[page.index('id="list"') : page.index("cards")]
    assert '<details class="filters" open>' in page
    assert ("Keep this filter as" in page) is ("currency=EUR" in query)
    for heard in ("worth_from=1&currency=EUR", "currency=EUR", ""):
        assert "left out" not in (await ana.get(f"/inbox?{heard}")).text


@pytest.mark.parametrize("amount", ["0." + "1" * 40, "1e7000", "1e-7000", "NaN", "-1", "1" * 16, "\uff11"])
def test_an_amount_that_no_database_holds_is_not_asked_for(amount: str) -> None:
    asked = ListRequest(Section.ACTIVE, {"worth_from": amount, "worth_to": "12.50", "currency": "EUR"}).query("p", None)
    assert (asked.worth_from, asked.worth_to) == (None, Decimal("12.50"))


async def test_pages_follow_each_other_without_gaps_and_keep_the_filter(world: PortalWorld, ana: Browser) -> None:
    made = {(await world.add_referral(n)).id for n in range(1, 61)}
    seen: list[str] = []
    path: str | None = "/inbox?region=ES"
    pages = 0
    while path:
        page = (await ana.get(path)).text
        seen += shown(page)
        pages += 1
        found = re.search(r'href="([^"]+)" rel="next"', page)
        path = found[1].replace("&amp;", "&") if found else None
    assert (pages, len(seen), set(seen)) == (3, 60, made)


async def test_a_star_is_the_partners_and_is_taken_back_the_same_way(world: PortalWorld, ana: Browser) -> None:
    referral = await world.add_referral(1)
    await ana.get("/inbox")
    answer = await ana.submit(f"/referrals/{referral.id}/star", {"starred": "yes", "next": "/inbox?region=ES"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/inbox?region=ES")
    colleague = await world.signed_in(1, email="bea@partner1.example")
    assert shown((await colleague.get("/inbox?starred=1")).text) == [referral.id]
    part = await ana.submit(f"/referrals/{referral.id}/star", {"starred": "no"}, headers={"hx-request": "true"})
    assert part.text.strip().startswith("<button")
    assert 'aria-pressed="false"' in part.text
    assert not shown((await ana.get("/inbox?starred=1")).text)


async def test_a_row_seen_again_is_as_the_referral_is_now(world: PortalWorld, ana: Browser) -> None:
    referral = await world.add_referral(1, title="Old words", expires_at=START + timedelta(days=1))
    once = (await ana.get("/inbox")).text
    assert (await ana.get("/inbox")).text == once
    for change, said in (({"title": "New words"}, "New words"), ({"flame": Flame.RAISED}, "Contact the customer")):
        assert said not in once
        referral = replace(referral, **change, version=referral.version + 1)
        await world.stores.referrals.save([Change(referral, referral.version - 1)])
        assert said in (await ana.get("/inbox")).text
    assert "Old words" not in (await ana.get("/inbox")).text


async def test_the_time_left_in_a_row_passes(world: PortalWorld, ana: Browser) -> None:
    await world.add_referral(1, expires_at=START + timedelta(hours=4))
    said = []
    for _ in range(4):
        said += re.findall(r"(\d+ \w+ left|The time is over)", (await ana.get("/inbox")).text)
        world.clock.advance(timedelta(hours=1))
    assert said == ["3 hours left", "2 hours left", "60 minutes left", "The time is over"]


async def test_a_row_is_said_to_each_reader_in_its_own_way(world: PortalWorld, ana: Browser) -> None:
    """Language, time zone and role are a person's; the row before was somebody else's."""
    await world.add_referral(1, expires_at=START + timedelta(hours=4))
    await ana.get("/inbox")
    luis = await world.signed_in(1, email="luis@partner1.example", language="es")
    kim = await world.signed_in(1, email="kim@partner1.example", time_zone="Asia/Tokyo")
    vic = await world.signed_in(1, email="vic@partner1.example", role=Role.VIEWER)
    pages = {who: (await who.get("/inbox")).text.split('<ul class="cards">')[1] for who in (ana, luis, kim, vic)}
    assert [("hours left" in each, "Japan" in each, "/star" in each) for each in pages.values()] == [
        (True, False, True),
        (False, False, True),
        (True, True, True),
        (True, False, False),
    ]
    assert (await ana.get("/inbox")).text.split('<ul class="cards">')[1] == pages[ana]


async def test_a_star_is_seen_at_once_in_a_row_seen_before_by_the_partner_alone(
    world: PortalWorld, ana: Browser
) -> None:
    referral = await world.add_referral(1)
    other = await world.signed_in(2)
    await world.add_referral(1, partner=2)
    for wanted, pressed in (("yes", "true"), ("no", "false")):
        await ana.get("/inbox")
        await ana.submit(f"/referrals/{referral.id}/star", {"starred": wanted})
        assert f'aria-pressed="{pressed}"' in (await ana.get("/inbox")).text
        assert 'aria-pressed="false"' in (await other.get("/inbox")).text


async def test_rows_hold_nothing_of_a_session(world: PortalWorld, ana: Browser) -> None:
    await world.add_referral(1)
    await ana.get("/inbox")
    colleague = await world.signed_in(1, email="bea@partner1.example")
    page = (await colleague.get("/inbox")).text
    assert ana.token
    assert ana.token not in page
    assert f'<input type="hidden" name="csrf" value="{colleague.token}">' in page.split('<form id="stars"')[1][:120]


async def test_nobody_stars_anothers_referral_and_a_viewer_none(world: PortalWorld, ana: Browser) -> None:
    theirs, mine = await world.add_referral(1, partner=2), await world.add_referral(1)
    assert (await ana.submit(f"/referrals/{theirs.id}/star", {"starred": "yes"})).status_code == 404
    viewer = await world.signed_in(1, email="vic@partner1.example", role=Role.VIEWER)
    assert "/star" not in (await viewer.get("/inbox")).text
    assert (await viewer.submit(f"/referrals/{mine.id}/star", {"starred": "yes"})).status_code == 403
    assert not await world.stores.favourites.of_partner(mine.partner_id)


async def test_a_filter_is_kept_for_the_person_who_named_it(world: PortalWorld, ana: Browser) -> None:
    await ana.get("/inbox?region=ES")
    path = "/inbox?text=azure&region=ES"
    assert (await ana.submit("/filters", {"name": "Spain", "path": path})).headers["location"] == path
    assert 'href="/inbox?text=azure&amp;region=ES">Spain' in (await ana.get("/active")).text
    colleague = await world.signed_in(1, email="bea@partner1.example")
    assert "Spain" not in (await colleague.get("/inbox")).text.split("<details")[0]
    await ana.submit("/filters/remove", {"name": "Spain", "next": "/active"})
    assert "Remove" not in (await ana.get("/active")).text


@pytest.mark.parametrize("path", ["https://evil.example", "//evil.example/inbox", "/operator", "/inboxes", ""])
async def test_a_filter_is_a_list_of_ours(world: PortalWorld, ana: Browser, path: str) -> None:
    assert (await ana.submit("/filters", {"name": "x", "path": path})).status_code == 404


async def test_a_person_keeps_so_many_filters_only(world: PortalWorld, ana: Browser) -> None:
    for n in range(FILTER_LIMIT):
        assert (await ana.submit("/filters", {"name": f"f{n}", "path": "/inbox?text=a"})).status_code == 303
    told = await ana.submit("/filters", {"name": "more", "path": "/inbox?text=a"})
    assert (told.status_code, "Remove one first." in told.text) == (403, True)
    assert (await ana.submit("/filters", {"name": "f3", "path": "/inbox?text=b"})).status_code == 303


async def test_operators_and_strangers_have_no_inbox(world: PortalWorld) -> None:
    operator = await world.signed_in(None)
    assert (await operator.get("/inbox")).status_code == 404
    answer = await world.client().get("/inbox?text=a")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=%2Finbox%3Ftext%3Da")


async def test_what_a_customer_wrote_is_text_and_never_markup(world: PortalWorld, ana: Browser) -> None:
    await world.add_referral(1, title='<script>alert("x")</script>', company="</ul><b>Acme")
    page = (await ana.get("/inbox")).text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
    assert "</ul><b>" not in page
