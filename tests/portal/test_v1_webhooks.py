"""/v1/webhooks: made with a secret that is shown once, changed without lost updates, parked deliveries replayed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.core.accounts import Role
from services.core.webhooks import WEBHOOK_LIMIT, DeliveryState, HookEvent
from tests.builders import START, make_partner
from tests.contract.webhook_suite import make_delivery
from tests.portal.world import Browser, PortalWorld

PATH, DELIVERIES = "/v1/webhooks", "/v1/webhook-deliveries"
GIVEN = {"url": "https://crm.example/hook", "events": ["referral.created"], "description": "CRM"}


@pytest.fixture
async def crm(world: PortalWorld) -> Browser:
    return await world.program(1, ("webhooks.write",))


async def test_the_secret_is_shown_when_it_is_made_and_never_again(world: PortalWorld, crm: Browser) -> None:
    made = await crm.post(PATH, json=GIVEN)
    assert made.status_code == 201
    secret, id_ = made.json()["secret"], made.json()["id"]
    assert secret.startswith("whsec_")
    assert made.headers["location"] == f"http://portal.test{PATH}/{id_}"
    one, listed = await crm.get(f"{PATH}/{id_}"), await crm.get(PATH)
    assert one.json() == listed.json()["value"][0]
    assert one.headers["etag"] == made.headers["etag"] == '"1"'
    assert (one.json()["url"], one.json()["events"]) == (GIVEN["url"], GIVEN["events"])
    assert secret not in one.text + listed.text
    assert (await world.stores.webhooks.webhooks([id_]))[id_].partner_id == make_partner(1).id


async def test_several_addresses_get_the_same_events(world: PortalWorld, crm: Browser) -> None:
    for n in range(2):
        await crm.post(PATH, json={"url": f"https://crm{n}.example/"})
    found = await world.stores.webhooks.webhooks_of([make_partner(1).id])
    assert [each.events for each in found] == [tuple(HookEvent), tuple(HookEvent)]


async def test_every_problem_of_an_address_is_told(crm: Browser) -> None:
    answer = await crm.post(PATH, json={**GIVEN, "url": "http://me:it@10.0.0.1/"})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert [each["code"] for each in answer.json()["errors"]] == ["https_only", "too_much", "private_address"]
    both = await crm.post(PATH, json={"url": "", "events": ["no.such"], "more": 1})
    assert {each["pointer"] for each in both.json()["errors"]} == {"/url", "/events/0", "/more"}


async def test_a_change_needs_what_was_read(crm: Browser) -> None:
    made = (await crm.post(PATH, json=GIVEN)).json()
    at = f"{PATH}/{made['id']}"
    first = await crm.put(at, json={**GIVEN, "active": False}, headers={"If-Match": '"1"'})
    assert (first.status_code, first.headers["etag"], first.json()["active"]) == (200, '"2"', False)
    late = await crm.put(at, json=GIVEN, headers={"If-Match": '"1"'})
    assert late.status_code == 412
    assert (await crm.get(at)).json()["active"] is False


@pytest.mark.parametrize(
    ("if_match", "status"),
    [
        ('"1"', 200),
        ('W/"1"', 200),
        ("1", 200),
        ('"7", "1"', 200),
        (" * ", 200),
        ('"2"', 412),
        ("", 412),
        ('W/"*"', 412),
    ],
)
async def test_what_was_read_is_known_however_proxies_and_clients_write_it(
    crm: Browser, if_match: str, status: int
) -> None:
    made = (await crm.post(PATH, json=GIVEN)).json()
    answer = await crm.put(f"{PATH}/{made['id']}", json=GIVEN, headers={"if-match": if_match})
    assert answer.status_code == status


async def test_one_that_was_switched_off_goes_on_when_its_partner_says_so(world: PortalWorld, crm: Browser) -> None:
    made = (await crm.post(PATH, json=GIVEN)).json()
    await world.stores.webhooks.disable_webhook(made["id"], "the receiver answered 410 Gone")
    at = f"{PATH}/{made['id']}"
    assert (await crm.get(at)).json()["disabledBecause"] == "the receiver answered 410 Gone"
    again = await crm.put(at, json=GIVEN)
    assert again.json()["active"] is True
    assert "disabledBecause" not in again.json()


async def test_a_new_secret_signs_beside_the_old_one(world: PortalWorld, crm: Browser) -> None:
    made = (await crm.post(PATH, json=GIVEN)).json()
    fresh = (await crm.post(f"{PATH}/{made['id']}/secret")).json()
    hook = (await world.stores.webhooks.webhooks([made["id"]]))[made["id"]]
    assert hook.secrets(world.clock.real_now()) == (fresh["secret"], made["secret"])
    assert fresh["secret"] != made["secret"]


async def test_it_can_be_removed_and_there_are_not_too_many(crm: Browser) -> None:
    ids = [(await crm.post(PATH, json=GIVEN)).json()["id"] for _ in range(WEBHOOK_LIMIT)]
    assert (await crm.post(PATH, json=GIVEN)).status_code == 409
    assert (await crm.delete(f"{PATH}/{ids[0]}")).status_code == 204
    assert (await crm.delete(f"{PATH}/{ids[0]}")).status_code == 404
    assert (await crm.post(PATH, json=GIVEN)).status_code == 201


async def test_a_delivery_that_was_given_up_is_listed_and_replayed_once(world: PortalWorld, crm: Browser) -> None:
    mine = make_delivery(1, partner_id=make_partner(1).id, state=DeliveryState.PARKED, attempts=10, last_status=500)
    other = make_delivery(2, partner_id=make_partner(2).id, state=DeliveryState.PARKED)
    await world.stores.webhooks.add_deliveries([mine, other])
    (told,) = (await crm.get(DELIVERIES)).json()["value"]
    assert (told["id"], told["attempts"], told["lastStatus"]) == (mine.id, 10, 500)
    assert (await crm.post(f"{DELIVERIES}/{other.id}/replay")).status_code == 404
    assert (await crm.post(f"{DELIVERIES}/{mine.id}/replay")).json()["state"] == "pending"
    assert (await crm.post(f"{DELIVERIES}/{mine.id}/replay")).status_code == 409
    assert (await world.stores.webhooks.deliveries([other.id]))[other.id] == other


async def test_whatever_was_given_up_is_reached_page_by_page(world: PortalWorld, crm: Browser) -> None:
    parked = [
        # Some of one instant: an outage parks many at once.
        make_delivery(n, partner_id=make_partner(1).id, state=DeliveryState.PARKED, at=START + timedelta(hours=n // 4))
        for n in range(11)
    ]
    theirs = make_delivery(99, partner_id=make_partner(2).id, state=DeliveryState.PARKED)
    await world.stores.webhooks.add_deliveries([*parked, theirs])
    seen, address = list[str](), f"{DELIVERIES}?limit=3"
    while address:
        page = await crm.get(address)
        assert len(page.json()["value"]) <= 3
        seen += [each["id"] for each in page.json()["value"]]
        address = page.links.get("next", {}).get("url", "")
    assert seen == [each.id for each in sorted(parked, key=lambda each: (each.at, each.id), reverse=True)]
    for made_up in ("x", "2026-01-01T00:00:00+00:00~x", ""):
        refused = await crm.get(DELIVERIES, params={"cursor": made_up})
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/cursor")


async def test_people_need_the_role_and_programs_the_scope(world: PortalWorld) -> None:
    member, program = await world.signed_in(1, role=Role.MEMBER), await world.program(1)
    for each in (member, program):
        assert (await each.get(PATH)).status_code == 403


async def test_a_method_that_is_not_there_names_those_that_are(crm: Browser) -> None:
    answer = await crm.patch(f"{PATH}/w-1", json={})
    assert (answer.status_code, answer.headers["allow"]) == (405, "DELETE, GET, PUT")
