"""/v1/rfis: a partner's program sends a customer's request on, follows it, and ends it for the customer."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest

from schemas.topics import Topic
from services.core.codes import RfiState
from services.core.rfi import Rfi, Routing
from services.portal.engagements.reading import source_of
from tests.builders import START, make_chosen, make_partner, make_referral, make_rfi
from tests.portal.world import Browser, PortalWorld
from tests.submissions import rfi_json

PATH = "/v1/rfis"


@pytest.fixture
async def crm(world: PortalWorld) -> Browser:
    return await world.program(1)


async def sent_on(world: PortalWorld, n: int = 1) -> Rfi:
    """RFI `n`, sent on by partner 1 and asked of partners 2 and 3."""
    routing = Routing(at=START, chosen=(make_chosen(2), make_chosen(3)))
    rfi = replace(make_rfi(n), source=source_of(make_partner(1).id), state=RfiState.ROUTED, version=2, routing=routing)
    await world.stores.rfis.add([rfi])
    await world.stores.partners.put_partners([make_partner(2), make_partner(3)])
    await world.stores.referrals.add([make_referral(n, partner=2), make_referral(n, partner=3)])
    return rfi


async def test_a_request_goes_to_intake_and_a_repeat_is_the_same(world: PortalWorld, crm: Browser) -> None:
    first, again = [await crm.post(PATH, json=rfi_json()) for _ in range(2)]
    assert (first.status_code, first.json()) == (202, again.json())
    assert first.headers["location"] == f"http://portal.test{PATH}/{first.json()['id']}"
    sources = {dict(each.headers)["ce_source"] for each in world.log.records(Topic.RFI_SUBMITTED)}
    assert sources == {source_of(make_partner(1).id).encode()}


async def test_every_problem_of_a_request_is_told(crm: Browser) -> None:
    answer = await crm.post(PATH, json={"id": "x"})
    assert answer.status_code == 422
    assert len(answer.json()["errors"]) > 3
    assert (await crm.post(PATH, json=[1])).status_code == 422


async def test_what_no_consumer_could_read_is_refused_at_its_field(world: PortalWorld, crm: Browser) -> None:
    sent = orjson.dumps({**rfi_json(), "id": "?", "extensions": "!", "deep": "~"})
    body = sent.replace(b'"?"', b'"\\ud800"').replace(b'"!"', b'{"n": 1' + b"0" * 30 + b"}")
    body = body.replace(b'"~"', b"[" * 300 + b"]" * 300)
    answer = await crm.post(PATH, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 422
    assert [each["pointer"] for each in answer.json()["errors"]] == ["/id", "/extensions", "/deep"]
    name = await crm.post(PATH, content=b'{"\\ud800": 1}', headers={"content-type": "application/json"})
    assert (name.status_code, name.json()["errors"][0]["pointer"]) == (422, "")
    assert world.log.records(Topic.RFI_SUBMITTED) == []


async def test_it_tells_where_each_asked_partner_stands_and_nothing_of_the_deal(
    world: PortalWorld, crm: Browser
) -> None:
    rfi = await sent_on(world)
    told = (await crm.get(f"{PATH}/{rfi.id}")).json()
    assert (told["id"], told["publisherId"], told["state"]) == (rfi.id, rfi.publisher_id, "routed")
    assert {(each["name"], each["substatus"]) for each in told["partners"]} == {
        ("Partner 2", "Pending"),
        ("Partner 3", "Pending"),
    }
    assert told["partners"][0].keys() == {"partnerId", "name", "status", "substatus", "updatedAt"}


async def test_the_customer_s_choice_stands_once_it_is_made(world: PortalWorld, crm: Browser) -> None:
    rfi = await sent_on(world)
    at = f"{PATH}/{rfi.id}"
    wrong = await crm.post(f"{at}/choose", json={"partnerId": "nobody"})
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "/partnerId")
    choice = {"partnerId": make_partner(2).id}
    first, again = [await crm.post(f"{at}/choose", json=choice) for _ in range(2)]
    assert first.json() == again.json()
    assert (first.json()["state"], first.json()["chosenPartnerId"]) == ("chosen", make_partner(2).id)
    late = await crm.post(f"{at}/withdraw", json={})
    assert late.status_code == 409
    assert "chosen" in late.json()["detail"]


async def test_a_request_is_taken_back_with_the_reason(world: PortalWorld, crm: Browser) -> None:
    rfi = await sent_on(world)
    answer = await crm.post(f"{PATH}/{rfi.id}/withdraw", json={"reason": "noLongerNeeded"})
    assert answer.json()["state"] == "withdrawn"
    told = world.log.records(Topic.ENGAGEMENT_EVENTS)[-1]
    assert b"engagement.withdrawn" in dict(told.headers)["ce_type"]


async def test_others_do_not_find_it_not_even_those_it_was_sent_to(world: PortalWorld) -> None:
    rfi = await sent_on(world)
    for n in (2, 4):
        other = await world.program(n)
        assert (await other.get(f"{PATH}/{rfi.id}")).status_code == 404
        assert (await other.post(f"{PATH}/{rfi.id}/withdraw", json={})).status_code == 404
    assert (await world.stores.rfis.load([rfi.id]))[rfi.id] == rfi
