"""Every problem of a request is told in one answer: what is wrong with its shape, and with the meaning of the rest."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import pytest
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import BaseModel

from schemas.topics import Topic
from services.portal.judging import judge_of
from services.portal.openapi import document
from services.portal.readable import as_readable, model_in
from tests.builders import make_partner, make_profile
from tests.contract.webhook_suite import make_webhook
from tests.portal.test_v1_rfis import sent_on
from tests.portal.world import PortalWorld
from tests.submissions import rfi_json

ALL = ("referrals.write", "profiles.write", "users.write", "webhooks.write")
REFERRALS = "/v1.0/engagements/referrals"
LONG = "x" * 2000


@dataclass(frozen=True, kw_only=True)
class Sent:
    """What an operation is sent; `shape` and `meaning` are the fields that must be told of."""

    body: Any = None
    query: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    shape: frozenset[str]
    meaning: frozenset[str]
    #: Of the contract's answers; those of /v1 are 422.
    status: int = 400
    by: str = "program"


def sent(shape: str, meaning: str, **more: Any) -> Sent:
    return Sent(shape=frozenset(shape.split()), meaning=frozenset(meaning.split()), **more)


CONTACT = {"firstName": "Sara", "lastName": " ", "email": "nobody", "phone": "0", "timeZone": "Mars/Base"}
PROFILE = {
    "serves": [{"country": 5, "subdivision": "Nowhere"}, {"country": "Atlantis"}],
    "locations": [{"place": {"country": "PT"}, "contact": CONTACT}, {"place": "Madrid", "contact": {"firstName": 1}}],
    "keywords": [7, "bell\u0007"],
    "capacity": "many",
    "pausedUntil": "2001-01-01T00:00:00Z",
    "colour": "red",
}
LISTS = {"serves": [None], "locations": [[None, None]]}
PATCH = [
    {"op": "replace", "path": "/status", "value": "Active"},
    {"op": "replace", "path": "/name", "value": "n" * 300},
    {"op": "replace", "path": "/details/dealValue", "value": "a lot"},
    {"op": "replace", "path": "/details/currency", "value": "euros"},
]
#: Operation -> requests of which one answer must tell everything.
TOLD: Mapping[str, list[Sent]] = {
    f"POST {REFERRALS}": [
        sent(
            "header/Idempotency-Key",
            "/name /consent/consentToContact",
            body={"name": 5},
            headers={"idempotency-key": LONG},
        ),
        sent("Idempotency-Key", "/name /consent/consentToContact", body={"name": 5}, headers={"idempotency-key": ""}),
        sent(
            "/name", "/consent/consentToContact", body={"name": 5, "consent": {"consentToContact": False}}, status=422
        ),
    ],
    f"PATCH {REFERRALS}/{{referral_id}}": [
        sent("/details/dealValue", "/name /details/currency /details/closingDateTime", body=PATCH),
        sent("/0/path", "/name", body=[{"op": "add", "path": "/colour", "value": 1}, PATCH[1]]),
        sent("/status", "/name", body=[{"op": "replace", "path": "/status", "value": "Great"}, PATCH[1]]),
        sent("header/If-Match", "/name", body=[PATCH[1]], headers={"if-match": LONG}),
    ],
    f"PUT {REFERRALS}/{{referral_id}}": [
        sent("If-Match /details/notes", "/name", body={"name": "n" * 300, "details": {"notes": 5}}),
        sent("/substatus", "/name", body={"name": "n" * 300, "substatus": "Great"}, headers={"if-match": '"7"'}),
        sent("header/If-Match", "/name", body={"name": "n" * 300}, headers={"if-match": LONG}),
    ],
    "POST /v1/rfis": [
        sent("/language /more", "/channel", body={**rfi_json(), "language": 5, "channel": "fax", "more": 1})
    ],
    "POST /v1/rfis/{rfi_id}/choose": [sent("/more", "/partnerId", body={"partnerId": "p-9", "more": 1})],
    "POST /v1/rfis/{rfi_id}/wanted": [sent("/more", "/partnerId", body={"partnerId": "p-9", "more": 1})],
    "PUT /v1/profiles/{country}": [
        sent(
            "/serves/0/country /locations/1/place /locations/1/contact/firstName /locations/1/contact/lastName "
            "/locations/1/contact/email /keywords/0 /capacity /colour",
            "/serves/1/country /locations/0/place/country /locations/0/contact/lastName /locations/0/contact/email "
            "/locations/0/contact/phone /locations/0/contact/timeZone /keywords /pausedUntil",
            body=PROFILE,
        ),
        sent("/serves", "/locations", body={"locations": []}),
        # What is no object at all, in a list of objects.
        sent("/serves/0 /locations/0", "/pausedUntil", body={**LISTS, "pausedUntil": "2001-01-01T00:00:00Z"}),
        sent(
            "/If-Match", "/locations", body={"serves": [{"country": "ES"}], "locations": []}, headers={"if-match": LONG}
        ),
    ],
    "POST /v1/profiles/{country}/pause": [
        sent("/more", "/pausedUntil", body={"until": "2001-01-01T00:00:00Z", "more": 1})
    ],
    "POST /v1/users": [sent("/role", "/name /email", body={"name": " ", "email": "nobody", "role": "boss"})],
    "POST /v1/webhooks": [sent("/events/0", "/url", body={"url": "http://crm.example/", "events": ["no.such"]})],
    "PUT /v1/webhooks/{webhook_id}": [sent("/active", "/url", body={"url": "http://crm.example/", "active": []})],
    "GET /v1/search": [
        sent("/limit /colour", "/country /cursor", query={"country": "-", "limit": 0, "cursor": "x", "colour": 1}),
        sent("/country", "/cursor", query={"subdivision": "Nowhere", "cursor": "x"}),
    ],
    "GET /v1/users": [sent("/limit", "/cursor", query={"limit": 0, "cursor": "x"})],
    "GET /v1/webhook-deliveries": [sent("/limit", "/cursor", query={"limit": 0, "cursor": "x"})],
    "GET /v1/partners": [sent("/limit", "/cursor", query={"limit": 0, "cursor": "x"}, by="operator")],
    f"GET {REFERRALS}": [sent("$top", "$filter", query={"$top": "all", "$filter": "status eq 'Great'"})],
    "GET /v1.0/engagements/export.csv": [
        sent("$orderby", "$filter", query={"$orderby": "colour", "$filter": "status eq 'Great'"})
    ],
}
#: What can be wrong with these is their shape alone, or is told in another form.
NOT_SO: Mapping[str, str] = {
    "POST /v1/rfis/{rfi_id}/withdraw": "a reason is one of a list",
    "PUT /v1/users/{user_id}": "a role is one of a list",
    "POST /oauth/token": "OAuth names one error (RFC 6749, 5.2)",
    "POST /v1.0/engagements/import.csv": "told row by row: the last test of this file",
}


@pytest.fixture
async def ids(world: PortalWorld) -> dict[str, str]:
    """Somebody's thing for each path."""
    referral, hook = await world.add_referral(1), make_webhook(partner_id=make_partner(1).id)
    await world.stores.partners.put_profiles([make_profile(1)])
    await world.stores.webhooks.put_webhook(hook)
    return {
        "referral_id": referral.id,
        "rfi_id": (await sent_on(world, 2)).id,
        "webhook_id": hook.id,
        "country": "ES",
    }


