"""Signing in with an OpenID Connect provider: a real one, a process of its own, that says what we tell it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, OctKey, RSAKey
from playwright.async_api import expect

from services.engines.locations import free_port
from services.portal.oidc import OIDC_COOKIE, NotVouched, OidcClient
from services.portal.ports import OidcOptions, PortalOptions
from tests.e2e.exchange import eventually
from tests.portal.browser import Desk
from tests.portal.test_partner_journeys import submitted
from tests.portal.world import BASE, Browser, PortalWorld, portal_world

PEOPLE: dict[str, dict[str, object]] = {
    "ana": {"email": "ana@partner1.example", "email_verified": True},
    "unverified": {"email": "ana@partner1.example", "email_verified": False},
    "silent": {"email": "ana@partner1.example"},
    "stranger": {"email": "eva@elsewhere.example", "email_verified": True},
    "nameless": {},
}


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    """Address of a provider that knows these people."""
    port = free_port()
    program = Path(sys.executable).with_name("oidc-provider-mock")
    claims = [f"--user-claims={json.dumps({'sub': sub, **more})}" for sub, more in PEOPLE.items()]
    running = subprocess.Popen(
        [program, "-p", str(port), "--require-nonce", "true", *claims],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://localhost:{port}"

    def answers() -> bool:
        assert running.poll() is None, "the provider ended"
        try:
            return httpx.get(f"{address}/.well-known/openid-configuration").status_code == 200
        except httpx.HTTPError:
            return False

    try:
        eventually(answers, "the provider answers")
        yield address
    finally:
        running.terminate()
        running.wait(10)


def world_with(provider: str, client_id: str = "portal") -> PortalWorld:
    oidc = OidcOptions(issuer=provider, client_id=client_id, client_secret="a secret", name="Example")
    return portal_world(options=PortalOptions(base_url=BASE, oidc=oidc))


async def consent(url: str, person: str) -> str:
    """What the person does at the provider; returns the path and query that the browser is sent back to."""
    async with httpx.AsyncClient() as there:
        answer = await there.post(url, data={"sub": person})
    back = urlsplit(answer.headers["location"])
    assert f"{back.scheme}://{back.netloc}" == BASE
    return f"{back.path}?{back.query}"


async def sign_in(world: PortalWorld, person: str, next_path: str = "/inbox") -> tuple[Browser, httpx.Response]:
    browser = world.client()
    going = await browser.get("/sign-in/oidc", params={"next": next_path})
    return browser, await browser.get(await consent(going.headers["location"], person))


async def test_a_verified_address_of_a_user_opens_a_session(provider: str) -> None:
    world = world_with(provider)
    await world.add_user()
    assert "Sign in with Example" in (await world.client().get("/sign-in")).text
    browser, answer = await sign_in(world, "ana", "/inbox?text=a")
    assert (answer.status_code, answer.headers["location"]) == (303, "/inbox?text=a")
    assert (await browser.get("/inbox")).status_code == 200
    await world.close()


@pytest.mark.parametrize(
    ("person", "status"), [("unverified", 401), ("silent", 401), ("nameless", 401), ("stranger", 403)]
)
async def test_others_get_no_session_and_nobody_is_made_a_user(provider: str, person: str, status: int) -> None:
    world = world_with(provider)
    await world.add_user()
    browser, answer = await sign_in(world, person)
    assert answer.status_code == status
    assert not world.stores.sign_ins.sessions
    assert len(world.stores.users.stored) == 1
    assert (await browser.get("/inbox")).status_code == 303
    await world.close()


async def test_the_question_has_state_nonce_and_a_challenge(provider: str) -> None:
    world = world_with(provider)
    going = await world.client().get("/sign-in/oidc")
    asked = {key: value[0] for key, value in parse_qs(urlsplit(going.headers["location"]).query).items()}
    assert asked["code_challenge_method"] == "S256"
    assert asked["redirect_uri"] == f"{BASE}/sign-in/oidc/callback"
    assert set(asked["scope"].split()) == {"openid", "email", "profile"}
    assert min(len(asked[name]) for name in ("state", "nonce", "code_challenge")) >= 32
    assert "HttpOnly" in going.headers["set-cookie"]
    await world.close()


async def test_an_answer_that_this_browser_did_not_ask_for_is_refused(provider: str) -> None:
    world = world_with(provider)
    await world.add_user()
    mine, theirs = world.client(), world.client()
    going = await theirs.get("/sign-in/oidc")
    back = await consent(going.headers["location"], "ana")
    # Somebody's own answer sent to another browser: without its cookie, with another's, with a made-up one.
    assert (await mine.get(back)).status_code == 401
    await mine.get("/sign-in/oidc")
    assert (await mine.get(back)).status_code == 401
    forger = world.client(cookies={OIDC_COOKIE: "W10.AAAA"})
    assert (await forger.get(back)).status_code == 401
    assert not world.stores.sign_ins.sessions
    assert (await theirs.get(back)).status_code == 303
    await world.close()


@pytest.mark.parametrize("query", ["", "state=x", "error=access_denied&state=x", "code=x&state=x", "code=%00&state=é"])
async def test_what_is_no_answer_is_refused_in_words(provider: str, query: str) -> None:
    world = world_with(provider)
    browser = world.client()
    await browser.get("/sign-in/oidc")
    answer = await browser.get(f"/sign-in/oidc/callback?{query}")
    assert answer.status_code == 401
    assert "The sign-in was not completed" in answer.text
    await world.close()


async def test_signing_in_elsewhere(desk: Desk, provider: str) -> None:
    """The way back comes from another site: a browser alone decides which cookies go along."""
    oidc = OidcOptions(issuer=provider, client_id=desk.language, client_secret="a secret", name="Example")
    options = PortalOptions(base_url=desk.windows.address, oidc=oidc)
    with_oidc = portal_world(desk.world.stores, clock=desk.world.clock, options=options)
    await with_oidc.add_user(language=desk.language)
    page = await desk.page()
    # The provider's own page wants a style sheet of a third one.
    await page.route("https://**", lambda route: route.abort())
    async with desk.windows.stage.shows(with_oidc.app):
        await page.goto("/inbox?text=a")
        await desk.look(page, "button")
        await submitted(page, "a[href^='/sign-in/oidc']")
        await submitted(page, "button[name=sub][value=stranger]")
        await expect(page.locator("#email-problem")).to_be_visible()
        await page.goto("/inbox?text=a")
        await submitted(page, "a[href^='/sign-in/oidc']")
        await submitted(page, "button[name=sub][value=ana] >> nth=0")
        await expect(page).to_have_url(re.compile(r"/inbox\?text=a$"))
        await expect(page.locator("#text")).to_have_value("a")
    await with_oidc.close()


async def test_a_code_is_good_once(provider: str) -> None:
    world = world_with(provider)
    await world.add_user()
    browser = world.client()
    back = await consent((await browser.get("/sign-in/oidc")).headers["location"], "ana")
    cookie = browser.cookies[OIDC_COOKIE]
    assert (await browser.get(back)).status_code == 303
    again = world.client(cookies={OIDC_COOKIE: cookie})
    assert (await again.get(back)).status_code == 401
    await world.close()


async def test_a_provider_that_does_not_answer_is_said_so() -> None:
    world = world_with(f"http://localhost:{free_port()}")
    answer = await world.client().get("/sign-in/oidc")
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    await world.close()


async def test_without_a_provider_there_is_no_such_way(world: PortalWorld) -> None:
    assert (await world.client().get("/sign-in/oidc")).status_code == 404
    assert "Sign in with" not in (await world.client().get("/sign-in")).text


KEY, OTHER_KEY = RSAKey.generate_key(2048, {"kid": "1"}), RSAKey.generate_key(2048, {"kid": "1"})


def claims_with(**changed: object) -> dict[str, object]:
    """What a good token says now, but for some claims; None leaves one out."""
    good = {
        "iss": "https://issuer.example",
        "aud": "portal",
        "exp": int(time.time()) + 600,
        "nonce": "n",
        "email": "ana@partner1.example",
        "email_verified": True,
    }
    return {name: value for name, value in {**good, **changed}.items() if value is not None}


def address_in(token: str, world: PortalWorld) -> str:
    options = OidcOptions(issuer="https://issuer.example", client_id="portal", client_secret="s")
    client = OidcClient(options, BASE, world.ports.signer)
    return client._address(token, KeySet([KEY]), "https://issuer.example", "n")


def test_a_good_token_names_the_address(world: PortalWorld) -> None:
    assert address_in(jwt.encode({"alg": "RS256", "kid": "1"}, claims_with(), KEY), world) == "ana@partner1.example"


@pytest.mark.parametrize(
    "change",
    [
        *({"iss": "https://evil.example"}, {"aud": "another"}, {"exp": 1_600_000_000}, {"nonce": "m"}),
        *({"iss": None}, {"aud": None}, {"exp": None}, {"nonce": None}),
        *({"email": None}, {"email": 7}, {"email_verified": "true"}, {"email_verified": 1}, {"email_verified": None}),
    ],
    ids=str,
)
def test_a_token_that_says_something_else_vouches_for_nobody(world: PortalWorld, change: dict[str, object]) -> None:
    with pytest.raises(NotVouched):
        address_in(jwt.encode({"alg": "RS256", "kid": "1"}, claims_with(**change), KEY), world)


def test_a_token_signed_in_another_way_or_by_another_key_vouches_for_nobody(world: PortalWorld) -> None:
    secret = OctKey.import_key("the secret of our own client at the provider")
    by_secret = jwt.encode({"alg": "HS256", "kid": "1"}, claims_with(), secret, algorithms=["HS256"])
    body = by_secret.split(".")[1]
    no_way = urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    unsigned = f"{no_way}.{body}."
    by_another = jwt.encode({"alg": "RS256", "kid": "1"}, claims_with(), OTHER_KEY)
    for token in (by_secret, unsigned, by_another, "", "a.b.c"):
        with pytest.raises(NotVouched):
            address_in(token, world)
