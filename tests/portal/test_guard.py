"""What stands in front of every route: CSRF, headers, limits, request ids, problems as pages and as JSON."""

from __future__ import annotations

import asyncio
import hashlib
import re
import tomllib
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope, Send

from services.core.errors import DependencyUnavailable
from services.portal.guard import BODY_LIMIT, Guard
from services.portal.keys import key_hash
from services.portal.ports import PortalOptions
from services.portal.program_work import token_for
from services.portal.static_files import FOLDER, static_files
from tests.builders import START, make_partner, make_rfi
from tests.portal.world import BASE, PortalWorld, portal_world

HTML = {"accept": "text/html"}
TEMPLATES = FOLDER.parent / "templates"


async def test_every_answer_has_the_headers_errors_too(world: PortalWorld) -> None:
    browser = world.client()
    for path in ("/sign-in", "/nothing", "/static/0/x.css", "/oauth/token"):
        answer = await browser.get(path)
        csp = answer.headers["content-security-policy"]
        assert "default-src 'none'" in csp
        assert "unsafe" not in csp
        assert "frame-ancestors 'none'" in csp
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-request-id"]
        assert "strict-transport-security" not in answer.headers


async def test_a_callers_request_id_is_taken_over_unless_it_could_harm_a_log(world: PortalWorld) -> None:
    browser = world.client()
    ids = [
        (await browser.get("/sign-in", headers={"x-request-id": sent})).headers["x-request-id"]
        for sent in ("crm-7:1", "a b", "x" * 200)
    ]
    assert ids[0] == "crm-7:1"
    assert all(len(id_) == 36 for id_ in ids[1:])


async def test_no_log_holds_a_link_a_key_or_what_was_searched_for(
    world: PortalWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    await world.stores.rfis.add([make_rfi(1)])
    signed = world.customer_path(make_rfi(1)).rpartition("/")[2]
    link, crm, ana = world.link_path("L"), await world.program(), await world.signed_in()
    for path in (f"/requests/{signed}", link, "/sign-in?next=/zebrafinch"):
        await world.client().get(path)
    await ana.get("/inbox", params={"text": "zebrafinch"})
    await crm.get("/v1.0/engagements/referrals")
    said = capsys.readouterr().out
    for route in ("/requests/{signed}", "/sign-in/link/{token}", "/v1.0/engagements/referrals", "/inbox"):
        assert route in said
    kept = (signed.rpartition(".")[2], link.rpartition(".")[2], "rxt_", ana.cookies["referrals"], "zebrafinch")
    assert [each for each in kept if each in said] == []


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"sec-fetch-site": "same-origin"}, 303),
        ({"origin": BASE}, 303),
        ({}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "none"}, 403),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://["}, 403),
        ({"origin": "portal.test"}, 403),
    ],
)
async def test_a_form_of_another_site_is_refused_even_with_the_token(
    world: PortalWorld, sent: dict[str, str], status: int
) -> None:
    browser = await world.signed_in()
    del browser.headers["sec-fetch-site"]
    answer = await browser.post("/sign-out", data={"csrf": browser.token}, headers={**HTML, **sent})
    assert answer.status_code == status


@pytest.mark.parametrize("token", [None, "", "x", "é"])
async def test_a_form_without_its_sessions_token_is_refused(world: PortalWorld, token: str | None) -> None:
    browser = await world.signed_in()
    sent = {} if token is None else {"csrf": token}
    answer = await browser.post("/sign-out", data=sent, headers={**HTML, "sec-fetch-site": "same-origin"})
    assert answer.status_code == 403
    assert (await browser.get("/")).headers["location"] == "/inbox"


async def test_a_refusal_is_told_in_the_persons_language_whatever_the_browsers_is(world: PortalWorld) -> None:
    ana = await world.signed_in(1, language="es")
    english = {**HTML, "accept-language": "en"}
    stale = await ana.post("/sign-out", data={"csrf": "old"}, headers=english)
    nowhere = [
        await ana.post("/nowhere", headers=english),
        await ana.post("/nowhere", data={"csrf": ana.token}, headers=english),
        await ana.request("DELETE", "/inbox", headers=english),
    ]
    assert (stale.status_code, [each.status_code for each in nowhere]) == (403, [404, 404, 405])
    for answer in (stale, *nowhere):
        assert '<html lang="es">' in answer.text
        # Its words are the person's; nothing else on it is.
        assert "Ana Ruiz" not in answer.text
    # And nobody was signed out.
    assert (await ana.get("/inbox")).status_code == 200


async def test_who_goes_too_fast_is_told_so_in_the_own_language() -> None:
    world = portal_world(options=PortalOptions(base_url=BASE, requests_per_minute=5))
    ana = await world.signed_in(language="es")
    headers = {**HTML, "accept-language": "en"}
    answers = [await ana.get("/inbox", headers=headers) for _ in range(15)]
    refused = [answer.text for answer in answers if answer.status_code == 429]
    assert refused
    assert all('<html lang="es">' in page for page in refused)
    await world.close()


