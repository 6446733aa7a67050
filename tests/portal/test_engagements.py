"""The Partner Center contract: an existing client works with another address and token."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from services.core import commands as c
from services.core.codes import CloseReason, ErrorReason, PolicyName, Stage, Status, Substatus
from services.core.policy import POLICIES
from services.core.ports import Change
from services.core.reveals import Way
from services.core.tick import advance
from services.portal.engagements.reading import source_of
from tests.builders import START, make_partner, make_person, make_rfi
from tests.portal.test_customer_page import asked
from tests.portal.world import Browser, PortalWorld

PATH = "/v1.0/engagements/referrals"
ACCEPT = {
    "/status": "Active",
    "/details/dealValue": "10000",
    "/details/currency": "EUR",
    "/details/closingDateTime": "2026-05-01T00:00:00Z",
}
CONTACT = make_person()


@pytest.fixture
async def crm(world: PortalWorld) -> Browser:
    return await world.program()


def patch_of(values: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"op": "add" if path.endswith("/-") else "replace", "path": path, "value": value}
        for path, value in values.items()
    ]


async def patched(crm: Browser, id_: str, values: dict[str, Any], **headers: str) -> httpx.Response:
    return await crm.patch(
        f"{PATH}/{id_}", json=patch_of(values), headers={"Prefer": "return=representation"} | headers
    )


def targets(answer: httpx.Response) -> list[str]:
    return [each["target"] for each in answer.json()["error"]["details"]]


async def test_a_referral_is_told_in_the_contract_s_words(world: PortalWorld, crm: Browser) -> None:
    referral = await world.add_referral(contact_requested=True)
    answer = await crm.get(f"{PATH}/{referral.id}", headers={"MS-CorrelationId": "c-1", "MS-RequestId": "r-1"})
    assert answer.status_code == 200
    assert (answer.headers["ms-correlationid"], answer.headers["ms-requestid"]) == ("c-1", "r-1")
    told = answer.json()
    assert answer.headers["etag"] == told["eTag"] == '"1"'
    assert (told["status"], told["substatus"], told["direction"]) == ("New", "Pending", "Incoming")
    assert (told["engagementId"], told["organizationId"]) == (referral.rfi_id, make_partner(1).id)
    assert told["name"] == make_rfi().need.title
    assert told["customerProfile"]["size"] == "51to250employees"
    assert told["customerProfile"]["team"] == [
        {
            "firstName": "Ana",
            "lastName": "Molina",
            "email": CONTACT.email,
            "phoneNumber": CONTACT.phone,
            "contactPreference": {"locale": "es", "disableNotifications": False},
        }
    ]
    assert (told["details"]["dealValue"], told["details"]["currency"]) == (40000.0, "EUR")
    assert told["details"]["requirements"]["products"] == [{"id": "azure"}]
    assert told["details"]["customerRequestedContact"] is True
    assert told["consent"]["consentToToShareInfoWithOthers"] is True
    assert told["quality"] == "High"
    assert told["links"]["relatedReferrals"] == {
        "uri": f"http://portal.test{PATH}/{referral.id}/related",
        "method": "GET",
    }


async def test_reading_changes_nothing_but_the_log_of_disclosures(world: PortalWorld, crm: Browser) -> None:
    referral = await world.add_referral()
    await crm.get(f"{PATH}/{referral.id}")
    await crm.get(PATH)
    await crm.get(f"{PATH}/{referral.id}/related")
    assert await world.referral(referral.id) == referral
    (day,) = await world.stores.reveals.of_referrals([referral.id])
    assert (day.way, day.times) == (Way.API, 2)
    assert day.by.startswith("partner:")


async def test_a_hidden_contact_is_absent_and_no_disclosure_is_noted(world: PortalWorld, crm: Browser) -> None:
    referral = await world.add_referral(policy=PolicyName.CLASSIC)
    one, many = await crm.get(f"{PATH}/{referral.id}"), await crm.get(PATH)
    for text in (one.text, many.text):
        assert "team" in text
        assert CONTACT.email not in text
        assert (CONTACT.phone or "") not in text
    assert "team" not in one.json()["customerProfile"]
    assert await world.stores.reveals.of_referrals([referral.id]) == []
    interested = await crm.post(f"{PATH}/{referral.id}/interest")
    assert interested.json()["customerProfile"]["team"][0]["email"] == CONTACT.email
    assert (interested.json()["status"], interested.json()["substatus"]) == ("New", "Received")
    assert interested.json()["tags"] == ["evaluating"]


async def test_without_its_note_no_contact_leaves(world: PortalWorld, crm: Browser) -> None:
    referral = await world.add_referral()
    await crm.get(PATH)  # the token's last use is noted
    before = len(world.stores.faults.calls)
    await crm.get(f"{PATH}/{referral.id}")
    steps = world.stores.faults.calls[before:]
    noted = before + len(steps) + steps.index("MemoryReveals.record")
    world.stores.faults.fail_call(noted)
    answer = await crm.get(f"{PATH}/{referral.id}")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert answer.json()["error"]["code"] == "serviceNotAvailable"
    assert CONTACT.email not in answer.text


async def test_what_is_related_is_what_the_caller_itself_has_sent_on_and_got(world: PortalWorld, crm: Browser) -> None:
    sent_on = await asked(world, 1, 2, source=source_of(make_partner(1).id))
    mine, theirs = (await world.stores.referrals.of_rfis([sent_on.id]))[sent_on.id]
    outgoing = (await crm.get(f"{PATH}/{sent_on.id}")).json()
    assert outgoing["direction"] == "Outgoing"
    incoming = (await crm.get(f"{PATH}/{mine.id}")).json()
    for told, other in ((outgoing, incoming), (incoming, outgoing)):
        related = await crm.get(told["links"]["relatedReferrals"]["uri"])
        assert (related.status_code, related.json()["value"]) == (200, [other])
        assert theirs.id not in related.text
    other = await world.program(2)
    assert (await other.get(f"{PATH}/{theirs.id}/related")).json()["value"] == []
    assert (await other.get(f"{PATH}/{sent_on.id}/related")).status_code == 404


async def test_what_is_sent_on_to_others_alone_has_nothing_related(world: PortalWorld, crm: Browser) -> None:
    sent_on = await asked(world, 2, source=source_of(make_partner(1).id))
    related = await crm.get(f"{PATH}/{sent_on.id}/related")
    assert (related.status_code, related.json()["value"]) == (200, [])
    # Nobody but its sender finds it there.
    own = await asked(world, 2, n=2)
    assert (await crm.get(f"{PATH}/{own.id}/related")).status_code == 404


async def test_a_foreign_referral_is_not_there(world: PortalWorld, crm: Browser) -> None:
    theirs = await world.add_referral(partner=2)
    asked = f"{PATH}/{theirs.id}"
    answers = [
        await crm.get(asked),
        await crm.get(f"{asked}/related"),
        await crm.patch(asked, json=patch_of(ACCEPT)),
        await crm.put(asked, json={}, headers={"If-Match": "*"}),
        *[await crm.post(f"{asked}/{step}") for step in ("open", "interest", "undo")],
    ]
    nobody = await crm.get(f"{PATH}/{'0' * 36}")
    for answer in answers:
        assert (answer.status_code, answer.json()) == (404, nobody.json())
    assert nobody.json()["error"]["code"] == "itemNotFound"
    assert (await crm.get(PATH)).json()["value"] == []
    assert await world.referral(theirs.id) == theirs


async def test_who_may_do_what(world: PortalWorld) -> None:
    referral = await world.add_referral()
    nobody = await world.client().get(PATH)
    assert (nobody.status_code, nobody.json()["error"]["code"]) == (401, "unauthenticated")
    reads = await world.program(scopes=("referrals.read",))
    assert (await reads.get(f"{PATH}/{referral.id}")).status_code == 200
    refused = await reads.patch(f"{PATH}/{referral.id}", json=patch_of(ACCEPT))
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "accessDenied")
    other = await world.program(scopes=("profiles.read",))
    assert (await other.get(PATH)).status_code == 403
    operator = await world.program(None, scopes=("operator", "referrals.write"))
    assert (await operator.get(PATH)).status_code == 404


async def test_accepting_answers_with_the_referral_as_it_is_then(world: PortalWorld, crm: Browser) -> None:
    referral = await world.add_referral()
    new = {
        **ACCEPT,
        "/name": "Nube para Aceites",
        "/externalReferenceId": "CRM-9",
        "/campaignId": "spring",
        "/salesStage": "develop",
        "/details/requirements/solutions/-": {"id": "SOL-1"},
        "/consent/consentToShareReferralWithMicrosoftSellers": True,
        "/team/-": {
            "firstName": "Jane",
            "lastName": "Doe",
            "email": "jane@partner1.example",
            "phoneNumber": "+3491000000",
        },
        "/customerProfile/team/-": {"firstName": "Eva", "lastName": "Gil", "email": "eva@customer.example"},
        "/details/notes": "call first",
        "/favorite": True,
    }
    answer = await patched(crm, referral.id, new)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["status"], told["substatus"], told["name"]) == ("Active", "Accepted", "Nube para Aceites")
    assert (told["externalReferenceId"], told["campaignId"], told["salesStage"]) == ("CRM-9", "spring", "Develop")
    assert (told["details"]["dealValue"], told["details"]["notes"]) == (10000.0, "call first")
    assert told["details"]["closingDateTime"] == "2026-05-01T00:00:00Z"
    assert told["details"]["requirements"]["solutions"] == [{"id": "SOL-1"}]
    assert told["consent"]["consentToShareReferralWithMicrosoftSellers"] is True
    assert [each["email"] for each in told["team"]] == ["jane@partner1.example"]
    assert [each["email"] for each in told["customerProfile"]["team"]] == [CONTACT.email, "eva@customer.example"]
    assert told["favorite"] is True
    assert told["eTag"] == '"2f"'
    assert answer.json() == (await crm.get(f"{PATH}/{referral.id}")).json()


async def test_without_a_wish_for_the_referral_a_patch_answers_with_its_tag_alone(
    world: PortalWorld, crm: Browser
) -> None:
    referral = await world.add_referral()
    answer = await crm.patch(f"{PATH}/{referral.id}", json=patch_of(ACCEPT))
    assert (answer.status_code, answer.content, answer.headers["etag"]) == (204, b"", '"2"')


@pytest.mark.parametrize(
    ("headers", "whole"),
    [
        (["return=representation"], True),
        (["Return=Representation"], True),
        (['RETURN = "representation"'], True),
        (['respond-async, return=representation; why="a, b", wait=10'], True),
        (["wait=10", 'return="repr\\esentation"'], True),
        (["return=minimal"], False),
        # What is said first counts.
        (["return=minimal, return=representation"], False),
        (["x-return=representation"], False),
        (['foo="return=representation"'], False),
        (['foo="a, return=representation"'], False),
        (["return=representations"], False),
        (["return representation"], False),
        (["wait=10", f"return=representation; {'x' * 200}"], False),
        ([""], False),
    ],
)
async def test_a_preference_is_read_as_the_standard_writes_it(
    world: PortalWorld, crm: Browser, headers: list[str], whole: bool
) -> None:
    referral = await world.add_referral()
    sent = [("prefer", each) for each in headers]
    answer = await crm.patch(f"{PATH}/{referral.id}", json=patch_of(ACCEPT), headers=sent)
    assert answer.status_code == (200 if whole else 204)


async def test_the_tag_of_a_get_works_in_the_next_if_match_and_an_old_one_does_not(
    world: PortalWorld, crm: Browser
) -> None:
    referral = await world.add_referral()
    tag = (await crm.get(f"{PATH}/{referral.id}")).json()["eTag"]
    accepted = await patched(crm, referral.id, ACCEPT, **{"If-Match": tag})
    assert accepted.status_code == 200
    stale = await patched(crm, referral.id, {"/name": "other"}, **{"If-Match": tag})
    assert (stale.status_code, stale.json()["error"]["code"]) == (412, "preconditionFailed")
    bare = await patched(crm, referral.id, {"/name": "one"}, **{"If-Match": accepted.json()["eTag"].strip('"')})
    assert bare.status_code == 200
    weak = await patched(crm, referral.id, {"/name": "two"}, **{"If-Match": f"W/{bare.headers['etag']}"})
    assert weak.json()["name"] == "two"


async def test_a_star_is_no_change_of_the_deal_but_of_the_tag(world: PortalWorld, crm: Browser) -> None:
    referral = await world.add_referral()
    starred = await patched(crm, referral.id, {"/favorite": True}, **{"If-Match": '"1"'})
    assert (starred.json()["favorite"], starred.json()["eTag"]) == (True, '"1f"')
    assert (await patched(crm, referral.id, {"/favorite": False}, **{"If-Match": '"1"'})).status_code == 412
    taken = await patched(crm, referral.id, {"/favorite": False}, **{"If-Match": '"1f"'})
    assert taken.json()["eTag"] == '"1"'
    assert await world.referral(referral.id) == referral


async def test_all_problems_of_a_patch_come_in_one_answer(world: PortalWorld, crm: Browser) -> None:
    referral = await world.add_referral()
    body = [
        {"op": "remove", "path": "/name"},
        {"op": "replace", "path": "/quality", "value": "High"},
        {"op": "replace", "path": "/team/-", "value": {}},
        {"op": "add", "path": "/team", "value": [1, {"firstName": 2}]},
        {"op": "replace", "path": "/details/dealValue", "value": "much"},
        {"op": "replace", "path": "/details/closingDateTime", "value": "soon"},
        {"op": "replace", "path": "/status", "value": "Open"},
        {"op": "replace", "path": "/favorite", "value": "yes"},
        "nonsense",
        {"op": [], "path": {}, "value": None},
    ]
    answer = await crm.patch(f"{PATH}/{referral.id}", json=body)
    assert answer.status_code == 400
    assert targets(answer) == [
        *("/0/op", "/0/value", "/1/path", "/2/op", "/team/0"),
        *("/details/dealValue", "/details/closingDateTime", "/status", "/favorite", "/8", "/9/op", "/9/path"),
    ]
    assert answer.json()["error"]["message"].startswith("12 problems")
    assert await world.referral(referral.id) == referral


async def test_all_that_an_accept_lacks_comes_in_one_answer_in_the_contract_s_places(
    world: PortalWorld, crm: Browser
) -> None:
    referral = await world.add_referral(budget=None)
    person = {"firstName": "", "lastName": "x", "email": "no", "phoneNumber": "12"}
    answer = await patched(crm, referral.id, {"/status": "Active", "/name": " ", "/team/-": person})
    assert answer.status_code == 422
    assert targets(answer) == [
        *("/name", "/details/dealValue", "/details/closingDateTime"),
        *("/team/0/firstName", "/team/0/email", "/team/0/phoneNumber"),
    ]
    past = await patched(
        crm,
        referral.id,
        {**ACCEPT, "/details/closingDateTime": "2020-01-01", "/details/currency": "?", "/details/dealValue": -1},
    )
    assert targets(past) == ["/details/dealValue", "/details/currency", "/details/closingDateTime"]


@pytest.mark.parametrize(
    ("body", "status"), [(b"{", 400), (b"[]", 400), (b"{}", 400), (b"\xff", 400), (b"[" * 300_000, 413)]
)
async def test_a_body_that_is_no_patch(world: PortalWorld, crm: Browser, body: bytes, status: int) -> None:
    referral = await world.add_referral()
    answer = await crm.patch(f"{PATH}/{referral.id}", content=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, "invalidRequest")


async def test_declining_takes_partner_center_s_numbers_and_codes(world: PortalWorld, crm: Browser) -> None:
    for n, sent in enumerate(("1", 1, "budgetNotAdequate", "BUDGETNOTADEQUATE", "outsideOurRegion"), start=1):
        referral = await world.add_referral(n)
        answer = await patched(crm, referral.id, {"/status": "Closed", "/substatus": "Declined", "/statusReason": sent})
        told = answer.json()
        assert (told["status"], told["substatus"]) == ("Closed", "Declined")
        assert told["statusReason"] == ("outsideOurRegion" if sent == "outsideOurRegion" else "budgetNotAdequate")
        assert "team" not in told["customerProfile"]


async def test_closing_needs_how_and_why(world: PortalWorld, crm: Browser) -> None:
    referral = await world.add_referral()
    cases: list[tuple[dict[str, Any], list[str]]] = [
        ({"/status": "Closed"}, ["/substatus"]),
        ({"/substatus": "Declined"}, ["/statusReason"]),
        ({"/substatus": "Declined", "/statusReason": "99"}, ["/statusReason"]),
        ({"/substatus": "Declined", "/statusReason": "other"}, ["/details/notes"]),
        ({"/substatus": "Error", "/statusReason": "1"}, ["/statusReason"]),
        ({"/substatus": "Expired"}, ["/substatus"]),
        ({"/status": "Active", "/substatus": "Won"}, ["/substatus"]),
        ({"/substatus": "Declined", "/statusReason": "1", "/name": "x"}, ["/name"]),
        ({"/substatus": "Received", "/details/notes": "x"}, ["/details/notes"]),
    ]
    for values, expected in cases:
        answer = await patched(crm, referral.id, values)
        assert (answer.status_code, targets(answer)) == (422, expected), values
    assert await world.referral(referral.id) == referral


async def test_won_lost_and_error(world: PortalWorld, crm: Browser) -> None:
    ids = [(await world.add_referral(n)).id for n in (1, 2, 3)]
    for id_ in ids:
        await patched(crm, id_, ACCEPT)
    won = await patched(crm, ids[0], {"/status": "Closed", "/substatus": "Won", "/details/dealValue": 12000.5})
    assert (won.json()["substatus"], won.json()["details"]["dealValue"]) == ("Won", 12000.5)
    assert won.json()["details"]["closingDateTime"] == "2026-03-02T00:00:00Z"
    lost = await patched(crm, ids[1], {"/substatus": "Lost", "/statusReason": "3"})
    assert (lost.json()["substatus"], lost.json()["statusReason"]) == ("Lost", "customerChoseAnotherVendor")
    region = await patched(crm, ids[2], {"/substatus": "Lost", "/statusReason": "outsideOurRegion"})
    assert targets(region) == ["/statusReason"]
    error = await patched(crm, ids[2], {"/substatus": "Error", "/statusReason": "duplicateOurs"})
    assert (error.json()["substatus"], error.json()["statusReason"]) == ("Error", "duplicateOurs")


async def test_a_closed_one_admits_no_edit_and_says_since_when(world: PortalWorld, crm: Browser) -> None:
    referral = await world.add_referral(
        status=Status.CLOSED, substatus=Substatus.EXPIRED, stage=Stage.ARCHIVED, closed_at=START
    )
    for values in (ACCEPT, {"/name": "x"}, {"/team/-": {"firstName": "a", "lastName": "b", "email": "a@b"}}):
        answer = await patched(crm, referral.id, values)
        assert answer.status_code == 409
        error = answer.json()["error"]
        assert error["code"] == "resourceModified"
        assert error["innerError"] == {
            "status": "Closed",
            "substatus": "Expired",
            "since": START.isoformat(),
            "by": "deadline",
            "byName": None,
            "hint": None,
        }


async def test_an_answer_can_be_undone_while_the_window_is_open(world: PortalWorld, crm: Browser) -> None:
    referral = await world.add_referral()
    await patched(crm, referral.id, {"/substatus": "Declined", "/statusReason": 1})
    undone = await crm.post(f"{PATH}/{referral.id}/undo", headers={"If-Match": '"2"'})
    assert (undone.status_code, undone.json()["status"], undone.json()["substatus"]) == (200, "New", "Received")
    again = await crm.post(f"{PATH}/{referral.id}/undo")
    assert (again.status_code, again.json()["error"]["code"]) == (409, "resourceModified")


async def test_opening_makes_pending_received_and_once_is_enough(world: PortalWorld, crm: Browser) -> None:
    referral = await world.add_referral()
    for _ in range(2):
        opened = await crm.post(f"{PATH}/{referral.id}/open")
        assert (opened.json()["substatus"], opened.json()["eTag"]) == ("Received", '"2"')
    received = await patched(crm, (await world.add_referral(2)).id, {"/substatus": "Received"})
    assert received.json()["substatus"] == "Received"


async def test_a_put_needs_the_tag_and_changes_what_differs(world: PortalWorld, crm: Browser) -> None:
    referral = await world.add_referral()
    address = f"{PATH}/{referral.id}"
    told = (await crm.get(address)).json()
    same = await crm.put(address, json=told, headers={"If-Match": told["eTag"]})
    assert (same.status_code, same.json()) == (200, told)
    missing = await crm.put(address, json=told)
    assert (missing.status_code, targets(missing)) == (400, ["If-Match"])
    told |= {
        "status": "Active",
        "substatus": "Accepted",
        "details": told["details"] | {"closingDateTime": "2026-05-01"},
    }
    accepted = await crm.put(address, json=told, headers={"If-Match": told["eTag"]})
    assert accepted.status_code == 200, accepted.text
    told = accepted.json()
    assert (told["status"], told["details"]["dealValue"], told["name"]) == ("Active", 40000.0, make_rfi().need.title)
    stale = await crm.put(address, json=told, headers={"If-Match": '"1"'})
    assert stale.status_code == 412
    told |= {"status": "Closed", "substatus": "Won"}
    won = await crm.put(address, json=told, headers={"If-Match": told["eTag"]})
    assert (won.status_code, won.json()["substatus"]) == (200, "Won")


async def test_a_put_edits_people_and_leaves_what_it_does_not_name(world: PortalWorld, crm: Browser) -> None:
    referral = await world.add_referral()
    await patched(crm, referral.id, {**ACCEPT, "/details/notes": "keep", "/externalReferenceId": "X-1"})
    jane, joe = ({"firstName": n, "lastName": "D", "email": f"{n}@partner1.example"} for n in ("jane", "joe"))
    body = {"team": [jane, joe], "customerProfile": {"team": [{**jane, "email": CONTACT.email.upper()}]}}
    answer = await crm.put(f"{PATH}/{referral.id}", json=body, headers={"If-Match": '"2"'})
    told = answer.json()
    assert [each["firstName"] for each in told["team"]] == ["jane", "joe"]
    assert (told["details"]["notes"], told["externalReferenceId"]) == ("keep", "X-1")
    assert [each["email"] for each in told["customerProfile"]["team"]] == [CONTACT.email]
    cleared = await crm.put(
        f"{PATH}/{referral.id}",
        json={"team": [joe], "details": {"notes": ""}, "externalReferenceId": ""},
        headers={"If-Match": '"3"'},
    )
    assert [each["firstName"] for each in cleared.json()["team"]] == ["joe"]
    assert "notes" not in cleared.json()["details"]
    assert "externalReferenceId" not in cleared.json()
    wrong = await crm.put(f"{PATH}/{referral.id}", json={"details": 3, "team": 4}, headers={"If-Match": "*"})
    assert targets(wrong) == ["/team", "/details"]


async def test_one_contact_more_is_told_as_that(world: PortalWorld, crm: Browser) -> None:
    referral = await world.add_referral()
    await patched(crm, referral.id, ACCEPT)
    await patched(crm, referral.id, {"/team/-": {"firstName": "J", "lastName": "D", "email": "j@partner1.example"}})
    assert (await world.referral(referral.id)).history[-1].what == "referral.contact_added"


@pytest.mark.parametrize("quicker", [Substatus.DECLINED, Substatus.EXPIRED])
async def test_an_accept_that_loses_to_another_answer_says_which(
    world: PortalWorld, crm: Browser, quicker: Substatus
) -> None:
    referral = await world.add_referral()
    real = world.ports.commands.execute
    raced: list[str] = []
    luis = await world.add_user(1, "luis@partner1.example", name="Luis Vega")

    class Racing:
        """A colleague declines, or the expirer comes, between the reading and the writing."""

        async def execute(self, id_: str, command: c.Command, **more: Any) -> Any:
            if not raced:
                raced.append(id_)
                if quicker is Substatus.DECLINED:
                    decline = c.Decline(by=f"partner:{luis.id}", reason=CloseReason.BUDGET)
                    await real(id_, decline, partner_id=referral.partner_id)
                else:
                    assert referral.expires_at is not None
                    lapsed = advance(referral, referral.expires_at, POLICIES[referral.policy])
                    assert lapsed is not None
                    await world.stores.referrals.save([Change(lapsed, referral.version)])
            return await real(id_, command, **more)

    object.__setattr__(world.ports, "commands", Racing())
    answer = await patched(crm, referral.id, ACCEPT)
    assert answer.status_code == 409
    told = answer.json()["error"]["innerError"]
    won = await world.referral(referral.id)
    assert (told["substatus"], won.substatus) == (quicker, quicker)
    assert won.closed_at is not None
    assert told["since"] == won.closed_at.isoformat()
    colleague = quicker is Substatus.DECLINED
    assert (told["by"], told["byName"]) == (("partner", "Luis Vega") if colleague else ("deadline", None))
    assert raced


async def winner(crm: Browser, id_: str) -> tuple[str | None, str | None]:
    """Who the answer says won, when an accept comes too late."""
    answer = await patched(crm, id_, ACCEPT)
    assert answer.status_code == 409
    told = answer.json()["error"]["innerError"]
    return told["by"], told["byName"]


async def test_who_won_is_named_to_the_own_partner_and_nobody_else_is_named(world: PortalWorld, crm: Browser) -> None:
    luis = await world.add_user(1, "luis@partner1.example", name="Luis Vega")
    stranger = await world.add_user(2, "eve@partner2.example", name="Eve Stranger")
    deals = {
        c.Withdraw(by="customer"): ("customer", None),
        c.CloseAsError(by="operator:boss", reason=ErrorReason.DATA_ERROR): ("operator", None),
        c.Decline(by=f"partner:{luis.id}", reason=CloseReason.BUDGET): ("partner", "Luis Vega"),
        # No person of this partner: a program, or somebody who has left.
        c.Decline(by="partner:t-1", reason=CloseReason.BUDGET): ("partner", None),
        c.Decline(by=f"partner:{stranger.id}", reason=CloseReason.BUDGET): ("partner", None),
    }
    for n, (command, expected) in enumerate(deals.items(), start=1):
        referral = await world.add_referral(n)
        await world.ports.commands.execute(referral.id, command, partner_id=referral.partner_id)
        assert await winner(crm, referral.id) == expected


async def test_what_nobody_decided_has_no_winner(world: PortalWorld, crm: Browser) -> None:
    classic = await world.add_referral(policy=PolicyName.CLASSIC)
    assert await winner(crm, classic.id) == (None, None)


async def test_a_withdrawn_referral_is_told_in_words_the_contract_has(world: PortalWorld, crm: Browser) -> None:
    closed: dict[str, Any] = {"status": Status.CLOSED, "substatus": Substatus.WITHDRAWN, "stage": Stage.ARCHIVED}
    never = await world.add_referral(1, **closed)
    once = await world.add_referral(2, accepted_at=START, **closed)
    told = {each["id"]: each for each in (await crm.get(PATH)).json()["value"]}
    assert told[never.id]["substatus"] == "Expired"
    assert (told[once.id]["substatus"], told[once.id]["statusReason"]) == ("Lost", "customerChoseAnotherVendor")
    for text, expected in {"Expired": [never.id], "Lost": [once.id], "Won": []}.items():
        found = await crm.get(PATH, params={"$filter": f"substatus eq '{text}'"})
        assert [each["id"] for each in found.json()["value"]] == expected
        others = await crm.get(PATH, params={"$filter": f"substatus ne '{text}'"})
        assert {each["id"] for each in others.json()["value"]} == {never.id, once.id} - set(expected)


async def test_a_list_is_filtered_ordered_and_paged(world: PortalWorld, crm: Browser) -> None:
    made = [
        await world.add_referral(n, created_at=START + timedelta(minutes=n), updated_at=START - timedelta(minutes=n))
        for n in range(1, 6)
    ]
    params = {"$filter": f"status eq 'New' and createdDateTime gt {START.isoformat()}", "$top": "2"}
    seen: list[str] = []
    address = str(httpx.URL(PATH, params=params))
    for _ in range(9):
        body = (await crm.get(address)).json()
        assert body["@odata.context"] == "http://portal.test/v1.0/engagements/$metadata#referrals"
        seen += [each["id"] for each in body["value"]]
        address = body.get("@odata.nextLink", "")
        if not address:
            break
    assert seen == [each.id for each in reversed(made)]
    ordered = await crm.get(PATH, params={"$orderby": "updatedDateTime desc"})
    assert [each["id"] for each in ordered.json()["value"]] == [each.id for each in made]
    customer = await crm.get(PATH, params={"$filter": f"customerProfile/team/any(t: t/email eq '{CONTACT.email}')"})
    assert len(customer.json()["value"]) == 5


async def test_all_problems_of_a_list_come_in_one_answer(crm: Browser) -> None:
    params = {"$filter": "name eq 'x'", "$orderby": "name", "$top": "0", "$skiptoken": "?", "$expand": "team"}
    answer = await crm.get(PATH, params=params)
    assert (answer.status_code, sorted(targets(answer))) == (400, sorted(params))


async def test_a_cursor_of_another_order_is_refused(world: PortalWorld, crm: Browser) -> None:
    for n in (1, 2):
        await world.add_referral(n)
    link = (await crm.get(PATH, params={"$top": "1"})).json()["@odata.nextLink"]
    answer = await crm.get(f"{link}&$orderby=updatedDateTime")
    assert targets(answer) == ["$skiptoken"]


async def test_a_referral_whose_request_was_erased_is_left_out_of_lists(world: PortalWorld, crm: Browser) -> None:
    referral = await world.add_referral()
    kept = await world.add_referral(2)
    del world.stores.rfis.stored[referral.rfi_id]
    assert [each["id"] for each in (await crm.get(PATH)).json()["value"]] == [kept.id]
    assert (await crm.get(f"{PATH}/{referral.id}")).status_code == 404
    assert (await crm.post(f"{PATH}/{referral.id}/open")).status_code == 404
    assert (await patched(crm, referral.id, ACCEPT)).status_code == 404


async def test_documents_of_the_first_version_are_told_too(world: PortalWorld, crm: Browser) -> None:
    referral = await world.add_referral()
    old = replace(referral, size=None, channel=None, keywords=(), budget=None, customer_key=None)
    world.stores.referrals.stored[referral.id] = old
    told = (await crm.get(f"{PATH}/{referral.id}")).json()
    assert told["details"]["dealValue"] == 40000.0


def own_referral(**overrides: Any) -> dict[str, Any]:
    return {
        "name": "Migrate our mail",
        "externalReferenceId": "OPP-1",
        "customerProfile": {
            "name": "Bodegas Ruiz",
            "size": "1to50employees",
            "address": {"country": "ES", "state": "ES-AN", "city": "Jerez"},
            "team": [{"firstName": "Rosa", "lastName": "Ruiz", "email": "rosa@bodegas.example"}],
        },
        "details": {"notes": "Forty mailboxes.", "dealValue": 5000, "currency": "EUR"},
        "consent": {"consentToContact": True, "consentToToShareInfoWithOthers": True},
        "target": [{"type": "Partner", "id": make_partner(2).id}],
        **overrides,
    }


async def test_a_request_sent_on_becomes_an_rfi_on_kafka_and_once(world: PortalWorld, crm: Browser) -> None:
    await world.stores.partners.put_partners([make_partner(1)])
    first = await crm.post(PATH, json=own_referral(), headers={"Idempotency-Key": "k-1"})
    assert first.status_code == 201, first.text
    told = first.json()
    assert (told["direction"], told["status"], told["organizationName"]) == ("Outgoing", "New", "Partner 1")
    assert told["customerProfile"]["size"] == "10to50employees"
    assert first.headers["location"] == f"http://portal.test{PATH}/{told['id']}"
    world.clock.advance(timedelta(minutes=3))
    again = await crm.post(PATH, json=own_referral(), headers={"Idempotency-Key": "k-1"})
    assert again.json()["id"] == told["id"]
    other = await crm.post(PATH, json=own_referral(name="Other name"), headers={"Idempotency-Key": "k-1"})
    assert (other.status_code, targets(other)) == (422, ["Idempotency-Key"])
    bad = await crm.post(PATH, json=own_referral(), headers={"Idempotency-Key": "\x7f"})
    assert targets(bad) == ["Idempotency-Key"]


async def test_what_was_sent_on_is_told_to_its_sender_alone_without_the_others_deal(
    world: PortalWorld, crm: Browser
) -> None:
    rfi = make_rfi(1, source=f"urn:partner:{make_partner(1).id}")
    await world.stores.rfis.add([rfi])
    before = await crm.get(f"{PATH}/{rfi.id}")
    assert (before.json()["status"], before.json()["substatus"]) == ("New", "Pending")
    theirs = await world.add_referral(1, partner=2)
    moved = replace(theirs, rfi_id=rfi.id)
    world.stores.referrals.stored[theirs.id] = moved
    luis = await world.program(2)
    await patched(luis, theirs.id, {**ACCEPT, "/name": "their secret name"})
    after = await crm.get(f"{PATH}/{rfi.id}")
    assert (after.json()["status"], after.json()["substatus"]) == ("Active", "Accepted")
    assert "their secret name" not in after.text
    assert after.headers["etag"] != before.headers["etag"]
    assert (await luis.get(f"{PATH}/{rfi.id}")).status_code == 404


async def test_what_was_sent_on_is_answered_by_who_received_it(world: PortalWorld, crm: Browser) -> None:
    sent_on = await asked(world, 2, source=source_of(make_partner(1).id))
    path, any_tag = f"{PATH}/{sent_on.id}", {"If-Match": "*"}
    answers = [
        await patched(crm, sent_on.id, ACCEPT),
        await crm.patch(path, json=patch_of({"/substatus": "Declined"})),
        await crm.put(path, json={}, headers=any_tag),
        await crm.post(f"{path}/open"),
        await crm.post(f"{path}/interest", headers=any_tag),
        await crm.post(f"{path}/undo"),
    ]
    for answer in answers:
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "resourceModified")
        told = answer.json()["error"]
        assert "the partner that received it answers it" in told["message"]
        assert (told["innerError"]["status"], told["innerError"]["substatus"]) == ("New", "Pending")
    # To nobody else is it there.
    other = await world.program(2)
    assert (await other.patch(path, json=patch_of(ACCEPT))).status_code == 404
    assert await world.stores.rfis.load([sent_on.id]) == {sent_on.id: sent_on}


async def test_all_problems_of_a_new_referral_come_at_once_in_the_contract_s_places(crm: Browser) -> None:
    body = own_referral(name="x", consent={"consentToContact": False}, target=[{"id": 3}])
    body["customerProfile"] |= {"address": {"country": "Atlantis"}, "team": [{"firstName": "Rosa", "email": "no"}]}
    body["details"] |= {"dealValue": "much", "currency": "Euro"}
    answer = await crm.post(PATH, json=body)
    assert answer.status_code == 422
    assert set(targets(answer)) >= {
        "/name",
        "/consent/consentToContact",
        "/consent/consentToToShareInfoWithOthers",
        "/customerProfile/address/country",
        "/customerProfile/team/0/lastName",
        "/customerProfile/team/0/email",
        "/details/dealValue",
        "/target/0",
    }
    assert (await crm.post(PATH, json=[])).status_code == 400
    empty = await crm.post(PATH, json={})
    assert empty.status_code == 422


async def test_a_method_that_is_not_there_names_those_that_are(crm: Browser) -> None:
    answer = await crm.delete(f"{PATH}/x")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, PATCH, PUT")
    assert answer.json()["error"]["code"] == "invalidRequest"
    assert (await crm.delete(PATH)).headers["allow"] == "GET, POST"


async def test_an_error_of_ours_is_told_without_its_words(world: PortalWorld, crm: Browser) -> None:
    await world.add_referral()
    await crm.get(PATH)
    world.stores.faults.fail_next(error=ValueError(CONTACT.email))
    answer = await crm.get(PATH)
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "generalException")
    assert CONTACT.email not in answer.text


async def test_of_two_answers_at_once_one_wins_and_the_other_is_told_which(world: PortalWorld, crm: Browser) -> None:
    referral = await world.add_referral()
    decline = {"/substatus": "Declined", "/statusReason": "1"}
    answers = await asyncio.gather(patched(crm, referral.id, ACCEPT), patched(crm, referral.id, decline))
    assert sorted(each.status_code for each in answers) == [200, 409]
    won = next(each for each in answers if each.status_code == 200).json()
    lost = next(each for each in answers if each.status_code == 409).json()
    assert lost["error"]["innerError"]["substatus"] == won["substatus"]


async def test_edits_at_once_that_touch_different_fields_are_both_kept(world: PortalWorld, crm: Browser) -> None:
    referral = await world.add_referral()
    await patched(crm, referral.id, ACCEPT)
    edits: list[dict[str, Any]] = [
        {"/campaignId": "spring"},
        {"/salesStage": "Propose"},
        {"/team/-": {"firstName": "J", "lastName": "D", "email": "j@partner1.example"}},
        {"/externalReferenceId": "X-9"},
    ]
    answers = await asyncio.gather(*(patched(crm, referral.id, each) for each in edits))
    assert {each.status_code for each in answers} <= {200, 409}
    for edit, answer in zip(edits, answers, strict=True):
        if answer.status_code != 200:
            assert (await patched(crm, referral.id, edit)).status_code == 200
    told = (await crm.get(f"{PATH}/{referral.id}")).json()
    assert (told["campaignId"], told["salesStage"], told["externalReferenceId"]) == ("spring", "Propose", "X-9")
    assert len(told["team"]) == 1
