"""Who gets a session, and how: the mailed link, the session, signing out, the language."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from services.core.accounts import SignInLink
from services.core.mail import JobState, MailKind
from services.core.ports import Change
from services.portal.forms import own_path
from services.portal.ports import PortalOptions
from tests.portal.world import BASE, PortalWorld, portal_world

HTML = {"accept": "text/html"}


async def mailed_path(world: PortalWorld) -> str:
    """The path of the link in the newest sign-in mail."""
    (job,) = [job for job in world.stores.jobs.stored.values() if job.kind is MailKind.SIGN_IN_LINK]
    return world.link_path(job.event_id)


async def asked(world: PortalWorld, email: str, **fields: str) -> tuple[int, str]:
    browser = world.client()
    await browser.get("/sign-in")
    answer = await browser.submit("/sign-in", {"email": email, **fields})
    return answer.status_code, answer.text


async def test_the_start_leads_whom_nobody_knows_to_the_sign_in(world: PortalWorld) -> None:
    answer = await world.client().get("/")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")


async def test_a_mailed_link_signs_in_once_and_leads_where_one_wanted_to_go(world: PortalWorld) -> None:
    user = await world.add_user()
    status, _ = await asked(world, " Ana@Partner1.example ", next="/referrals/R-1")
    assert status == 200
    path = await mailed_path(world)
    browser = world.client()
    assert "The link is good" in (await browser.get(path)).text
    assert "The link is good" in (await browser.get(path)).text
    answer = await browser.submit(path)
    assert (answer.status_code, answer.headers["location"]) == (303, "/referrals/R-1")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert (await browser.get("/")).headers["location"] == "/inbox"
    (session,) = world.stores.sign_ins.sessions.values()
    assert session.user_id == user.id
    other = world.client()
    assert (await other.get(path)).status_code == 410
    assert (await other.submit(path)).status_code == 410


async def test_the_mail_goes_to_the_stored_address_in_its_language_and_waits_for_a_notifier(world: PortalWorld) -> None:
    await world.add_user(language="es", time_zone="Europe/Madrid")
    await asked(world, "ana@partner1.example")
    (job,) = world.stores.jobs.stored.values()
    assert (job.address, job.language, job.time_zone) == ("ana@partner1.example", "es", "Europe/Madrid")
    assert (job.state, job.attempts) == (JobState.PENDING, 0)


async def test_an_unknown_address_gets_the_same_answer_and_no_mail(world: PortalWorld) -> None:
    await world.add_user()
    known = await asked(world, "ana@partner1.example")
    unknown = await asked(world, "eva@partner1.example")
    assert unknown[0] == known[0]
    assert "eva@partner1.example" in unknown[1]
    assert len(world.stores.jobs.stored) == 1


async def test_an_inactive_user_gets_no_mail_and_its_sessions_end_at_once(world: PortalWorld) -> None:
    user = await world.add_user()
    browser = world.client(cookies={"referrals": await world.session_of(user)})
    assert (await browser.get("/")).headers["location"] == "/inbox"
    await world.stores.users.save([Change(replace(user, active=False, version=2), 1)])
    assert (await browser.get("/")).headers["location"] == "/sign-in"
    await asked(world, "ana@partner1.example")
    assert not world.stores.jobs.stored


@pytest.mark.parametrize("email", ["", "ana", "ana@", "a b@c.example", "ana@partner1.example\r\nBcc: x@y.example"])
async def test_what_is_no_address_is_told_and_kept_in_the_field(world: PortalWorld, email: str) -> None:
    status, text = await asked(world, email)
    assert status == 422
    assert 'aria-invalid="true"' in text


async def test_one_person_is_mailed_a_few_links_only(world: PortalWorld) -> None:
    await world.add_user()
    for _ in range(8):
        assert (await asked(world, "ana@partner1.example"))[0] == 200
    assert len(world.stores.jobs.stored) == 5


async def test_one_address_asks_for_so_many_links_only(world: PortalWorld) -> None:
    browser = world.client()
    await browser.get("/sign-in")
    answers = [await browser.submit("/sign-in", {"email": f"x{n}@y.example"}) for n in range(130)]
    assert {answer.status_code for answer in answers[:60]} == {200}
    (first, *_) = [answer for answer in answers if answer.status_code == 429]
    assert int(first.headers["retry-after"]) > 0


async def test_looking_at_a_link_or_posting_to_it_as_scanners_do_uses_nothing(world: PortalWorld) -> None:
    await world.add_user()
    await asked(world, "ana@partner1.example")
    path = await mailed_path(world)
    scanner = world.client()
    for _ in range(10):
        await scanner.get(path)
        await scanner.head(path)
    for sent in ({}, {"csrf": ""}, {"csrf": "guess"}):
        assert (await world.client().post(path, data=sent, headers=HTML)).status_code == 403
    assert not world.stores.sign_ins.sessions
    browser = world.client()
    await browser.get(path)
    assert (await browser.submit(path)).status_code == 303


async def test_a_link_ends_after_its_time_and_one_of_ours_only_opens(world: PortalWorld) -> None:
    await world.add_user()
    await asked(world, "ana@partner1.example")
    path = await mailed_path(world)
    id_ = next(iter(world.stores.sign_ins.links))
    for made_up in (f"/sign-in/link/{id_}", f"{path}x", f"/sign-in/link/{id_}.{'A' * 43}"):
        assert (await world.client().get(made_up)).status_code == 410
    world.clock.advance(timedelta(minutes=15))
    assert (await world.client().get(path)).status_code == 410
    assert isinstance(next(iter(world.stores.sign_ins.links.values())), SignInLink)


async def test_a_session_ends_after_its_time_and_a_turned_sandbox_clock_ends_none(world: PortalWorld) -> None:
    browser = await world.signed_in()
    world.clock.shift(timedelta(days=14))
    assert (await browser.get("/")).headers["location"] == "/inbox"
    world.clock.advance(timedelta(hours=12))
    assert (await browser.get("/")).headers["location"] == "/sign-in"


async def test_signing_out_ends_this_session_alone(world: PortalWorld) -> None:
    user = await world.add_user()
    here, there = [world.client(cookies={"referrals": await world.session_of(user)}) for _ in range(2)]
    for browser in (here, there):
        await browser.get("/nothing")
    here_cookie = here.cookies["referrals"]
    answer = await here.submit("/sign-out")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    assert (await world.client(cookies={"referrals": here_cookie}).get("/")).headers["location"] == "/sign-in"
    assert (await there.get("/")).headers["location"] == "/inbox"


async def test_over_https_cookies_are_secure_and_bound_to_this_host() -> None:
    world = portal_world(options=PortalOptions(base_url="https://portal.test"))
    user = await world.add_user()
    await world.stores.sign_ins.put_link(
        SignInLink(
            id="L",
            user_id=user.id,
            created_at=world.clock.real_now(),
            expires_at=world.clock.real_now() + timedelta(minutes=1),
        )
    )
    browser = world.client()
    browser.base_url = "https://portal.test"
    shown = await browser.get(world.link_path("L"))
    assert "max-age=31536000" in shown.headers["strict-transport-security"]
    cookies = (await browser.submit(world.link_path("L"))).headers.get_list("set-cookie")
    (session,) = [each for each in cookies if each.startswith("__Host-referrals=")]
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=lax"} <= {part.strip() for part in session.split(";")}
    assert "Domain" not in session
    await world.close()


@pytest.mark.parametrize(
    "path",
    [
        *("https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil.example", "javascript:alert(1)"),
        *("", "evil", "/a\nb", "/\t/evil.example", "/ñ", "/" + "x" * 3000, "///evil.example"),
    ],
)
async def test_nobody_is_led_elsewhere(world: PortalWorld, path: str) -> None:
    assert own_path(path) == "/"
    await world.add_user()
    await asked(world, "ana@partner1.example", next=path)
    browser, link = world.client(), await mailed_path(world)
    await browser.get(link)
    assert (await browser.submit(link)).headers["location"] == "/"


async def test_a_page_that_needs_a_session_leads_to_the_sign_in_and_back(world: PortalWorld) -> None:
    answer = await world.client().post("/sign-out", headers={**HTML, "sec-fetch-site": "same-origin"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    answer = await world.client().post("/sign-out", headers={"accept": "application/json"})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_the_language_is_the_browsers_until_a_person_chooses(world: PortalWorld) -> None:
    browser = world.client(headers={"accept-language": "fr, es-MX;q=0.9"})
    assert '<html lang="es">' in (await browser.get("/sign-in", headers={**HTML, "accept-language": "es-MX"})).text
    answer = await browser.submit("/language", {"language": "en", "next": "/sign-in"})
    assert answer.headers["location"] == "/sign-in"
    assert '<html lang="en">' in (await browser.get("/sign-in")).text
    assert (await browser.submit("/language", {"language": "../x"})).status_code == 404


async def test_a_users_language_is_kept_with_the_user(world: PortalWorld) -> None:
    browser = await world.signed_in()
    await browser.submit("/language", {"language": "es"})
    (user,) = world.stores.users.stored.values()
    assert (user.language, user.version) == ("es", 2)
    assert '<html lang="es">' in (await world.client(cookies=dict(browser.cookies)).get("/nothing")).text


def test_the_base_of_the_tests_is_no_https() -> None:
    assert not PortalOptions(base_url=BASE).secure
