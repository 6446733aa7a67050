"""An admin's business profiles in a real browser: a new country, offices where they are, previews and suggestions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from playwright.async_api import Page

from services.core import commands as c
from services.core.codes import CloseReason, CompanySize
from services.core.rfi import Coordinate
from tests.builders import make_partner, make_profile, make_referral, make_rfi
from tests.contract.insight_suite import after
from tests.portal.browser import Desk
from tests.portal.test_partner_journeys import submitted
from tests.portal.test_profiles_pages import stored

#: Who gets the alerts of an office.
_OFFICE = {"contact-firstName": "Eva", "contact-lastName": "Paz", "contact-email": "eva@partner1.example"}


async def filled(page: Page, number: int, office: Mapping[str, str]) -> None:
    """Fill in fields of an office."""
    for name, value in office.items():
        await page.fill(f"#profile-locations-{number}-{name}", value)


async def test_profiles(desk: Desk) -> None:
    world = desk.world
    referral = await world.add_referral(1)
    await world.stores.partners.put_profiles([make_profile(1, country="PT", active=False)])
    await world.stores.rfis.add([make_rfi(2), make_rfi(3)])
    too_large = c.Decline(by="partner:ana", reason=CloseReason.SIZE)
    await world.stores.referrals.add([replace(after(make_referral(n), 0.5, too_large), undo=None) for n in (2, 3)])
    page = await desk.signed_in()
    await page.goto("/profiles")
    await desk.look(page, "list")
    await page.select_option("#country", "FR")
    await submitted(page, "form[action='/profiles'] button")
    await desk.look(page, "new")
    await filled(page, 0, _OFFICE | {"city": "Lyon", "latitude": "45,764", "longitude": "4.8357"})
    await submitted(page, "button[name=do][value=activate]")
    made = await stored(world, "FR")
    assert (made.active, [each.coordinate for each in made.locations]) == (True, [Coordinate(45.764, 4.8357)])
    await page.goto("/profiles/ES")
    await page.fill("#profile-keywords", "backup\ncloud migration")
    if not desk.scripts:
        await submitted(page, "button[formaction$='/preview']")
    await page.locator("#preview li").first.wait_for()
    assert await page.locator(f"#preview a[href='/referrals/{referral.id}']").count() == 1
    await desk.look(page, "preview")
    await page.goto("/profiles")
    await submitted(page, "form[action$='/suggestion'] button")
    assert CompanySize.S51_250 not in (await stored(world)).sizes
    for active in (False, True):
        await submitted(page, "form[action='/profiles/ES/state'] button")
        assert (await stored(world)).active is active


async def test_profile_saved(desk: Desk) -> None:
    world = desk.world
    await world.stores.partners.put_partners([make_partner(1)])
    await world.stores.partners.put_profiles([make_profile(1)])
    page = await desk.signed_in()
    await page.goto("/profiles/ES")
    await page.fill("#profile-capacity", "0")
    await page.locator("section[aria-labelledby=offices] summary").first.click()
    await filled(page, 1, {"city": "Jaén", "latitude": "37.7796"})
    await submitted(page, "button[name=do][value=save]")
    await desk.look(page, "wrong")
    await page.fill("#profile-capacity", "9")
    await filled(page, 1, _OFFICE | {"longitude": "-3.7849"})
    await page.check("[name='locations.0.remove']")
    await page.fill("#profile-pausedUntil", "2026-03-20")
    await submitted(page, "button[name=do][value=save]")
    await desk.look(page, "saved")
    found = await stored(world)
    assert (found.capacity, found.version) == (9, 2)
    assert found.paused_until is not None
    assert [(each.place.city, each.coordinate) for each in found.locations] == [("Jaén", Coordinate(37.7796, -3.7849))]
