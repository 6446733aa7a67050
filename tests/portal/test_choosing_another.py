"""A customer asks one more partner from its own page: who is suggested, words when it can't be, nothing by looking."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from playwright.async_api import expect

from schemas.topics import Topic
from services.adapters import wire
from services.core.codes import RfiState
from services.core.engagement import WithdrawRfi
from services.core.partner import Profile
from services.core.rfi import Rfi
from services.core.rounds import Answer, cause_in, with_answer
from services.core.wishes import MAX_WISHES, AskPartner
from services.portal.finding import Finder
from tests.builders import START, make_partner, make_profile, make_rfi
from tests.portal.browser import Desk
from tests.portal.test_customer_page import asked
from tests.portal.test_partner_journeys import submitted
from tests.portal.world import PortalWorld


async def network(world: PortalWorld, *profiles: Profile) -> None:
    """Partners 1 to 5 and these profiles, and a finder that has caught up."""
    await world.stores.partners.put_partners([make_partner(n) for n in range(1, 6)])
    await world.stores.partners.put_profiles([*profiles, *(make_profile(n) for n in range(1, 6))])
    await caught_up(world)


async def caught_up(world: PortalWorld) -> None:
    """The finder knows what is stored now."""
    assert isinstance(world.ports.finder, Finder)
    await world.ports.finder.load()


async def stored(world: PortalWorld) -> Rfi:
    rfi: Rfi = (await world.stores.rfis.load([make_rfi().id]))[make_rfi().id]
    return rfi


async def test_the_page_suggests_those_who_do_not_have_it_and_shows_nobody_of_them(world: PortalWorld) -> None:
    rfi = await asked(world, 1, 2)
    await network(world)
    page = (await world.client().get(world.customer_path(rfi))).text
    suggested = page[page.index('id="another"') :]
    for n in (3, 4, 5):
        assert make_partner(n).name in suggested
        assert make_profile(n).locations[0].contact.email not in page
        assert make_partner(n).admin.email not in page
    for n in (1, 2):
        assert make_partner(n).id not in suggested
    assert "cloud" in suggested


async def test_one_more_partner_is_asked_once_however_often_the_button_is_pressed(world: PortalWorld) -> None:
    rfi = await asked(world, 1)
    await network(world)
    browser, path = world.client(), world.customer_path(rfi)
    await browser.get(path)
    for _ in range(2):
        answer = await browser.submit(f"{path}/ask", {"partner": make_partner(3).id})
        assert (answer.status_code, answer.headers["location"]) == (303, path)
    later = await stored(world)
    assert [wish.partner_id for wish in later.wishes] == [make_partner(3).id]
    page = (await browser.get(path)).text
    assert f"We are sending your request to {make_partner(3).name}." in page
    assert f'value="{make_partner(3).id}"' not in page


async def test_a_partner_that_declined_can_be_replaced_and_is_not_suggested_again(world: PortalWorld) -> None:
    rfi = await asked(world, 1)
    await network(world)
    browser, path = world.client(), world.customer_path(rfi)
    await browser.get(path)
    answer = await browser.submit(f"{path}/ask", {"partner": make_partner(1).id})
    assert answer.status_code == 422
    assert "has had your request before" in answer.text
    assert (await stored(world)).wishes == ()


async def test_who_takes_no_requests_is_refused_with_words(world: PortalWorld) -> None:
    rfi = await asked(world, 1)
    await network(world)
    await world.stores.partners.put_profiles(
        [
            make_profile(3, version=2, paused_until=world.clock.now() + timedelta(days=3)),
            make_profile(4, version=2, active=False),
        ]
    )
    browser, path = world.client(), world.customer_path(rfi)
    await browser.get(path)
    for partner, words in ((3, "at the moment"), (4, "any more"), (9, "not here any more")):
        answer = await browser.submit(f"{path}/ask", {"partner": make_partner(partner).id})
        assert answer.status_code == 422
        assert words in answer.text
    assert (await stored(world)).wishes == ()
    await caught_up(world)
    page = (await browser.get(path)).text
    assert make_partner(3).id not in page
    assert make_partner(4).id not in page
    assert make_partner(5).id in page


async def test_what_the_router_could_not_grant_is_said(world: PortalWorld) -> None:
    rfi = await asked(world, 1)
    await network(world)
    wanting = await world.ports.commands.execute_rfi(rfi.id, AskPartner(by="customer", partner_id=make_partner(3).id))
    cause = cause_in(wire.event_of(world.log.records(Topic.ENGAGEMENT_EVENTS)[-1]))
    assert cause is not None
    refused = with_answer(wanting, cause, Answer(because="paused", rules="r"), START)
    world.stores.rfis.stored[rfi.id] = refused
    page = (await world.client().get(world.customer_path(rfi))).text
    assert f"{make_partner(3).name} takes no requests at the moment" in page


async def test_a_closed_request_and_too_many_wishes_are_refused(world: PortalWorld) -> None:
    rfi = await asked(world, 1)
    await network(world)
    browser, path = world.client(), world.customer_path(rfi)
    await browser.get(path)
    for n in range(MAX_WISHES):
        await world.ports.commands.execute_rfi(rfi.id, AskPartner(by="customer", partner_id=f"partner-{n}"))
    answer = await browser.submit(f"{path}/ask", {"partner": make_partner(3).id})
    assert answer.status_code == 422
    assert "as many more partners as a request allows" in answer.text
    await world.ports.commands.execute_rfi(rfi.id, WithdrawRfi(by="customer"))
    late = await browser.submit(f"{path}/ask", {"partner": make_partner(3).id})
    assert late.status_code == 409
    assert "you had decided before" in late.text
    assert 'id="another"' not in late.text


async def test_a_request_that_nobody_fitted_has_the_choice_as_well(world: PortalWorld) -> None:
    rfi = await asked(world)
    world.stores.rfis.stored[rfi.id] = replace(rfi, state=RfiState.NO_MATCH)
    await network(world)
    browser, path = world.client(), world.customer_path(rfi)
    assert make_partner(1).id in (await browser.get(path)).text
    assert (await browser.submit(f"{path}/ask", {"partner": make_partner(1).id})).status_code == 303


async def test_before_the_partners_are_loaded_the_page_says_so(world: PortalWorld) -> None:
    rfi = await asked(world, 1)
    page = await world.client().get(world.customer_path(rfi))
    assert page.status_code == 200
    assert "still being loaded" in page.text


async def test_a_scanner_that_posts_asks_nobody(world: PortalWorld) -> None:
    rfi = await asked(world, 1)
    await network(world)
    path = world.customer_path(rfi)
    answer = await world.client().post(f"{path}/ask", data={"partner": make_partner(3).id})
    assert answer.status_code == 403
    assert (await stored(world)) == rfi


async def test_a_customer_asks_another(desk: Desk) -> None:
    world = desk.world
    rfi = await asked(world, 1, language=desk.language)
    await network(world)
    page = await desk.page()
    # As the button of a mail about a decline leads there.
    await page.goto(f"{world.customer_path(rfi)}#another")
    await desk.look(page, "suggested")
    await submitted(page, f"button[value='{make_partner(4).id}']")
    await desk.look(page, "wanted")
    (wish,) = (await stored(world)).wishes
    assert wish.partner_id == make_partner(4).id
    await page.locator("section[aria-labelledby=withdraw] summary").click()
    await page.select_option("#reason", index=1)
    await submitted(page, "form[action$='/withdraw'] button")
    assert (await stored(world)).state is RfiState.WITHDRAWN
    await expect(page.locator("form[action$='/withdraw']")).to_have_count(0)
