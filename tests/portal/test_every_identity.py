"""Every operation of the portal x everybody who could call it: let in, or refused without one byte of what is there.

The table stands in `who_may`. What the walk is about belongs to partner 1 and its customer, and is full of canaries.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest
from fastapi.routing import iter_route_contexts

from schemas.topics import Group, Topic
from services.core.accounts import Role
from services.core.codes import RfiState
from services.core.errors import Problem
from services.core.foreign_ids import ForeignAskDay
from services.core.ids import dead_letter_id, refusal_id
from services.core.ports import DeadLetter, Record
from services.core.rfi import Rfi, Routing
from services.core.stores import Refusal
from services.core.webhooks import DeliveryState
from services.matching.suggested import SuggestionCode
from services.portal.openapi import document
from services.portal.ports import PortalOptions
from services.portal.program_work import token_for
from tests.builders import (
    START,
    make_chosen,
    make_customer,
    make_need,
    make_partner,
    make_person,
    make_profile,
    make_referral,
    make_rfi,
)
from tests.contract.webhook_suite import make_delivery, make_webhook
from tests.portal.who_may import BODIES, OTHERS, PROGRAMS, RULES, UNKNOWN, Rule, Who, refusal, strays
from tests.portal.world import BASE, Browser, PortalWorld, portal_world

#: In every text of the referral and of what lies around it.
CANARY = "zebrafinch"
_REFUSED = {401, 403, 404, 405}
_API = ("/v1/", "/v1.0/", "/oauth/")


@dataclass(frozen=True)
class Scene:
    """A portal with one referral of partner 1, the customer's link to it, and another customer's."""

    world: PortalWorld
    ids: dict[str, str]
    links: dict[Who, str]

    def state(self) -> list[Any]:
        """All that an operation of somebody without a right must leave as it is."""
        stores = self.world.stores
        kept = [stores.referrals, stores.rfis, stores.refusals, stores.dead_letters, stores.jobs, stores.favourites]
        kept.append(stores.users)
        records = [len(self.world.log.records(topic)) for topic in Topic]
        beside = [
            stores.partners.partners,
            stores.partners.profiles,
            stores.webhooks.stored,
            stores.webhooks.hooks,
            stores.dead_letters.dropped,
        ]
        return [deepcopy(each.stored) for each in kept] + [records, *map(deepcopy, beside)]


def _canaries() -> Rfi:
    contact = make_person(first_name=CANARY, last_name=CANARY, email=f"{CANARY}@{CANARY}.example")
    rfi = make_rfi(1, customer=make_customer(company=f"{CANARY} Ltd", contact=contact))
    need = make_need(title=f"Move {CANARY}", description=f"All of {CANARY}")
    return replace(
        rfi, need=need, state=RfiState.ROUTED, version=2, routing=Routing(at=START, chosen=(make_chosen(1),))
    )


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    world = portal_world(options=PortalOptions(base_url=BASE, requests_per_minute=100_000))
    rfi, other = _canaries(), make_rfi(2, state=RfiState.ROUTED, version=2, routing=Routing(at=START, chosen=()))
    await world.stores.rfis.add([rfi, other])
    await world.stores.partners.put_partners([make_partner(1), make_partner(2)])
    await world.stores.partners.put_profiles([make_profile(1, keywords=(CANARY,)), make_profile(2)])
    referral = make_referral(1)
    canaried = replace(referral, title=rfi.need.title, company=rfi.customer.company)
    await world.stores.referrals.add([canaried, make_referral(2, partner=2)])
    ids = {
        "referral_id": referral.id,
        "rfi_id": rfi.id,
        "token": "x.y",
        "version": "0",
        "name": "portal.css",
        "country": "ES",
        "member_id": (await world.add_user(1, email="carl@partner1.example")).id,
    }
    ids |= {"user_id": ids["member_id"], "engagement_id": rfi.id, "partner_id": make_partner(1).id}
    ids["suggestion_id"] = _suggestion(world)
    ids["program_id"] = await _program(world)
    ids |= await _put_aside(world) | await _hooks(world)
    links = {who: world.customer_path(each)[10:] for who, each in ((Who.CUSTOMER, rfi), (Who.OTHER_CUSTOMER, other))}
    yield Scene(world, ids, links)
    await world.close()


def _suggestion(world: PortalWorld) -> str:
    """The id of a suggestion that partner 1 has taken already."""
    text = f"{make_profile(1).id}|{SuggestionCode.ADD_KEYWORD}|{CANARY}"
    return world.ports.signer.sign("suggestion", urlsafe_b64encode(text.encode()).decode().rstrip("="))


async def _program(world: PortalWorld) -> str:
    """The id of a program of partner 1."""
    _, token = token_for(CANARY, ["referrals.read"], START, partner_id=make_partner(1).id)
    await world.stores.tokens.add_token(token)
    return token.id


async def _hooks(world: PortalWorld) -> dict[str, str]:
    """A webhook with canaries, and a delivery of it that was given up."""
    hook = make_webhook(partner_id=make_partner(1).id, url=f"https://{CANARY}.example/", description=CANARY)
    delivery = make_delivery(partner_id=hook.partner_id, state=DeliveryState.PARKED, last_error=CANARY)
    await world.stores.webhooks.put_webhook(hook)
    await world.stores.webhooks.add_deliveries([delivery])
    return {"webhook_id": hook.id, "delivery_id": delivery.id}


async def _put_aside(world: PortalWorld) -> dict[str, str]:
    """A refusal and a dead letter, with canaries."""
    record = Record(
        topic=Topic.RFI_SUBMITTED, partition=0, offset=3, timestamp=START, key=b"k", value=f'"{CANARY}"'.encode()
    )
    ids = {
        "refusal_id": refusal_id(Topic.RFI_SUBMITTED, 0, 3),
        "letter_id": dead_letter_id(Group.ROUTER, Topic.RFI_ACCEPTED, 0, 3),
    }
    problem = Problem("/customer", "required", "give the customer")
    refused = Refusal(id=ids["refusal_id"], source="s", publisher_id="p", problems=(problem,), at=START, record=record)
    await world.stores.refusals.put([refused])
    letter = replace(record, topic=Topic.RFI_ACCEPTED)
    put = DeadLetter(group=Group.ROUTER, record=letter, reason="UnknownMessage", detail=CANARY, at=START)
    await world.stores.dead_letters.put([put])
    return ids


#: Partner and scopes of programs.
_TOKENS: Mapping[Who, tuple[int | None, str]] = {
    Who.PROGRAM: (1, "referrals.write"),
    Who.READER: (1, "referrals.read"),
    Who.NO_SCOPE: (1, "webhooks.write"),
    Who.KEEPER: (1, "profiles.write users.write"),
    Who.OTHER_PROGRAM: (2, "referrals.write"),
    Who.OTHER_KEEPER: (2, "profiles.write users.write"),
    Who.OPERATOR_PROGRAM: (None, "operator"),
}
_PEOPLE: Mapping[Who, tuple[int | None, Role]] = {
    Who.ADMIN: (1, Role.ADMIN),
    Who.MEMBER: (1, Role.MEMBER),
    Who.VIEWER: (1, Role.VIEWER),
    Who.OTHER: (2, Role.ADMIN),
    Who.OPERATOR: (None, Role.MEMBER),
}


async def _caller(scene: Scene, who: Who) -> Browser:
    """A client that one is signed in with, anew."""
    if who in _TOKENS:
        partner, scopes = _TOKENS[who]
        return await scene.world.program(partner, scopes.split())
    if who in _PEOPLE:
        partner, role = _PEOPLE[who]
        return await scene.world.signed_in(partner, email=f"{who.name.lower()}@people.example", role=role)
    return scene.world.client()


def _operations(scene: Scene) -> Iterator[tuple[str, str]]:
    for route in iter_route_contexts(scene.world.app.routes):
        for method in sorted(route.methods or ()):
            yield method, str(route.path)


def _path(scene: Scene, path: str, who: Who) -> str:
    signed = scene.links.get(who)
    if signed is None:
        # Who has no link tries the bare id, and a signature that is nearly right.
        good = scene.links[Who.CUSTOMER]
        signed = good[:-2] + ("AA" if not good.endswith("AA") else "BB")
    return path.format_map({**scene.ids, "signed": signed})


async def _call(scene: Scene, browser: Browser, who: Who, operation: str, *, token: bool = True) -> httpx.Response:
    method, _, path = operation.partition(" ")
    headers = {"if-match": '"1"', "accept": "application/json" if path.startswith(_API) else "text/html"}
    if token:
        headers["x-csrf-token"] = browser.token
    if "{signed}" in path and who in scene.links:
        page = await browser.get(_path(scene, "/requests/{signed}", who))
        assert page.status_code == 200
        headers["x-csrf-token"] = browser.token
    partner = make_partner(2 if who is Who.OTHER_CUSTOMER else 1).id
    body: dict[str, Any] = {
        "data": {"id": scene.ids["referral_id"], "partner": partner, "path": "/inbox", "country": "ES"}
    }
    if operation in BODIES:
        body = {"json": BODIES[operation]}
    elif path.endswith(".csv"):
        body = {"content": f"Id,Status\r\n{scene.ids['referral_id']},Active\r\n"}
    elif method == "PUT":
        owner = await _caller(scene, Who.PROGRAM)
        body = {"json": (await owner.get(_path(scene, path, Who.PROGRAM))).json()}
    if method in {"GET", "HEAD"}:
        body = {}
    return await browser.request(method, _path(scene, path, who), headers=headers, **body)


async def test_the_table_names_every_operation_and_no_other(scene: Scene) -> None:
    there = {f"{method} {path}" for method, path in _operations(scene)}
    assert there - RULES.keys() == set(), "name new routes in tests/portal/who_may.py: who may call them?"
    assert RULES.keys() - there == set()


async def test_the_document_tells_of_no_operation_beyond_the_table(scene: Scene) -> None:
    told = {f"{method.upper()} {path}" for path, each in document(scene.world.app)["paths"].items() for method in each}
    assert told
    assert told <= RULES.keys()


def _expected(operation: str, who: Who) -> int | None:
    """The status of a refusal. Pages are for people: to a program every one is shut, whatever its token may do."""
    rule, page = RULES[operation], not operation.partition(" ")[2].startswith(_API)
    if page and who in PROGRAMS and rule not in {Rule.ANYBODY, Rule.CUSTOMER}:
        return 403
    return refusal(rule, who)


def _wrong(operation: str, who: Who, answer: httpx.Response, *, changed: bool) -> list[str]:
    """What is wrong with an answer, in words."""
    expected = _expected(operation, who)
    seen = f"{who.value}: {operation} gave {answer.status_code}"
    to_sign_in = answer.status_code == 303 and answer.headers["location"].startswith("/sign-in")
    if expected is None:
        shut = answer.status_code in _REFUSED - ({401} if operation == "POST /oauth/token" else set())
        refused = (shut and RULES[operation] is not Rule.ANYBODY) or answer.status_code >= 500
        signs_in = RULES[operation] is Rule.ANYBODY or operation == "POST /sign-out"
        found = [f"{seen}, and it may"] if refused or (to_sign_in and not signs_in) else []
        # Another partner and another customer see what is theirs, and nothing else.
        foreign = who in {*OTHERS, *UNKNOWN} - {Who.CUSTOMER}
        leaks = foreign and CANARY in answer.text
        return [*found, f"{seen} with what is another's"] if leaks else found
    page = not operation.partition(" ")[2].startswith(_API)
    right = answer.status_code == expected or (expected == 401 and page and to_sign_in)
    found = [] if right else [f"{seen}, not {expected}"]
    if CANARY in answer.text or CANARY in str(answer.headers):
        found.append(f"{seen}, and leaked")
    return [*found, f"{seen}, and changed something"] if changed else found


@pytest.mark.parametrize("who", Who, ids=lambda who: who.name.lower())
async def test_each_gets_what_the_table_says(scene: Scene, who: Who) -> None:
    wrong: list[str] = []
    browser = await _caller(scene, who)
    for method, path in _operations(scene):
        operation = f"{method} {path}"
        before = scene.state()
        answer = await _call(scene, browser, who, operation)
        wrong += _wrong(operation, who, answer, changed=scene.state() != before)
        if method in {"GET", "HEAD"} and scene.state() != before:
            wrong.append(f"{who.value}: {operation} changed something by looking")
        if operation == "POST /sign-out":
            browser = await _caller(scene, who)
    assert wrong == []
    noted = await _noted(scene)
    assert {(each.partner_id, each.times) for each in noted} <= {(make_partner(2).id, 1)}
    assert sorted(each.operation for each in noted) == sorted(_straying(scene, who))


def _straying(scene: Scene, who: Who) -> list[str]:
    """The operations with which one asks for what is another partner's."""
    there = [f"{method} {path}" for method, path in _operations(scene)]
    found = [each for each in there if strays(RULES[each], who) and _expected(each, who) == 404]
    # Each row of a spreadsheet has an answer of its own.
    rows = "POST /v1.0/engagements/import.csv"
    return [*found, rows] if who in OTHERS and _expected(rows, who) is None else found


