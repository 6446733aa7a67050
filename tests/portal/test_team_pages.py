"""The team: seen by all of it, changed by its admins, never by outsiders; an invitation is a mail with a link."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.async_api import expect

from services.core.accounts import Notify, Role, User
from services.core.digest import next_morning
from services.core.ids import suppression_id, user_id
from services.core.mail import MailKind, SendJob
from services.core.suppressions import Suppression
from tests.builders import START, make_partner, make_profile
from tests.portal.browser import Desk
from tests.portal.test_partner_journeys import submitted
from tests.portal.world import Browser, PortalWorld

BEA = {"name": "Bea Soler", "email": " Bea@Partner1.example ", "role": "viewer"}


@pytest.fixture
async def ana(world: PortalWorld) -> Browser:
    await world.stores.partners.put_partners([make_partner(1)])
    browser = await world.signed_in(1)
    await browser.get("/team")
    return browser


async def stored(world: PortalWorld, email: str) -> User | None:
    return (await world.stores.users.load([user_id(email)])).get(user_id(email))  # type: ignore[no-any-return]


async def mails(world: PortalWorld) -> list[SendJob]:
    return [job for job in world.stores.jobs.stored.values() if job.kind is MailKind.SIGN_IN_LINK]


async def test_an_invitation_makes_a_user_and_mails_a_link_that_signs_in_once(world: PortalWorld, ana: Browser) -> None:
    assert (await ana.submit("/team/invite", BEA)).headers["location"] == "/team"
    user = await stored(world, "bea@partner1.example")
    assert user is not None
    assert (user.name, user.role, user.partner_id) == ("Bea Soler", Role.VIEWER, make_partner(1).id)
    [mail] = await mails(world)
    assert mail.address == "bea@partner1.example"
    bea = world.client()
    await bea.get(world.link_path(mail.event_id))
    answer = await bea.submit(world.link_path(mail.event_id))
    assert answer.headers["location"] == "/inbox"
    assert "Bea Soler" in (await bea.get("/team")).text
    # A viewer is shown the team, and nothing to change it with.
    assert "/team/invite" not in (await bea.get("/team")).text


async def test_an_address_of_another_partner_stays_theirs_and_the_answer_does_not_tell(
    world: PortalWorld, ana: Browser
) -> None:
    theirs = await world.add_user(2, email="bea@partner1.example", name="Zebrafinch")
    answer = await ana.submit("/team/invite", BEA)
    new = await ana.submit("/team/invite", {**BEA, "email": "new@partner1.example"})
    assert (answer.status_code, answer.headers["location"]) == (new.status_code, new.headers["location"])
    assert await stored(world, theirs.email) == theirs
    assert [mail.address for mail in await mails(world)] == ["new@partner1.example"]
    assert "Zebrafinch" not in (await ana.get("/team")).text
    assert (await ana.submit(f"/team/{theirs.id}", {"role": "viewer"})).status_code == 404
    assert await stored(world, theirs.email) == theirs


async def test_every_problem_of_an_invitation_is_told_at_once(world: PortalWorld, ana: Browser) -> None:
    answer = await ana.submit("/team/invite", {"name": " ", "email": "no address", "role": "king"})
    assert answer.status_code == 422
    assert answer.text.count('aria-invalid="true"') == 3
    # At the top of the form too each says what it is about.
    assert answer.text.count("Give the name.") == 2
    assert 'value="no address"' in answer.text
    assert not await mails(world)


async def test_a_role_is_changed_and_holds_at_once(world: PortalWorld, ana: Browser) -> None:
    bea = await world.signed_in(1, email="bea@partner1.example", role=Role.MEMBER)
    await ana.submit(f"/team/{user_id('bea@partner1.example')}", {"role": "admin"})
    assert "/team/invite" in (await bea.get("/team")).text


async def test_who_is_shut_out_is_signed_out_and_gets_no_link(world: PortalWorld, ana: Browser) -> None:
    bea = await world.signed_in(1, email="bea@partner1.example", role=Role.MEMBER)
    member = user_id("bea@partner1.example")
    await ana.submit(f"/team/{member}", {"role": "member", "active": "no"})
    assert (await bea.get("/team")).headers["location"].startswith("/sign-in")
    await bea.submit("/sign-in", {"email": "bea@partner1.example"})
    assert not await mails(world)
    await ana.submit(f"/team/{member}", {"active": "yes"})
    user = await stored(world, "bea@partner1.example")
    assert user is not None
    assert (user.active, user.role) == (True, Role.MEMBER)


async def test_nobody_changes_what_they_may_do_themselves(world: PortalWorld, ana: Browser) -> None:
    me = user_id("ana@partner1.example")
    await ana.submit(f"/team/{me}", {"role": "viewer", "active": "no"})
    assert "another admin changes" in (await ana.get("/team")).text
    user = await stored(world, "ana@partner1.example")
    assert user is not None
    assert (user.role, user.active) == (Role.ADMIN, True)


async def test_a_member_changes_nobody(world: PortalWorld, ana: Browser) -> None:
    member = await world.signed_in(1, email="max@partner1.example", role=Role.MEMBER)
    assert (await member.submit("/team/invite", BEA)).status_code == 403
    assert (await member.submit(f"/team/{user_id('ana@partner1.example')}", {"active": "no"})).status_code == 403
    assert await stored(world, "bea@partner1.example") is None


async def test_each_person_has_a_language_and_a_time_zone(world: PortalWorld, ana: Browser) -> None:
    wrong = await ana.submit("/team/settings", {"language": "xx", "timeZone": "Mars/Olympus"})
    assert wrong.status_code == 422
    assert wrong.text.count('aria-invalid="true"') == 2
    await ana.submit("/team/settings", {"language": "es", "timeZone": "America/Bogota"})
    user = await stored(world, "ana@partner1.example")
    assert user is not None
    assert (user.language, user.time_zone) == ("es", "America/Bogota")
    assert 'lang="es"' in (await ana.get("/team")).text


@pytest.mark.parametrize("notify", list(Notify))
async def test_each_person_says_which_mails_it_wants(world: PortalWorld, ana: Browser, notify: Notify) -> None:
    there = {"language": "en", "timeZone": "Europe/Madrid"}
    assert (await ana.submit("/team/settings", {**there, "notify": "all"})).status_code == 422
    await ana.submit("/team/settings", {**there, "notify": notify.value})
    user = await stored(world, "ana@partner1.example")
    assert user is not None
    morning = next_morning("Europe/Madrid", world.clock.now())
    assert (user.notify, user.digest_at) == (notify, morning if notify is Notify.DIGEST else None)
    assert f'value="{notify.value}" checked' in (await ana.get("/team")).text
    # Another time zone is another morning; a form that says nothing of mails leaves the wish.
    await ana.submit("/team/settings", {**there, "timeZone": "Asia/Tokyo"})
    moved = await stored(world, "ana@partner1.example")
    assert moved is not None
    assert moved.notify is notify
    assert (moved.digest_at is None) == (notify is not Notify.DIGEST)
    assert moved.digest_at != morning


async def came_back(world: PortalWorld, *addresses: str) -> None:
    """Mails to these addresses came back: they are mailed no more."""
    for address in addresses:
        await world.stores.suppressions.add(
            Suppression(id=suppression_id(address), why="5.1.1", job_id=f"job of {address}", at=START)
        )


async def test_a_team_sees_whose_mails_come_back_and_an_admin_has_them_mailed_again(
    world: PortalWorld, ana: Browser
) -> None:
    await world.stores.partners.put_profiles([make_profile(1), make_profile(2)])
    bea = await world.add_user(1, email="bea@partner1.example", name="Bea Soler", role=Role.VIEWER)
    contact, theirs = (make_profile(n).locations[0].contact.email for n in (1, 2))
    assert "Mails that come back" not in (await ana.get("/team")).text
    await came_back(world, bea.email, contact.upper(), theirs)
    for browser in (ana, world.client(cookies={"referrals": await world.session_of(bea)})):
        page = (await browser.get("/team")).text
        told = page[page.index("Mails that come back") :]
        assert (bea.email in told, contact in told, theirs in told) == (True, True, False)
        assert ("/team/mail-again" in told) == (browser is ana)
    await ana.get("/team")
    for address, done in ((bea.email, True), (bea.email, False), (theirs, False), ("", False), (contact, True)):
        answer = await ana.submit("/team/mail-again", {"address": address})
        assert (answer.status_code, answer.headers["location"]) == (303, "/team")
        assert ("is mailed again" in (await ana.get("/team")).text) == done
    assert [each.id for each in await world.stores.suppressions.listed(9)] == [suppression_id(theirs)]
    assert "Mails that come back" not in (await ana.get("/team")).text


async def test_a_program_changes_no_team_whatever_it_may_write(world: PortalWorld, ana: Browser) -> None:
    crm = await world.program(1, ("profiles.write", "referrals.write"))
    assert (await crm.submit("/team/invite", BEA)).status_code == 403
    assert await stored(world, "bea@partner1.example") is None


async def test_team(desk: Desk) -> None:
    world = desk.world
    await world.stores.partners.put_partners([make_partner(1)])
    await world.add_user(1, email="max@partner1.example", name="Max Sanz", active=False)
    await came_back(world, "max@partner1.example")
    page = await desk.signed_in()
    await page.goto("/team")
    await desk.look(page, "list")
    await page.fill("#invite-name", "Bea Soler")
    await page.fill("#invite-email", "bea@partner1.example")
    await page.select_option("#invite-role", "viewer")
    await submitted(page, "#invite-form button")
    await desk.look(page, "invited")
    jobs = await world.stores.jobs.claim("test", START + timedelta(days=1), START, START, 10)
    assert [job.address for job in jobs] == ["bea@partner1.example"]
    bea = await stored(world, "bea@partner1.example")
    assert bea is not None
    of_bea = f"form[action='/team/{bea.id}']"
    await page.select_option(f"{of_bea} select", "member")
    await submitted(page, f"{of_bea} button >> nth=0")
    changed = await stored(world, "bea@partner1.example")
    assert changed is not None
    assert changed.role is Role.MEMBER
    theirs = await desk.page(await world.session_of(changed))
    await theirs.goto("/insights")
    await expect(theirs).to_have_url(re.compile("/insights$"))
    await submitted(page, f"{of_bea} button[value=no]")
    await theirs.reload()
    await expect(theirs).to_have_url(re.compile("/sign-in"))
    await submitted(page, f"{of_bea} button[value=yes]")
    let_in = await stored(world, "bea@partner1.example")
    assert let_in is not None
    assert (let_in.active, let_in.role) == (True, Role.MEMBER)
