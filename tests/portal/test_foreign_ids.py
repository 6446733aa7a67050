"""Who asks for a thing of another partner by its id is told that there is none, and leaves a note for the operator."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry
from starlette.types import Message, Receive, Scope, Send
from structlog.testing import capture_logs

from services.core.foreign_ids import ForeignAskDay, Thing
from services.portal.foreign_ids import MOST_NOTED, MOST_WAITING, ForeignIds
from services.portal.identity import Identity, IdentityKind
from tests.builders import make_partner, make_referral
from tests.contract.foreign_id_suite import make_ask
from tests.contract.webhook_suite import make_webhook
from tests.portal.world import Browser, PortalWorld, portal_world

REFERRALS = "/v1.0/engagements/referrals"
ALL = ("referrals.write", "profiles.write", "users.write", "webhooks.write")


async def notes(world: PortalWorld) -> list[ForeignAskDay]:
    foreign_ids: ForeignIds = world.app.state.foreign_ids
    await foreign_ids.settled()
    return await world.stores.foreign_asks.newest(1000)  # type: ignore[no-any-return]


async def test_a_foreign_id_is_noted_once_a_day_and_an_unknown_one_never() -> None:
    registry = CollectorRegistry()
    world = portal_world(registry=registry)
    theirs, own = await world.add_referral(1, partner=2), await world.add_referral(2)
    crm = await world.program(1)
    with capture_logs() as logs:
        for id_ in (theirs.id, theirs.id, "r-9", own.id):
            answer = await crm.post(f"{REFERRALS}/{id_}/open")
            assert answer.status_code == (200 if id_ == own.id else 404)
        (note,) = await notes(world)
    assert (note.by, note.partner_id, note.times) == (crm_name(world), make_partner(1).id, 2)
    assert (note.operation, note.thing) == (f"POST {REFERRALS}/{{referral_id}}/open", Thing.REFERRAL)
    assert (note.thing_id, note.first_at) == (theirs.id, world.clock.real_now())
    told = [each for each in logs if each["event"] == "foreign_id_refused"]
    assert told == 2 * [
        {
            "event": "foreign_id_refused",
            "log_level": "warning",
            "by": note.by,
            "operation": note.operation,
            "thing": "referral",
            "id": theirs.id,
        }
    ]
    assert registry.get_sample_value("referrals_foreign_ids_refused_total", {"thing": "referral"}) == 2
    world.clock.advance(timedelta(days=1))
    await crm.get(f"{REFERRALS}/{theirs.id}")
    assert [each.times for each in await notes(world)] == [1, 2]
    await world.close()


def crm_name(world: PortalWorld) -> str:
    (token,) = world.stores.tokens.tokens
    return f"partner:{token}"


async def test_what_everybody_of_an_engagement_knows_is_no_foreign_id(world: PortalWorld) -> None:
    own = await world.add_referral(1)
    crm = await world.program(1)
    # A program that takes the engagement's id for that of a request of its own.
    assert (await crm.get(f"/v1/rfis/{own.rfi_id}")).status_code == 404
    assert await notes(world) == []
    other = await world.program(2)
    assert (await other.get(f"/v1/rfis/{own.rfi_id}")).status_code == 404
    assert [(each.thing, each.thing_id) for each in await notes(world)] == [(Thing.REQUEST, own.rfi_id)]


async def test_an_id_in_a_question_and_those_in_a_spreadsheet_are_noted_too(world: PortalWorld) -> None:
    own, theirs = await world.add_referral(1), await world.add_referral(1, partner=2)
    crm = await world.program(1, ALL)
    asked = await crm.get(f"/v1/engagements/{own.rfi_id}/explanation", params={"partnerId": make_partner(2).id})
    assert asked.status_code == 404
    sheet = f"Id,Name\r\n{theirs.id},Theirs\r\nr-9,Nobody's\r\n{own.id},Mine\r\n"
    assert (await crm.post("/v1.0/engagements/import.csv", content=sheet.encode())).status_code == 200
    found = {(each.thing, each.thing_id) for each in await notes(world)}
    assert found == {(Thing.PARTNER, make_partner(2).id), (Thing.REFERRAL, theirs.id)}


async def test_neither_operators_nor_their_pages_leave_notes(world: PortalWorld) -> None:
    theirs = await world.add_referral(1)
    boss, ana = await world.signed_in(None), await world.signed_in(2)
    assert (await boss.get(f"/referrals/{theirs.id}")).status_code == 404
    assert (await ana.get(f"/operator/requests/{theirs.rfi_id}")).status_code == 404
    assert await notes(world) == []


class Ended:
    """The application; remembers what the stores had been asked when the last byte of an answer left."""

    def __init__(self, world: PortalWorld) -> None:
        self._world, self.calls = world, list[str]()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked: list[str] = self._world.stores.faults.calls
        before = len(asked)

        async def sending(message: Message) -> None:
            await send(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                self.calls = asked[before:]

        await self._world.app(scope, receive, sending)


async def test_a_foreign_and_an_unknown_id_cost_the_same_until_the_answer_is_there(world: PortalWorld) -> None:
    theirs, hook = await world.add_referral(1), make_webhook(partner_id=make_partner(1).id)
    await world.stores.webhooks.put_webhook(hook)
    person = await world.add_user(1)
    crm, app = await world.program(2, ALL), Ended(world)
    through = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://portal.test", headers=crm.headers)
    await through.get("/v1/statistics")  # The first use of a token is written down.
    for method, path, id_, body in (
        ("GET", f"{REFERRALS}/{{}}", theirs.id, None),
        ("GET", f"{REFERRALS}/{{}}/related", theirs.id, None),
        ("PATCH", f"{REFERRALS}/{{}}", theirs.id, [{"op": "add", "path": "/colour", "value": 1}]),
        ("PUT", f"{REFERRALS}/{{}}", theirs.id, {"name": "x"}),
        ("GET", "/v1/rfis/{}", theirs.rfi_id, None),
        ("POST", "/v1/rfis/{}/wanted", theirs.rfi_id, {"partnerId": "p", "more": 1}),
        ("GET", "/v1/engagements/{}", theirs.rfi_id, None),
        ("GET", "/v1/partners/{}", make_partner(1).id, None),
        ("GET", "/v1/users/{}", person.id, None),
        ("DELETE", "/v1/webhooks/{}", hook.id, None),
    ):
        costs, words = [], set[str]()
        for asked in (id_, "00000000-0000-5000-8000-000000000000"):
            answer = await through.request(method, path.format(asked), json=body)
            costs.append(app.calls)
            # The words of /v1 have the request's own id in them.
            words.add(answer.text.partition('"instance"')[0].replace(asked, "it"))
            assert answer.status_code == 404, (path, answer.text)
            await notes(world)
        assert costs[0] == costs[1], path
        assert len(words) == 1
    await through.aclose()


def somebody(n: int = 1) -> Identity:
    return Identity(kind=IdentityKind.PARTNER, subject=f"t-{n}", name=f"partner:t-{n}", partner_id=make_partner(1).id)


async def test_who_asks_for_very_many_has_some_noted_in_an_hour_and_all_counted() -> None:
    registry = CollectorRegistry()
    world = portal_world(registry=registry)
    foreign_ids: ForeignIds = world.app.state.foreign_ids
    theirs = [make_referral(n, partner=2) for n in range(1, MOST_NOTED + 3)]
    await world.stores.referrals.add(theirs)
    many = [("referral_id", each.id) for each in theirs]
    foreign_ids.refused(somebody(), "GET /x", many)
    foreign_ids.refused(somebody(), "GET /y", many[:1])
    foreign_ids.refused(somebody(2), "GET /x", many[:1])
    assert len(await notes(world)) == MOST_NOTED + 1
    assert registry.get_sample_value("referrals_foreign_ids_refused_total", {"thing": "referral"}) == MOST_NOTED + 4
    world.clock.advance(timedelta(hours=1))
    foreign_ids.refused(somebody(), "GET /y", many[:1])
    assert len(await notes(world)) == MOST_NOTED + 2
    # A client that gets a new token for each call is one caller.
    world.clock.advance(timedelta(hours=1))
    foreign_ids.refused(replace(somebody(3), client_id="crm"), "GET /z", many)
    foreign_ids.refused(replace(somebody(4), client_id="crm"), "GET /z", many[-1:])
    assert len(await notes(world)) == 2 * MOST_NOTED + 2
    await world.close()


async def test_what_waits_is_bounded_and_an_orderly_stop_leaves_nothing(world: PortalWorld) -> None:
    foreign_ids: ForeignIds = world.app.state.foreign_ids
    theirs = await world.add_referral(1, partner=2)
    stop = asyncio.Event()
    ends = asyncio.create_task(foreign_ids.until(stop))
    with capture_logs() as logs:
        for _ in range(MOST_WAITING + 1):
            foreign_ids.refused(somebody(), "GET /x", [("referral_id", theirs.id)])
    assert [each["event"] for each in logs] == ["foreign_ids_not_looked_at"]
    stop.set()
    await ends
    assert world.stores.foreign_asks.stored


async def test_a_database_that_is_away_costs_the_note_and_nothing_else(world: PortalWorld) -> None:
    foreign_ids: ForeignIds = world.app.state.foreign_ids
    theirs = await world.add_referral(1, partner=2)
    world.stores.faults.fail_next()
    with capture_logs() as logs:
        foreign_ids.refused(somebody(), "GET /x", [("referral_id", theirs.id)])
        foreign_ids.refused(somebody(), "GET /y", [("referral_id", theirs.id)])
        (note,) = await notes(world)
    assert note.operation == "GET /y"
    assert [each["event"] for each in logs] == ["foreign_ids_not_looked_at", "foreign_id_refused"]


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", ("Who asked for others' things", "2 times")), ("es", ("Quién pidió cosas de otros", "2 veces"))],
)
async def test_operators_see_the_notes_beside_the_audit(world: PortalWorld, language: str, words: Any) -> None:
    await world.stores.partners.put_partners([make_partner(1)])
    ask = make_ask(partner_id=make_partner(1).id)
    boss: Browser = await world.signed_in(None, language=language)
    assert ask.by not in (await boss.get("/operator/audit")).text
    await world.stores.foreign_asks.note([ask, ask])
    page = (await boss.get("/operator/audit")).text
    for each in (*words, make_partner(1).name, ask.operation, ask.thing_id, ask.by):
        assert each in page