async def _noted(scene: Scene) -> list[ForeignAskDay]:
    await scene.world.app.state.foreign_ids.settled()
    return list(scene.world.stores.foreign_asks.stored.values())


@pytest.mark.parametrize("who", sorted(OTHERS), ids=lambda who: who.name.lower())
async def test_ids_that_nobody_has_leave_no_note(scene: Scene, who: Who) -> None:
    browser = await _caller(scene, who)
    unknown = {name: "00000000-0000-5000-8000-000000000000" for name in scene.ids if name.endswith("_id")}
    nobodys = replace(scene, ids={**scene.ids, **unknown})
    for operation in _straying(scene, who):
        # A whole referral that its owner reads is another test's.
        if not operation.startswith("PUT /v1.0/"):
            assert (await _call(nobodys, browser, who, operation)).status_code in {200, 404}
    assert await _noted(scene) == []


@pytest.mark.parametrize("who", sorted(set(Who) - PROGRAMS - UNKNOWN), ids=lambda who: who.name.lower())
async def test_no_session_changes_anything_without_the_token_of_its_pages(scene: Scene, who: Who) -> None:
    wrong: list[str] = []
    browser = await _caller(scene, who)
    for method, path in _operations(scene):
        operation = f"{method} {path}"
        if method in {"GET", "HEAD"} or RULES[operation] in {Rule.ANYBODY, Rule.CUSTOMER}:
            continue
        before = scene.state()
        answer = await _call(scene, browser, who, operation, token=False)
        if answer.status_code != 403 or CANARY in answer.text or scene.state() != before:
            wrong.append(f"{who.value}: {operation} gave {answer.status_code}")
    assert wrong == []