async def test_a_customers_refusal_is_told_in_the_language_of_its_mails(world: PortalWorld) -> None:
    rfi = make_rfi(1)
    await world.stores.rfis.add([rfi])
    refused = await world.client().post(f"{world.customer_path(rfi)}/withdraw", headers=HTML)
    assert refused.status_code == 403
    assert f'<html lang="{rfi.customer.contact.language}">' in refused.text
    assert rfi.customer.contact.language == "es"


async def test_the_token_of_another_session_is_refused_and_the_header_counts_as_the_field(world: PortalWorld) -> None:
    mine = await world.signed_in()
    other = await world.signed_in(email="bea@partner1.example")
    assert (await mine.post("/sign-out", headers={**HTML, "x-csrf-token": other.token})).status_code == 403
    assert (await mine.post("/sign-out", headers={**HTML, "x-csrf-token": mine.token})).status_code == 303


async def test_a_body_that_is_too_large_is_refused_however_it_is_sent(world: PortalWorld) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b"a=" + b"x" * (BODY_LIMIT // 32) + b"&"

    form = {"content-type": "application/x-www-form-urlencoded"}
    assert (await world.client().post("/oauth/token", content=pieces(), headers=form)).status_code == 413
    just = b"&".join([b"x=".ljust(BODY_LIMIT // 4 - 1, b"x")] * 4).ljust(BODY_LIMIT, b"&")
    answer = await world.client().post("/oauth/token", content=just, headers=form)
    assert (len(just), answer.json()["error"]) == (BODY_LIMIT, "unsupported_grant_type"), "that much is read"
    whole = await world.client().post("/oauth/token", content=b"x" * (BODY_LIMIT + 1), headers=form)
    assert whole.status_code == 413
    assert whole.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("charset", "status"),
    [("", 403), ("; charset=UTF-8", 403), ('; charset="us-ascii"', 403)]
    + [(f"; charset={name}", 415) for name in ("idna", "punycode", "unicode_escape", "utf-7", "latin-1", "none")],
)
async def test_a_form_is_read_as_utf_8_alone(world: PortalWorld, charset: str, status: int) -> None:
    browser = await world.signed_in()
    body = b'--b\r\ncontent-disposition: form-data; name="csrf"\r\n\r\n\\ud800+2AA-\xff\r\n--b--\r\n'
    headers = {**HTML, "sec-fetch-site": "same-origin", "content-type": f"multipart/form-data; boundary=b{charset}"}
    answer = await browser.post("/sign-out", content=body, headers=headers)
    assert answer.status_code == status
    # A second one does not hide it: which of them is read is the framework's business.
    twice = [*headers.items(), ("content-type", "multipart/form-data; boundary=b")]
    assert (await browser.post("/sign-out", content=body, headers=twice)).status_code == status


async def _given(body: Sequence[bytes], every_s: float, *, piece_s: float, whole_s: float) -> tuple[int, bytes]:
    """What a guarded application answers to a body that comes in pieces, and what it has read by then."""
    pieces, read, statuses = list(body), b"", list[int]()

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal read
        more = True
        while more:
            try:
                message = await receive()
            except HTTPException as refused:
                await send({"type": "http.response.start", "status": refused.status_code})
                return
            read, more = read + message["body"], message["more_body"]
        await send({"type": "http.response.start", "status": 200})

    async def receive() -> Message:
        await asyncio.sleep(every_s)
        return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

    async def send(message: Message) -> None:
        statuses.append(message["status"])

    guard = Guard(application, secure=False, piece_s=piece_s, whole_s=whole_s)
    await guard({"type": "http", "method": "POST", "headers": []}, receive, send)
    return statuses[0], read


async def test_a_body_that_comes_drop_by_drop_is_not_waited_for() -> None:
    assert await _given([b"a", b"b"], 0.0, piece_s=5, whole_s=5) == (200, b"ab")
    assert await _given([b"a"], 60, piece_s=0.05, whole_s=5) == (408, b"")
    # Each drop is in time, and all of them are not.
    status, read = await _given([b"a"] * 10_000, 0.01, piece_s=5, whole_s=0.2)
    assert status == 408
    assert len(read) < 10_000


async def test_somebody_who_goes_too_fast_is_told_when_to_come_again() -> None:
    world = portal_world(options=PortalOptions(base_url=BASE, requests_per_minute=5))
    browser = await world.signed_in()
    answers = [await browser.get("/") for _ in range(15)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert 0 < int(refused[0].headers["retry-after"]) <= 60
    other = await world.signed_in(2)
    assert (await other.get("/")).status_code == 303
    await world.close()


async def test_a_client_that_gets_a_new_token_for_each_call_is_one_program() -> None:
    world = portal_world(options=PortalOptions(base_url=BASE, requests_per_minute=5))
    answers = []
    for n in range(15):
        _, issued = token_for("CRM", ["referrals.read"], START, partner_id=make_partner(1).id, client_id="crm")
        # As many as an hour may bring: each is another token of the same client.
        await world.stores.tokens.add_token(replace(issued, id=f"t-{n}", token_hash=key_hash(f"key {n}")))
        crm = world.client(headers={"authorization": f"Bearer key {n}"})
        answers.append(await crm.get("/v1.0/engagements/referrals"))
    assert [answer.status_code for answer in answers[:5]] == [200] * 5
    assert 429 in {answer.status_code for answer in answers}
    # A token of its own is another program.
    assert (await (await world.program(1)).get("/v1.0/engagements/referrals")).status_code == 200
    await world.close()


async def test_all_of_one_partner_go_at_ten_times_the_pace_of_one_and_no_faster() -> None:
    world = portal_world(options=PortalOptions(base_url=BASE, requests_per_minute=1))
    answers = []
    for n in range(40):
        _, token = token_for(f"CRM {n}", ["referrals.read"], START, partner_id=make_partner(1).id)
        await world.stores.tokens.add_token(replace(token, token_hash=key_hash(f"key {n}")))
        crm = world.client(headers={"authorization": f"Bearer key {n}"})
        answers.append(await crm.get("/v1.0/engagements/referrals"))
    assert [answer.status_code for answer in answers[:10]] == [200] * 10
    refused = [answer for answer in answers if answer.status_code == 429]
    # The window slides while a slow machine counts.
    assert len(refused) >= 10
    assert int(refused[0].headers["retry-after"]) > 0
    assert (await (await world.program(2)).get("/v1.0/engagements/referrals")).status_code == 200
    await world.close()


async def test_an_address_that_tries_keys_is_slowed_down(world: PortalWorld) -> None:
    browser = world.client(headers={"authorization": "Bearer nobody's"})
    # The window slides while a slow machine counts: a few more may pass, never three times as many.
    answers = [(await browser.post("/sign-out")).status_code for _ in range(180)]
    assert answers[:60] == [401] * 60
    assert 429 in answers


async def test_when_the_database_is_away_people_and_programs_are_told_to_come_again(world: PortalWorld) -> None:
    browser = await world.signed_in()
    world.stores.faults.fail_next(2)
    page = await browser.get("/")
    assert (page.status_code, page.headers["retry-after"]) == (503, "5")
    assert "Please try again in a moment" in page.text
    problem = await browser.post("/sign-out", headers={"accept": "application/json"})
    assert problem.status_code == 503
    assert problem.json()["title"] == "Service Unavailable"


async def test_an_error_of_ours_says_nothing_but_the_requests_id(world: PortalWorld) -> None:
    browser = await world.signed_in()
    world.stores.faults.fail_next(error=ZeroDivisionError("a customer's secret"))
    answer = await browser.get("/")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert answer.headers["x-request-id"] in answer.text
    assert answer.headers["content-security-policy"]
    assert DependencyUnavailable("mongo").dependency not in answer.text


async def test_files_are_kept_for_ever_under_the_address_of_their_content(world: PortalWorld) -> None:
    browser = world.client()
    page = (await browser.get("/sign-in")).text
    paths = re.findall(r'(?:href|src)="(/static/[^"]+)"', page)
    assert len(paths) >= 4
    for path in paths:
        answer = await browser.get(path)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
        again = await browser.get(path, headers={"if-none-match": answer.headers["etag"]})
        assert again.status_code == 304
    for path in ("/static/0/portal.css", "/static/x/../../app.py", "/static/0/%2e%2e%2fapp.py"):
        assert (await browser.get(path)).status_code == 404


def test_vendored_files_are_what_their_makers_published() -> None:
    vendored = tomllib.loads((FOLDER / "VENDOR.toml").read_text())
    assert {name for name in static_files() if "min" in name} == set(vendored)
    for name, entry in vendored.items():
        assert hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() == entry["sha256"]
        assert entry["version"] in name


@pytest.mark.parametrize("template", sorted(TEMPLATES.rglob("*.j2")), ids=lambda path: path.name)
def test_no_template_holds_what_the_content_policy_forbids(template: Path) -> None:
    text = template.read_text()
    assert not re.search(r"\sstyle=|<style|\son\w+=|javascript:|hx-on", text)
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", text))
    assert "|safe" not in text.replace(" ", "")
    for form in re.findall(r"<form[^>]*method=\"post\".*?</form>", text, re.DOTALL):
        # A search is asked for without a session: its form has a signed token of its own.
        token = 'name="token"' if template.name == "search_request.html.j2" else 'name="csrf"'
        assert token in form or "csrf_field" in form, form[:120]
