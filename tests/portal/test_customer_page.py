"""A customer's own page: who has the request, where each stands, take it back, say who was chosen."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from services.core.codes import CloseReason, RfiState, Status
from services.core.commands import Accept, Decline
from services.core.rfi import Chosen, Money, Rfi, Routing
from tests.builders import START, make_partner, make_person, make_profile, make_referral, make_rfi
from tests.portal.browser import Desk
from tests.portal.test_partner_journeys import submitted
from tests.portal.world import PortalWorld

WHO_CALLS = replace(make_person(), email="carla@partner1.example")


async def asked(world: PortalWorld, *partners: int, n: int = 1, language: str = "en", source: str | None = None) -> Rfi:
    """RFI `n` of a customer with this language, sent to these partners; `source` if not that of our samples."""
    chosen = tuple(
        Chosen(
            partner_id=make_partner(p).id,
            profile_id=make_profile(p).id,
            location_id=make_profile(p).locations[0].id,
            score=0.5,
        )
        for p in partners
    )
    new = make_rfi(n) if source is None else make_rfi(n, source=source)
    customer = replace(new.customer, contact=replace(new.customer.contact, language=language))
    rfi = replace(new, customer=customer, state=RfiState.ROUTED, version=2, routing=Routing(at=START, chosen=chosen))
    await world.stores.rfis.add([rfi])
    await world.stores.partners.put_partners([make_partner(p) for p in partners])
    await world.stores.referrals.add([make_referral(n, partner=p) for p in partners])
    return rfi


def accept() -> Accept:
    return Accept(
        by="partner:ana",
        engagement_name="Move to the cloud",
        deal_value=Money(amount=Decimal(48_000), currency="EUR"),
        closing_date=date(2027, 1, 31),
        notes="secret of the partner",
        team=(WHO_CALLS,),
    )


async def test_the_page_says_who_was_asked_and_where_each_stands(world: PortalWorld) -> None:
    rfi = await asked(world, 1, 2)
    page = (await world.client().get(world.customer_path(rfi))).text
    assert make_partner(1).name in page
    assert make_partner(2).name in page
    assert page.count("Has not answered yet") == 2


async def test_an_answer_shows_when_it_can_no_longer_be_taken_back(world: PortalWorld) -> None:
    rfi = await asked(world, 1)
    referral = make_referral(1, partner=1)
    await world.ports.commands.execute(referral.id, accept(), partner_id=referral.partner_id)
    browser, path = world.client(), world.customer_path(rfi)
    assert "Has accepted" not in (await browser.get(path)).text
    world.clock.advance(timedelta(minutes=6))
    stored = await world.referral(referral.id)
    assert stored.undo is not None
    page = (await browser.get(path)).text
    assert "Has accepted your request" in page
    assert WHO_CALLS.email in page


async def test_what_a_partner_writes_for_itself_is_never_shown(world: PortalWorld) -> None:
    rfi = await asked(world, 1, 2)
    one, two = make_referral(1, partner=1), make_referral(1, partner=2)
    await world.ports.commands.execute(one.id, accept(), partner_id=one.partner_id)
    declined = Decline(by="partner:eva", reason=CloseReason.ABUSE, notes="smells of spam")
    await world.ports.commands.execute(two.id, declined, partner_id=two.partner_id)
    world.clock.advance(timedelta(minutes=6))
    page = (await world.client().get(world.customer_path(rfi))).text
    assert "Cannot take your request" in page
    for private in ("secret of the partner", "48", "smells of spam", "spam", "Abuse"):
        assert private not in page.replace(rfi.need.description, "")


async def test_looking_changes_nothing_and_a_scanner_that_posts_changes_nothing(world: PortalWorld) -> None:
    rfi = await asked(world, 1)
    path = world.customer_path(rfi)
    assert (await world.client().get(path)).status_code == 200
    scanner = world.client()
    assert (await scanner.post(f"{path}/withdraw", data={})).status_code == 403
    assert (await scanner.post(f"{path}/choose", data={"partner": make_partner(1).id})).status_code == 403
    for sure in ({"sure": "yes"}, {"sure": "yes", "csrf": ""}, {"sure": "yes", "csrf": "guess"}):
        assert (await scanner.get(f"{path}/erase")).status_code == 200
        assert (await scanner.head(f"{path}/erase")).status_code == 405
        assert (await scanner.post(f"{path}/erase", data=sure)).status_code == 403
    stored = (await world.stores.rfis.load([rfi.id]))[rfi.id]
    assert stored == rfi
    assert (await world.referral(make_referral(1, partner=1).id)).status is Status.NEW


async def test_a_request_can_be_taken_back_once(world: PortalWorld) -> None:
    rfi = await asked(world, 1)
    browser, path = world.client(), world.customer_path(rfi)
    for _ in range(50):  # Scanners were here before.
        await world.client().get(path)
        await world.client().head(path)
    assert (await world.client().post(f"{path}/withdraw", data={"reason": "noLongerNeeded"})).status_code == 403
    assert (await world.stores.rfis.load([rfi.id]))[rfi.id] == rfi, (
        "whoever only looks, or posts blindly, changes nothing"
    )
    await browser.get(path)
    answer = await browser.submit(f"{path}/withdraw", {"reason": "noLongerNeeded"})
    assert (answer.status_code, answer.headers["location"]) == (303, path)
    page = (await browser.get(path)).text
    assert "You have taken this request back" in page
    assert f"{path}/withdraw" not in page
    taken_back = (await world.stores.rfis.load([rfi.id]))[rfi.id]
    again = await browser.submit(f"{path}/withdraw", {"reason": "noLongerNeeded"})
    assert (again.status_code, again.headers["location"]) == (303, path)
    assert (await browser.get(path)).text == page, "it shows the same again"
    assert (await world.stores.rfis.load([rfi.id]))[rfi.id] == taken_back
    late = await browser.submit(f"{path}/choose", {"partner": make_partner(1).id})
    assert late.status_code == 409
    assert "you had decided before" in late.text


async def test_a_partner_who_was_never_asked_cannot_be_chosen(world: PortalWorld) -> None:
    rfi = await asked(world, 1)
    browser, path = world.client(), world.customer_path(rfi)
    await browser.get(path)
    assert (await browser.submit(f"{path}/choose", {"partner": make_partner(2).id})).status_code == 404
    assert (await world.stores.rfis.load([rfi.id]))[rfi.id].state is RfiState.ROUTED


async def test_a_link_that_somebody_changed_leads_nowhere(world: PortalWorld) -> None:
    rfi, other = await asked(world, 1), await asked(world, 1, n=2)
    signature = world.customer_path(rfi).rpartition(".")[2]
    forged = world.customer_path(other).rpartition(".")[0] + "." + signature
    answer = await world.client().get(forged)
    assert answer.status_code == 404
    assert other.need.title not in answer.text.replace(rfi.need.title, "")
    assert (await world.client().get(f"/requests/{rfi.id}")).status_code == 404


async def test_a_customer(desk: Desk) -> None:
    world = desk.world
    rfi = await asked(world, 1, 2, 3, language=desk.language)
    accepted = make_referral(1, partner=2)
    await world.ports.commands.execute(accepted.id, accept(), partner_id=accepted.partner_id)
    world.clock.advance(timedelta(minutes=6))
    page = await desk.page()
    await page.goto(world.customer_path(rfi))
    await desk.look(page, "asked")
    await page.locator("section summary").click()
    await desk.look(page, "withdraw")
    await submitted(page, f"button[value='{make_partner(2).id}']")
    await desk.look(page, "chosen")
    stored = (await world.stores.rfis.load([rfi.id]))[rfi.id]
    assert (stored.state, stored.chosen_partner_id) == (RfiState.CHOSEN, make_partner(2).id)