async def test_no_scanner_changes_anything_behind_a_customers_link(scene: Scene) -> None:
    wrong: list[str] = []
    scanner = scene.world.client()
    fields = {"sure": "yes", "partner": make_partner(2).id, "reason": "noLongerNeeded"}
    forms = [path for method, path in _operations(scene) if method == "POST" and "{signed}" in path]
    assert len(forms) >= 4
    before = scene.state()
    for path in forms:
        at = _path(scene, path, Who.CUSTOMER)
        tokens: tuple[dict[str, str], ...] = ({}, {"csrf": ""}, {"csrf": at.rpartition(".")[2].partition("/")[0]})
        for token in tokens:
            answer = await scanner.post(at, data=fields | token)
            if answer.status_code != 403 or CANARY in answer.text:
                wrong.append(f"{path} gave {answer.status_code}")
    assert (wrong, scene.state() == before) == ([], True)


async def test_the_owner_does_see_the_canary(scene: Scene) -> None:
    for who, path in ((Who.ADMIN, "GET /inbox"), (Who.PROGRAM, "GET /v1.0/engagements/referrals/{referral_id}")):
        assert CANARY in (await _call(scene, await _caller(scene, who), who, path)).text
    path = "GET /requests/{signed}"
    assert CANARY in (await _call(scene, await _caller(scene, Who.CUSTOMER), Who.CUSTOMER, path)).text


async def test_asking_for_the_headers_alone_is_refused_and_changes_nothing(scene: Scene) -> None:
    there = set(_operations(scene))
    # Those that declare HEAD are walked over with all others.
    asked = sorted(path for method, path in there if method == "GET" and ("HEAD", path) not in there)
    assert len(asked) > 50
    wrong: list[str] = []
    for who in (Who.ADMIN, Who.PROGRAM, Who.OPERATOR, Who.CUSTOMER):
        browser = await _caller(scene, who)
        before = scene.state()
        for path in asked:
            answer = await browser.request("HEAD", _path(scene, path, who))
            if answer.status_code != 405 or scene.state() != before:
                wrong.append(f"{who.value}: HEAD {path} gave {answer.status_code}")
    assert wrong == []
