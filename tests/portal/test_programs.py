"""How programs come in: API tokens, client credentials, and what each may do."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from fastapi import APIRouter, Depends, Request

from services.core.accounts import OAuthClient, Role
from services.portal.access import customer, operator, partner, partner_admin, partner_writer, scoped, signed_in
from services.portal.identity import Identity, IdentityKind
from services.portal.keys import key_hash
from tests.builders import START, make_partner, make_rfi
from tests.portal.world import Browser, PortalWorld

#: Every gate of `access`, as a route of its own.
GATES: dict[str, Callable[..., Any]] = {
    "any": signed_in,
    "partner": partner,
    "writer": partner_writer,
    "admin": partner_admin,
    "operator": operator,
    "read": scoped("referrals.read"),
    "write": scoped("referrals.write"),
    "profiles": scoped("profiles.write"),
}


@pytest.fixture
def gates(world: PortalWorld) -> PortalWorld:
    """A portal with a route behind each gate, for GET and POST."""
    routes = APIRouter()
    for name, gate in GATES.items():

        @routes.api_route(f"/v1/gate/{name}", methods=["GET", "POST"])
        async def through(me: Identity = Depends(gate)) -> dict[str, str | None]:  # noqa: B008 - made in a loop
            return {"name": me.name, "partner": me.partner_id, "role": me.role}

    @routes.api_route("/requests/{signed}/gate", methods=["GET", "POST"])
    async def customers(request: Request, me: Identity = Depends(customer)) -> dict[str, str | None]:  # noqa: B008
        return {"rfi": me.rfi_id, "csrf": me.csrf, "kind": me.kind}

    world.app.include_router(routes)
    return world


async def passed(browser: Browser) -> set[str]:
    """The gates that let this caller through; the others answer 403 or 404, never 500."""
    answers = {name: (await browser.get(f"/v1/gate/{name}", headers={})).status_code for name in GATES}
    assert set(answers.values()) <= {200, 403, 404}
    return {name for name, status in answers.items() if status == 200}


@pytest.mark.parametrize(
    ("role", "through"),
    [
        (Role.VIEWER, {"any", "partner", "read"}),
        (Role.MEMBER, {"any", "partner", "writer", "read", "write"}),
        (Role.ADMIN, set(GATES) - {"operator"}),
    ],
)
async def test_a_person_passes_what_the_role_allows(gates: PortalWorld, role: Role, through: set[str]) -> None:
    assert await passed(await gates.signed_in(1, role=role)) == through


@pytest.mark.parametrize(
    ("scopes", "through"),
    [
        ((), {"any", "partner"}),
        (("referrals.read",), {"any", "partner", "read"}),
        (("referrals.write",), {"any", "partner", "writer", "read", "write"}),
        (("profiles.write",), {"any", "partner", "writer", "admin", "profiles"}),
    ],
)
async def test_a_program_passes_what_its_token_says(
    gates: PortalWorld, scopes: tuple[str, ...], through: set[str]
) -> None:
    assert await passed(await gates.program(1, scopes)) == through


async def test_an_operator_passes_its_own_gate_alone(gates: PortalWorld) -> None:
    assert await passed(await gates.signed_in(None)) == {"any", "operator"}
    assert await passed(await gates.program(None, ("operator",))) == {"any", "operator"}


@pytest.mark.parametrize("scope", ["webhooks.write", "referrals.write", "profiles.write", "operator"])
async def test_a_token_opens_no_page(gates: PortalWorld, scope: str) -> None:
    referral = await gates.add_referral(1)
    crm = await gates.program(None if scope == "operator" else 1, (scope,))
    pages = ("/inbox", f"/referrals/{referral.id}", "/profiles", "/team", "/operator")
    assert {(await crm.get(page)).status_code for page in pages} == {403}
    forms = ("contact", "contact.vcf", "open", "accept")
    assert {(await crm.submit(f"/referrals/{referral.id}/{form}")).status_code for form in forms} == {403}
    assert gates.stores.reveals.stored == {}
    assert await gates.referral(referral.id) == referral


async def test_a_token_gives_its_partners_identity_without_any_form(gates: PortalWorld) -> None:
    crm = await gates.program(2)
    answer = await crm.post("/v1/gate/writer")
    assert answer.json()["partner"] == make_partner(2).id
    assert answer.json()["name"].startswith("partner:")


async def test_a_wrong_ended_or_revoked_token_is_nobodys(gates: PortalWorld) -> None:
    crm = await gates.program(1)
    (token,) = gates.stores.tokens.tokens.values()
    for change in ({"revoked_at": START}, {"expires_at": gates.clock.real_now()}):
        gates.stores.tokens.tokens[token.id] = replace(token, **change)
        assert (await crm.post("/v1/gate/any")).status_code == 401
    for header in ("", "Bearer", "Bearer ", "Basic x", f"Bearer {'x' * 5000}", "Bearer \x00"):
        answer = await gates.client().get("/v1/gate/any", headers={"authorization": header})
        assert answer.status_code == 401, header


async def test_a_token_wins_over_a_cookie_so_that_no_page_can_lend_its_session(gates: PortalWorld) -> None:
    browser = await gates.signed_in(1)
    assert (await browser.get("/v1/gate/any", headers={"authorization": "Bearer wrong"})).status_code == 401


async def test_the_last_use_of_a_token_is_written_down_now_and_then(gates: PortalWorld) -> None:
    crm = await gates.program(1)
    for _ in range(3):
        await crm.get("/v1/gate/any")
    (token,) = gates.stores.tokens.tokens.values()
    assert token.last_used_at == gates.clock.real_now()
    assert gates.stores.faults.calls.count("MemoryTokens.used") == 1


async def test_a_customers_link_opens_its_own_request_and_posts_with_the_pages_token(gates: PortalWorld) -> None:
    await gates.stores.rfis.add([make_rfi(1)])
    path = f"{gates.customer_path(make_rfi(1))}/gate"
    browser = gates.client()
    told = (await browser.get(path)).json()
    assert (told["rfi"], told["kind"]) == (make_rfi(1).id, IdentityKind.CUSTOMER)
    for sent, status in (({}, 403), ({"csrf": "x"}, 403), ({"csrf": told["csrf"]}, 200)):
        assert (await browser.post(path, data=sent)).status_code == status
    assert (await browser.get("/v1/gate/any", headers={})).status_code == 401


@pytest.mark.parametrize("made_up", ["{id}", "{id}.", "{id}.AAAA", "x", "{signed}x", "{other}"])
async def test_a_customers_link_that_we_did_not_make_leads_nowhere(gates: PortalWorld, made_up: str) -> None:
    rfi = make_rfi(1)
    await gates.stores.rfis.add([rfi])
    signed = gates.ports.signer.sign("customer", rfi.id)
    other = gates.ports.signer.sign("sign-in", rfi.id)
    path = f"/requests/{made_up.format(id=rfi.id, signed=signed, other=other)}/gate"
    assert (await gates.client().get(path, headers={})).status_code == 404


async def client_of(world: PortalWorld, **more: object) -> OAuthClient:
    base = OAuthClient(
        id="crm",
        secret_hash=key_hash("a secret"),
        name="CRM",
        partner_id=make_partner(1).id,
        scopes=("referrals.read", "referrals.write"),
        created_at=START,
    )
    made = replace(base, **more)  # type: ignore[arg-type]
    await world.stores.tokens.add_client(made)
    return made


GRANT = {"grant_type": "client_credentials", "client_id": "crm", "client_secret": "a secret"}


async def test_a_client_gets_a_short_lived_token_by_form_or_by_basic(gates: PortalWorld) -> None:
    await client_of(gates)
    basic = {"authorization": "Basic " + b64encode(b"crm:a secret").decode()}
    by_form = await gates.client().post("/oauth/token", data=GRANT)
    by_basic = await gates.client().post("/oauth/token", data={"grant_type": "client_credentials"}, headers=basic)
    for answer in (by_form, by_basic):
        told = answer.json()
        assert (told["token_type"], told["expires_in"]) == ("Bearer", 3600)
        crm = gates.client(headers={"authorization": f"Bearer {told['access_token']}"})
        assert (await crm.post("/v1/gate/writer")).status_code == 200
    assert by_form.headers["cache-control"] == "no-store"
    gates.clock.advance(timedelta(hours=1))
    assert (await crm.post("/v1/gate/writer")).status_code == 401


async def test_a_client_may_ask_for_less_and_not_for_more(gates: PortalWorld) -> None:
    await client_of(gates)
    less = (await gates.client().post("/oauth/token", data={**GRANT, "scope": "referrals.read"})).json()
    crm = gates.client(headers={"authorization": f"Bearer {less['access_token']}"})
    assert (await crm.post("/v1/gate/write")).status_code == 403
    more = await gates.client().post("/oauth/token", data={**GRANT, "scope": "referrals.read operator"})
    assert (more.status_code, more.json()["error"]) == (400, "invalid_scope")


@pytest.mark.parametrize(
    ("sent", "status", "error"),
    [
        ({**GRANT, "client_secret": "another"}, 401, "invalid_client"),
        ({**GRANT, "client_id": "nobody"}, 401, "invalid_client"),
        ({"grant_type": "client_credentials"}, 401, "invalid_client"),
        ({**GRANT, "grant_type": "password"}, 400, "unsupported_grant_type"),
        ({}, 400, "unsupported_grant_type"),
    ],
)
async def test_who_is_no_client_is_told_so_as_the_standard_says(
    gates: PortalWorld, sent: dict[str, str], status: int, error: str
) -> None:
    await client_of(gates)
    answer = await gates.client().post("/oauth/token", data=sent)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert ("www-authenticate" in answer.headers) is (status == 401)


@pytest.mark.parametrize("encoded", ["x", "\xe9", "/w==", ""])
async def test_credentials_that_are_no_base64_or_no_text_are_nobodys(gates: PortalWorld, encoded: str) -> None:
    headers = {b"authorization": f"Basic {encoded}".encode("latin-1")}
    answer = await gates.client().post("/oauth/token", data={"grant_type": "client_credentials"}, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


async def test_a_revoked_client_gets_nothing_and_its_tokens_end(gates: PortalWorld) -> None:
    await client_of(gates)
    key = (await gates.client().post("/oauth/token", data=GRANT)).json()["access_token"]
    await gates.stores.tokens.revoke_client("crm", make_partner(1).id, gates.clock.real_now())
    assert (await gates.client().post("/oauth/token", data=GRANT)).status_code == 401
    crm = gates.client(headers={"authorization": f"Bearer {key}"})
    assert (await crm.post("/v1/gate/any")).status_code == 401
