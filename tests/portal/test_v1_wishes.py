"""/v1/rfis/{id}/wanted: one more partner is asked for the customer, and what came of it is told."""

from __future__ import annotations

from datetime import timedelta

from schemas.topics import Topic
from services.core.events import EventType
from services.core.rounds import Answer, Cause, with_answer
from tests.builders import START, make_partner, make_profile
from tests.portal.test_choosing_another import network
from tests.portal.test_v1_rfis import PATH, sent_on
from tests.portal.world import PortalWorld


async def test_who_could_be_asked_as_well_is_told_without_those_who_were(world: PortalWorld) -> None:
    rfi, crm = await sent_on(world), await world.program(1)
    await network(world)
    told = (await crm.get(f"{PATH}/{rfi.id}/candidates", params={"limit": 2})).json()["value"]
    assert len(told) == 2
    assert {each["name"] for each in told} <= {"Partner 1", "Partner 4", "Partner 5"}
    assert "@" not in str(told)


async def test_a_wish_is_noted_once_and_told_to_the_router(world: PortalWorld) -> None:
    rfi, crm = await sent_on(world), await world.program(1)
    await network(world)
    wish = {"partnerId": make_partner(4).id}
    first, again = [await crm.post(f"{PATH}/{rfi.id}/wanted", json=wish) for _ in range(2)]
    assert (first.status_code, first.json()) == (200, again.json())
    (told,) = first.json()["value"]
    assert (told["partnerId"], told["waits"]) == (make_partner(4).id, True)
    wanted = [each for each in world.log.records(Topic.ENGAGEMENT_EVENTS) if b"wanted" in dict(each.headers)["ce_type"]]
    assert len(wanted) == 1


async def test_what_came_of_it_is_told(world: PortalWorld) -> None:
    rfi, crm = await sent_on(world), await world.program(1)
    await network(world)
    await crm.post(f"{PATH}/{rfi.id}/wanted", json={"partnerId": make_partner(4).id})
    stored = world.stores.rfis.stored[rfi.id]
    wish = stored.wishes[0]
    cause = Cause(event_id=wish.event_id, type=EventType.PARTNER_WANTED, referral_id="", partner_id=wish.partner_id)
    answer = Answer(because="paused", rules="reference-1")
    world.stores.rfis.stored[rfi.id] = with_answer(stored, cause, answer, START)
    (told,) = (await crm.get(f"{PATH}/{rfi.id}/wanted")).json()["value"]
    assert (told["waits"], told["because"]) == (False, "paused")


async def test_every_reason_why_not_is_told(world: PortalWorld) -> None:
    rfi, crm = await sent_on(world), await world.program(1)
    await network(world)
    await world.stores.partners.put_partners([make_partner(5, version=2, active=False)])
    paused = make_profile(3, version=2, paused_until=world.clock.now() + timedelta(days=3))
    await world.stores.partners.put_partners([make_partner(3)])
    await world.stores.partners.put_profiles([paused])
    reasons = {2: "asked_already", 3: "paused", 5: "inactive", 99: "unknown_partner"}
    for partner, code in ((make_partner(n).id, code) for n, code in reasons.items()):
        answer = await crm.post(f"{PATH}/{rfi.id}/wanted", json={"partnerId": partner})
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["code"] == code
    await crm.post(f"{PATH}/{rfi.id}/withdraw", json={})
    late = await crm.post(f"{PATH}/{rfi.id}/wanted", json={"partnerId": make_partner(4).id})
    assert late.status_code == 409


async def test_only_who_sent_the_request_on_may_ask_for_more(world: PortalWorld) -> None:
    rfi = await sent_on(world)
    await network(world)
    for n in (2, 4):
        other = await world.program(n)
        for path in ("candidates", "wanted"):
            assert (await other.get(f"{PATH}/{rfi.id}/{path}")).status_code == 404
        sent = await other.post(f"{PATH}/{rfi.id}/wanted", json={"partnerId": make_partner(5).id})
        assert sent.status_code == 404
    assert world.stores.rfis.stored[rfi.id] == rfi
