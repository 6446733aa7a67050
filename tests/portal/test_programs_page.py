"""A partner's programs: an admin in person gives each a key, sees it once, and takes it back at once."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from playwright.async_api import expect

from services.core.accounts import Role
from services.portal.keys import key_hash
from services.portal.program_work import PROGRAM_LIMIT, token_for
from tests.builders import START, make_partner
from tests.portal.browser import Desk
from tests.portal.test_partner_journeys import submitted
from tests.portal.world import Browser, PortalWorld

CRM = {"name": "CRM of sales", "kind": "year", "scope.referrals.read": "yes", "form": "one"}
CLIENT = CRM | {"kind": "client", "form": "two"}
REFERRALS = "/v1.0/engagements/referrals"


@pytest.fixture
async def ana(world: PortalWorld) -> Browser:
    await world.stores.partners.put_partners([make_partner(1), make_partner(2)])
    browser = await world.signed_in(1)
    await browser.get("/programs")
    return browser


def shown(html: str, field: str = "made-key") -> str:
    found = re.search(rf'id="{field}" value="([^"]+)"', html)
    assert found is not None
    return found[1]


def with_key(world: PortalWorld, key: str) -> Browser:
    return world.client(headers={"authorization": f"Bearer {key}"})


async def status(world: PortalWorld, key: str, path: str = REFERRALS) -> int:
    return (await with_key(world, key).get(path)).status_code


async def test_a_key_is_shown_once_and_opens_what_it_is_allowed(world: PortalWorld, ana: Browser) -> None:
    answer = await ana.submit("/programs", CRM)
    key = shown(answer.text)
    assert await status(world, key) == 200
    assert await status(world, key, "/v1/profiles") == 403
    page = (await ana.get("/programs")).text
    assert (key in page, "CRM of sales" in page) == (False, True)
    [stored] = await world.stores.tokens.tokens_of(make_partner(1).id)
    assert stored.token_hash == key_hash(key)
    assert stored.scopes == ("referrals.read",)
    assert stored.expires_at == stored.created_at + timedelta(days=365)


async def test_who_is_shut_out_is_out_at_once(world: PortalWorld, ana: Browser) -> None:
    key = shown((await ana.submit("/programs", CRM)).text)
    [stored] = await world.stores.tokens.tokens_of(make_partner(1).id)
    assert await status(world, key) == 200
    assert (await ana.submit(f"/programs/{stored.id}/shut-out")).headers["location"] == "/programs"
    assert await status(world, key) == 401
    # Again changes nothing, and there is no button for it.
    assert (await ana.submit(f"/programs/{stored.id}/shut-out")).status_code == 303
    assert "/shut-out" not in (await ana.get("/programs")).text


async def test_client_credentials_fetch_keys_until_the_client_is_shut_out(world: PortalWorld, ana: Browser) -> None:
    html = (await ana.submit("/programs", CLIENT)).text
    credentials = (shown(html, "made-client"), shown(html))
    wish = {"grant_type": "client_credentials"}
    token = await world.client().post("/oauth/token", data=wish, auth=credentials)
    key = token.json()["access_token"]
    assert await status(world, key) == 200
    await ana.submit(f"/programs/{credentials[0]}/shut-out")
    assert await status(world, key) == 401
    assert (await world.client().post("/oauth/token", data=wish, auth=credentials)).status_code == 401


@pytest.mark.parametrize("form", [CRM, CLIENT], ids=["key", "client"])
async def test_a_form_that_is_sent_twice_makes_one_key_and_leaves_the_first_good(
    world: PortalWorld, ana: Browser, form: dict[str, str]
) -> None:
    first = shown((await ana.submit("/programs", form)).text)
    again = await ana.submit("/programs", form)
    assert (again.status_code, again.headers["location"]) == (303, "/programs")
    tokens, clients = (await world.stores.tokens.tokens_of(make_partner(1).id)), await clients_of(world)
    assert [each.token_hash for each in tokens] + [each.secret_hash for each in clients] == [key_hash(first)]


async def clients_of(world: PortalWorld) -> Any:
    return await world.stores.tokens.clients_of(make_partner(1).id)


async def test_everything_that_is_wrong_is_told_at_once_and_what_was_entered_stays(ana: Browser) -> None:
    answer = await ana.submit("/programs", {"name": " ", "kind": "magic", "scope.users.read": ""})
    assert answer.status_code == 422
    assert [answer.text.count(f'href="#program-{field}"') for field in ("name", "kind", "scopes")] == [1, 1, 1]
    half = await ana.submit("/programs", CRM | {"kind": "", "scope.referrals.read": "yes"})
    assert 'value="CRM of sales"' in half.text
    assert re.search(r'name="scope\.referrals\.read" value="yes" checked', half.text)


async def test_no_program_gets_an_operators_rights(world: PortalWorld, ana: Browser) -> None:
    assert (await ana.submit("/programs", CRM | {"scope.operator": "yes"})).status_code == 200
    [stored] = await world.stores.tokens.tokens_of(make_partner(1).id)
    assert (stored.operator, stored.partner_id, stored.scopes) == (False, make_partner(1).id, ("referrals.read",))


async def test_there_is_a_limit_and_those_shut_out_do_not_count(world: PortalWorld, ana: Browser) -> None:
    made = [
        token_for(f"CRM {n}", ["referrals.read"], START, partner_id=make_partner(1).id)[1] for n in range(PROGRAM_LIMIT)
    ]
    for token in made:
        await world.stores.tokens.add_token(token)
    assert (await ana.submit("/programs", CRM)).status_code == 422
    await ana.submit(f"/programs/{made[0].id}/shut-out")
    assert (await ana.submit("/programs", CRM)).status_code == 200


async def test_programs_are_for_admins_in_person(world: PortalWorld, ana: Browser) -> None:
    assert 'href="/programs"' in (await ana.get("/inbox")).text
    member = await world.signed_in(1, email="bea@partner1.example", role=Role.MEMBER)
    assert 'href="/programs"' not in (await member.get("/inbox")).text
    assert (await member.get("/programs")).status_code == 403
    assert (await member.submit("/programs", CRM)).status_code == 403


async def test_another_partner_neither_sees_nor_ends_a_program(world: PortalWorld, ana: Browser) -> None:
    await ana.submit("/programs", CRM)
    [stored] = await world.stores.tokens.tokens_of(make_partner(1).id)
    other = await world.signed_in(2, email="zoe@partner2.example")
    assert stored.id not in (await other.get("/programs")).text
    assert (await other.submit(f"/programs/{stored.id}/shut-out")).status_code == 404
    [after] = await world.stores.tokens.tokens_of(make_partner(1).id)
    assert after.revoked_at is None


async def test_letting_a_program_in(desk: Desk) -> None:
    await desk.world.stores.partners.put_partners([make_partner(1)])
    page = await desk.signed_in()
    await page.goto("/programs")
    await page.fill("#program-name", "CRM")
    await submitted(page, "#program-form button")
    await expect(page.locator("#made-key")).to_have_value(re.compile("^rxt_"))
    await desk.look(page, "made")
    await submitted(page, "form[action$='/shut-out'] button")
    await expect(page.locator("main .cards strong")).to_have_count(1)
    await desk.look(page, "shut-out")
