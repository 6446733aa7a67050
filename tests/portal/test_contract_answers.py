"""Whatever is asked below /v1.0, the answer has the contract's form and the caller's ids; below /v1 problem details."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from services.portal.guard import BODY_LIMIT
from services.portal.ports import PortalOptions
from tests.portal.world import BASE, PortalWorld, portal_world

PATH = "/v1.0/engagements/referrals"
IDS = {"ms-correlationid": "c-1:{7}", "ms-requestid": "r-1"}


def told(answer: httpx.Response) -> dict[str, Any]:
    """The error in the contract's form, with both ids beside it."""
    assert {name: answer.headers.get_list(name) for name in IDS} == {name: [id_] for name, id_ in IDS.items()}
    assert answer.headers["content-type"] == "application/json"
    (error,) = answer.json().values()
    assert error.keys() == {"code", "message", "target", "details", "innerError"}
    return error  # type: ignore[no-any-return]


@pytest.mark.parametrize("path", ["/v1.0", "/v1.0/", "/v1.0/engagements", "/v1.0/engagements/leads", f"{PATH}/a/b/c"])
@pytest.mark.parametrize("method", ["GET", "POST", "PATCH"])
async def test_an_address_that_leads_nowhere_is_told_in_the_contracts_form(
    world: PortalWorld, method: str, path: str
) -> None:
    for caller in (await world.program(), world.client()):
        answer = await caller.request(method, path, headers={**IDS, "accept": "text/html"})
        error = told(answer)
        assert (answer.status_code, error["code"]) == (404, "itemNotFound")
        assert "/openapi.json" in error["message"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", PATH, "GET, POST"),
        ("POST", f"{PATH}/x", "GET, PATCH, PUT"),
        ("GET", f"{PATH}/x/undo", "POST"),
        ("PUT", "/v1.0/engagements/export.csv", "GET"),
        ("GET", "/v1.0/engagements/import.csv", "POST"),
    ],
)
async def test_a_method_that_an_address_lacks_is_told_with_those_it_has(
    world: PortalWorld, method: str, path: str, allowed: str
) -> None:
    answer = await (await world.program()).request(method, path, headers=IDS)
    assert (answer.status_code, told(answer)["code"]) == (405, "invalidRequest")
    assert answer.headers["allow"] == allowed


async def test_each_refusal_in_front_of_an_operation_has_the_form_too(world: PortalWorld) -> None:
    crm = await world.program()
    nobody = await world.client().get(PATH, headers=IDS)
    assert (nobody.status_code, told(nobody)["code"]) == (401, "unauthenticated")
    large = await crm.post(PATH, content=b"x" * (BODY_LIMIT + 1), headers=IDS)
    assert (large.status_code, told(large)["code"]) == (413, "invalidRequest")
    form = {"content-type": "multipart/form-data; boundary=b; charset=utf-7"}
    codec = await crm.post(PATH, content=b"x", headers=IDS | form)
    assert (codec.status_code, told(codec)["code"]) == (415, "invalidRequest")
    world.stores.faults.fail_next()
    away = await crm.get(PATH, headers=IDS)
    assert (away.status_code, told(away)["code"], away.headers["retry-after"]) == (503, "serviceNotAvailable", "5")
    world.stores.faults.fail_next(error=ZeroDivisionError("a customer's secret"))
    ours = await crm.get(PATH, headers=IDS)
    assert (ours.status_code, told(ours)["code"]) == (500, "generalException")
    assert "secret" not in ours.text


async def test_ids_come_back_with_what_is_no_error_and_only_those_that_harm_nothing(world: PortalWorld) -> None:
    crm = await world.program()
    redirected = await crm.get(f"{PATH}/", headers=IDS)
    for answer in (redirected, await crm.get(PATH, headers=IDS), await crm.get(f"{PATH}/", headers={**IDS})):
        assert {name: answer.headers.get_list(name) for name in IDS} == {name: [id_] for name, id_ in IDS.items()}
    for harmful in ("a b", "x" * 129, "é".encode(), "<a>", ""):
        sent = await crm.get(PATH, headers={"MS-CorrelationId": harmful, "ms-requestid": "r-2"})
        assert "ms-correlationid" not in sent.headers
        assert sent.headers["ms-requestid"] == "r-2"
    # They are the contract's.
    assert "ms-requestid" not in (await crm.get("/v1/rfis/x", headers=IDS)).headers


@pytest.fixture
async def hurried() -> AsyncIterator[PortalWorld]:
    world = portal_world(options=PortalOptions(base_url=BASE, requests_per_minute=2))
    yield world
    await world.close()


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_who_goes_too_fast_is_told_when_to_come_again_in_the_contracts_form(
    hurried: PortalWorld, method: str
) -> None:
    crm = await hurried.program()
    answers = [await crm.request(method, PATH, headers=IDS) for _ in range(8)]
    assert answers[0].status_code != 429
    refused = [answer for answer in answers if answer.status_code == 429]
    # The window slides while a slow machine counts.
    assert len(refused) >= 3
    for answer in refused:
        assert told(answer)["code"] == "serviceNotAvailable"
        assert 0 < int(answer.headers["retry-after"]) <= 60
        assert "wait" in told(answer)["message"]
    other = await hurried.program(2)
    assert (await other.get(PATH, headers=IDS)).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status", "allowed"),
    [
        ("GET", "/v1/nothing", 404, None),
        ("POST", "/v1/", 404, None),
        ("DELETE", "/v1/profiles", 405, "GET"),
        ("DELETE", "/v1/rfis/x", 405, "GET"),
        ("GET", "/oauth/nothing", 404, None),
        ("GET", "/oauth/token", 405, "POST"),
    ],
)
async def test_elsewhere_a_program_is_told_so_as_problem_details(
    world: PortalWorld, method: str, path: str, status: int, allowed: str | None
) -> None:
    crm = await world.program()
    answer = await crm.request(method, path, headers={"accept": "text/html", "x-request-id": "mine-1"})
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json()["instance"] == "urn:request:mine-1"
    assert answer.headers["x-request-id"] == "mine-1"
    assert answer.headers.get("allow") == allowed
    assert ("/openapi.json" in answer.json()["detail"]) is (status == 404)