def kept(world: PortalWorld) -> list[Any]:
    stores = world.stores
    there = [stores.referrals.stored, stores.rfis.stored, stores.users.stored, stores.partners.profiles]
    records = [len(world.log.records(topic)) for topic in Topic]
    return [deepcopy(each) for each in [*there, stores.webhooks.hooks, stores.jobs.stored]] + [records]


def rows() -> Iterator[Any]:
    for operation, requests in TOLD.items():
        for number, request in enumerate(requests):
            yield pytest.param(operation, request, id=f"{operation} {number}")


@pytest.mark.parametrize(("operation", "request_"), list(rows()))
async def test_both_kinds_of_problems_are_told_at_once(
    world: PortalWorld, ids: dict[str, str], operation: str, request_: Sent
) -> None:
    method, _, path = operation.partition(" ")
    caller = await world.program(None, ("operator",)) if request_.by == "operator" else await world.program(1, ALL)
    before = kept(world)
    body = {} if request_.body is None else {"json": request_.body}
    answer = await caller.request(method, path.format_map(ids), params=request_.query, headers=request_.headers, **body)
    told = answer.json()
    if path.startswith("/v1.0/"):
        fields = [each["target"] for each in told["error"]["details"]]
        assert answer.status_code == (request_.status)
    else:
        fields = [each["pointer"] for each in told["errors"]]
        assert (answer.status_code, told["detail"]) == (422, f"{len(fields)} problems")
    assert set(fields) >= request_.shape | request_.meaning
    if not operation.startswith("POST /v1/rfis") and operation != f"POST {REFERRALS}":
        # Nothing is told of what can't be read, and nothing twice. Intake's own tests say so of RFIs.
        assert sorted(fields) == sorted(request_.shape | request_.meaning)
    assert kept(world) == before


def test_each_operation_that_is_sent_something_tells_both(world: PortalWorld) -> None:
    there = set()
    for path, operations in document(world.app)["paths"].items():
        for method, operation in operations.items():
            asked = {each["name"] for each in operation.get("parameters", ()) if each["in"] == "query"}
            if "requestBody" in operation or asked & {"cursor", "$filter"}:
                there.add(f"{method.upper()} {path}")
    assert there - TOLD.keys() == NOT_SO.keys(), "name the new operation's judge, and what it is told, in this file"
    assert TOLD.keys() - there == set()


def test_each_model_that_is_sent_can_stand_in_for_itself(world: PortalWorld) -> None:
    models = set[type[BaseModel]]()
    for context in iter_route_contexts(world.app.routes):
        route = context.original_route if hasattr(context, "original_route") else context
        if isinstance(route, APIRoute) and judge_of(route.endpoint) is not None:
            for parameter in [*([route.body_field] if route.body_field else []), *route.dependant.query_params]:
                if (model := model_in(parameter.field_info.annotation)) is not None:
                    models |= {model, *nested(model)}
    assert len(models) >= 8
    for model in models:
        model.model_validate(as_readable(model, {}, ()))


def nested(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for each in model.model_fields.values():
        if (inner := model_in(each.annotation)) is not None:
            yield inner
            yield from nested(inner)


async def test_a_row_of_a_spreadsheet_is_told_everything_too(world: PortalWorld, ids: dict[str, str]) -> None:
    crm = await world.program(1, ALL)
    text = f"Id,Name,Deal value\r\n{ids['referral_id']},{'n' * 300},a lot\r\nr-9,Short,a lot\r\n"
    answer = await crm.post("/v1.0/engagements/import.csv", content=text.encode())
    own, unknown = [row["Errors"] for row in csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff")))]
    assert own.startswith("Deal value: must be a number")
    assert "/name: shorten it to 200 characters" in own
    assert "Deal value: must be a number" in unknown
    assert "no referral" in unknown


async def test_what_is_not_there_is_told_before_any_problem(world: PortalWorld, ids: dict[str, str]) -> None:
    crm = await world.program(1, ALL)
    foreign = await world.add_referral(3, partner=2)
    for id_ in ("r-9", foreign.id):
        answer = await crm.patch(f"{REFERRALS}/{id_}", json=PATCH)
        assert answer.status_code == 404
    answer = await crm.post("/v1/rfis/r-9/choose", json={"partnerId": "p", "more": 1})
    assert (answer.status_code, ids["rfi_id"] != "r-9") == (404, True)
