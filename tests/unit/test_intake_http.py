"""What do publishers get from intake's HTTP side, in every case?"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
import orjson
import pytest

from schemas.problem import ProblemV1
from schemas.topics import TOPICS, Topic
from services.adapters.memory.kafka import MemoryLog, MemoryPublisher
from services.adapters.memory.stores import MemoryStores
from services.core import ids
from services.core.codes import RfiState
from services.core.erasing import erased_rfi
from services.core.rfi import Routing
from services.core.stores import Publisher
from services.intake.access import WRONG_TOKENS_PER_MINUTE, token_hash
from services.intake.app import Intake, IntakePorts, build
from services.intake.problems import SECURITY_HEADERS
from services.intake.requests import BodyTooSlow, read_body
from services.intake.submission import MAX_BYTES, WIRE_TYPE
from tests.builders import START, make_chosen
from tests.submissions import ABSENT, StoppedClock, regions, rfi_json

TOKEN, OTHER_TOKEN, OLD_TOKEN = "t0ken-of-the-crm", "t0ken-of-the-shop", "t0ken-of-old"
CRM = "urn:crm"
RFI_ID = ids.rfi_id(CRM, "RFI-1")


@dataclass
class World:
    """Intake over twins, with two publishers."""

    stores: MemoryStores = field(default_factory=MemoryStores)
    log: MemoryLog = field(default_factory=lambda: MemoryLog({spec.topic: 1 for spec in TOPICS}))
    clock: StoppedClock = field(default_factory=StoppedClock)
    requests_per_minute: int = 1000

    def __post_init__(self) -> None:
        for token, source, active in ((TOKEN, CRM, True), (OTHER_TOKEN, "urn:shop", True), (OLD_TOKEN, "urn:o", False)):
            known = Publisher(id=source, source=source, token_hash=token_hash(token), active=active)
            self.stores.publishers.stored[known.id] = known
        self.publisher = MemoryPublisher(self.log)
        self.intake: Intake = build(
            IntakePorts(
                rfis=self.stores.rfis,
                refusals=self.stores.refusals,
                idempotency=self.stores.idempotency,
                publishers=self.stores.publishers,
                publisher=self.publisher,
                clock=self.clock,
            ),
            requests_per_minute=self.requests_per_minute,
            regions=regions(),
        )
        transport = httpx.ASGITransport(self.intake.http, raise_app_exceptions=False)
        self.client = httpx.AsyncClient(
            transport=transport, base_url="http://intake.test", headers={"authorization": f"Bearer {TOKEN}"}
        )

    async def post(self, data: Any = None, **kwargs: Any) -> httpx.Response:
        if "content" not in kwargs:
            kwargs["json"] = rfi_json() if data is None else data
        return await self.client.post("/v1/rfis", **kwargs)

    async def consume(self) -> None:
        """Let the consumer handle everything published so far."""
        await self.intake.handler(self.log.records(Topic.RFI_SUBMITTED))


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    yield made
    await made.client.aclose()


def problem(response: httpx.Response, status: int) -> ProblemV1:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body = ProblemV1.model_validate_json(response.content)
    assert body.status == status
    return body


def errors(response: httpx.Response) -> set[tuple[str, str]]:
    return {(e.pointer, e.code) for e in problem(response, 422).errors}


async def status(world: World, rfi_id: str = RFI_ID) -> dict[str, Any]:
    response = await world.client.get(f"/v1/rfis/{rfi_id}")
    assert response.status_code == 200
    return dict(response.json())


async def test_an_rfi_is_confirmed_once_it_is_on_kafka_under_the_tokens_source(world: World) -> None:
    response = await world.post(headers={"x-referrals-source": "urn:somebody-else"})
    assert response.status_code == 202
    assert response.headers["location"] == f"/v1/rfis/{RFI_ID}"
    assert response.json() == {"id": RFI_ID, "publisherId": "RFI-1", "status": "submitted"}
    (record,) = world.log.records(Topic.RFI_SUBMITTED)
    headers = dict(record.headers)
    assert (record.key, headers["ce_source"], headers["ce_type"]) == (b"RFI-1", CRM.encode(), WIRE_TYPE.encode())
    assert orjson.loads(record.value or b"") == rfi_json()


async def test_what_is_confirmed_is_accepted_by_the_consumer(world: World) -> None:
    location = (await world.post()).headers["location"]
    await world.consume()
    assert (await world.client.get(location)).json()["status"] == "accepted"


async def test_every_problem_is_told_at_once_and_nothing_is_published(world: World) -> None:
    response = await world.post(rfi_json(channel="fax", consent__share=False, customer__contact__email="x at y"))
    assert errors(response) == {
        ("/channel", "unknown_channel"),
        ("/consent/share", "no_consent"),
        ("/customer/contact/email", "email"),
    }
    assert world.log.records(Topic.RFI_SUBMITTED) == []


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"null", b"[]"])
async def test_what_is_no_rfi_is_a_problem_of_the_whole(world: World, content: bytes) -> None:
    assert {pointer for pointer, _ in errors(await world.post(content=content))} == {""}


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer wrong", "Basic dTpw", f"Bearer {OLD_TOKEN}", TOKEN])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_without_a_valid_token_nobody_gets_in(world: World, authorization: str, method: str) -> None:
    path = "/v1/rfis" if method == "POST" else f"/v1/rfis/{RFI_ID}"
    response = await world.client.request(method, path, headers={"authorization": authorization})
    problem(response, 401)
    assert response.headers["www-authenticate"] == "Bearer"


async def test_who_tries_many_wrong_tokens_has_to_wait(world: World) -> None:
    for _ in range(WRONG_TOKENS_PER_MINUTE):
        problem(await world.post(headers={"authorization": "Bearer guess"}), 401)
    response = await world.post(headers={"authorization": "Bearer guess"})
    problem(response, 429)
    assert 1 <= int(response.headers["retry-after"]) <= 60
    assert (await world.post()).status_code == 202


async def test_a_publisher_that_sends_too_fast_has_to_wait_and_others_do_not() -> None:
    world = World(requests_per_minute=2)
    for _ in range(2):
        assert (await world.post()).status_code == 202
    response = await world.post()
    problem(response, 429)
    assert 1 <= int(response.headers["retry-after"]) <= 60
    assert (await world.post(headers={"authorization": f"Bearer {OTHER_TOKEN}"})).status_code == 202
    await world.client.aclose()


async def test_a_structured_event_is_taken_when_its_source_is_the_publishers(world: World) -> None:
    event = {"specversion": "1.0", "id": "e7", "source": CRM, "type": WIRE_TYPE, "data": rfi_json()}
    headers = {"content-type": "application/cloudevents+json"}
    assert (await world.post(content=orjson.dumps(event), headers=headers)).status_code == 202
    assert dict(world.log.records(Topic.RFI_SUBMITTED)[0].headers)["ce_id"] == b"e7"
    foreign = orjson.dumps(event | {"source": "urn:shop"})
    assert CRM in (problem(await world.post(content=foreign, headers=headers), 403).detail or "")


async def test_a_binary_event_is_taken_with_its_headers_decoded(world: World) -> None:
    headers = {"ce-specversion": "1.0", "ce-id": "e%20%C3%B1", "ce-source": CRM, "ce-type": WIRE_TYPE}
    assert (await world.post(headers=headers)).status_code == 202
    assert dict(world.log.records(Topic.RFI_SUBMITTED)[0].headers)["ce_id"] == "e ñ".encode()
    assert errors(await world.post(headers=headers | {"ce-type": "x"})) == {("header:ce_type", "unknown_type")}
    problem(await world.post(headers=headers | {"ce-source": "urn:shop"}), 403)


@pytest.mark.parametrize("media", ["text/plain", "text/csv", "application/cloudevents-batch+json"])
async def test_other_media_types_are_refused(world: World, media: str) -> None:
    problem(await world.post(content=b"{}", headers={"content-type": media}), 415)


async def test_a_compressed_body_is_refused(world: World) -> None:
    problem(await world.post(headers={"content-encoding": "gzip"}), 415)


async def test_a_large_body_is_refused_whether_it_says_so_or_not(world: World) -> None:
    problem(await world.post(content=b" " * (MAX_BYTES + 1)), 413)

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(MAX_BYTES // 1000 + 1):
            yield b" " * 1000

    problem(await world.post(content=chunks()), 413)


@pytest.mark.parametrize("told", [True, False], ids=["with its length", "in pieces"])
async def test_a_body_of_just_the_greatest_size_is_taken(world: World, told: bool) -> None:
    body = orjson.dumps(rfi_json()).ljust(MAX_BYTES)

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 1000):
            yield body[start : start + 1000]

    headers = {"content-type": "application/json"}
    assert (await world.post(content=body if told else pieces(), headers=headers)).status_code == 202
    await world.consume()
    assert (await status(world))["status"] == "accepted"


async def test_the_same_request_again_gets_the_same_answer_and_makes_one_rfi(world: World) -> None:
    headers = {"Idempotency-Key": '"k-1"'}
    first, second = await world.post(headers=headers), await world.post(headers=headers)
    assert (first.status_code, first.json()) == (second.status_code, second.json())
    await world.consume()
    assert len(world.stores.rfis.stored) == 1
    assert world.stores.refusals.stored == {}


async def test_a_key_for_another_rfi_is_refused(world: World) -> None:
    await world.post(headers={"Idempotency-Key": "k-1"})
    response = await world.post(rfi_json(id="RFI-2"), headers={"Idempotency-Key": "k-1"})
    assert errors(response) == {("header:idempotency-key", "idempotency_key_reused")}
    mine = {"Idempotency-Key": "k-1", "authorization": f"Bearer {OTHER_TOKEN}"}
    assert (await world.post(rfi_json(id="RFI-2"), headers=mine)).status_code == 202


async def test_a_key_of_a_faulty_request_serves_the_mended_one(world: World) -> None:
    headers = {"Idempotency-Key": "k-1"}
    assert (await world.post(rfi_json(channel="fax"), headers=headers)).status_code == 422
    assert (await world.post(headers=headers)).status_code == 202


@pytest.mark.parametrize("key", ["", " ", "x" * 256, "ñ"])
async def test_a_key_that_is_none_is_refused(world: World, key: str) -> None:
    response = await world.post(headers={"Idempotency-Key": key.encode()})
    assert errors(response) == {("header:idempotency-key", "idempotency_key")}


async def test_an_rfi_without_id_gets_one_from_the_key(world: World) -> None:
    without = rfi_json(id=ABSENT)
    assert errors(await world.post(without)) == {("/id", "missing")}
    headers = {"Idempotency-Key": "k-1"}
    first, second = await world.post(without, headers=headers), await world.post(without, headers=headers)
    assert first.json() == second.json()
    assert first.json()["publisherId"].startswith("key-")
    await world.consume()
    assert list(world.stores.rfis.stored) == [first.json()["id"]]


async def test_an_id_that_another_rfi_has_is_refused(world: World) -> None:
    await world.post()
    await world.consume()
    assert errors(await world.post(rfi_json(need__title="Other"))) == {("/id", "id_reused")}


async def test_an_rfi_whose_customer_was_erased_is_refused_and_not_put_on_kafka(world: World) -> None:
    await world.post()
    await world.consume()
    ((id_, rfi),) = world.stores.rfis.stored.items()
    world.stores.rfis.stored[id_] = erased_rfi(rfi, "customer", rfi.accepted_at, withdraw=True)
    before = len(world.log.records(Topic.RFI_SUBMITTED))
    for again in (rfi_json(), rfi_json(need__title="Other")):
        assert errors(await world.post(again)) == {("/id", "erased")}
    assert len(world.log.records(Topic.RFI_SUBMITTED)) == before


async def test_when_kafka_is_away_nothing_is_confirmed_and_the_same_request_goes_through_later(world: World) -> None:
    world.publisher.away = True
    headers = {"Idempotency-Key": "k-1"}
    response = await world.post(headers=headers)
    problem(response, 503)
    assert int(response.headers["retry-after"]) > 0
    assert (await world.client.get(f"/v1/rfis/{RFI_ID}")).status_code == 404
    world.publisher.away = False
    assert (await world.post(headers=headers)).status_code == 202


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("call", range(4))
async def test_when_the_database_fails_at_any_call_the_request_may_be_repeated(
    world: World, call: int, after: bool
) -> None:
    world.stores.faults.fail_call(call, after=after)
    headers = {"Idempotency-Key": "k-1"}
    problem(await world.post(headers=headers), 503)
    assert (await world.post(headers=headers)).status_code == 202
    await world.consume()
    assert (list(world.stores.rfis.stored), world.stores.refusals.stored) == ([RFI_ID], {})


async def test_the_status_follows_the_rfi(world: World) -> None:
    problem(await world.client.get(f"/v1/rfis/{RFI_ID}"), 404)
    await world.post()
    assert await status(world) == {
        "id": RFI_ID,
        "publisherId": "RFI-1",
        "status": "submitted",
        "partners": None,
        "because": None,
        "problems": [],
    }
    await world.consume()
    assert (await status(world))["status"] == "accepted"
    rfi = world.stores.rfis.stored[RFI_ID]
    routing = Routing(at=START, chosen=(make_chosen(1), make_chosen(2)))
    world.stores.rfis.stored[RFI_ID] = replace(rfi, state=RfiState.ROUTED, routing=routing)
    assert ((await status(world))["status"], (await status(world))["partners"]) == ("routed", 2)
    none = Routing(at=START, chosen=(), no_match_because="no_partner_in_region")
    world.stores.rfis.stored[RFI_ID] = replace(rfi, state=RfiState.NO_MATCH, routing=none)
    assert (await status(world))["because"] == "no_partner_in_region"


async def test_the_status_of_an_rfi_refused_behind_lists_its_problems(world: World) -> None:
    await world.post()
    world.clock.at = START.replace(year=2028)
    await world.consume()
    found = await status(world)
    assert found["status"] == "refused"
    assert [(p["pointer"], p["code"]) for p in found["problems"]] == [("/submittedAt", "too_old")]


async def test_a_publisher_sees_its_own_rfis_alone(world: World) -> None:
    other = {"authorization": f"Bearer {OTHER_TOKEN}"}
    await world.post()
    problem(await world.client.get(f"/v1/rfis/{RFI_ID}", headers=other), 404)
    await world.consume()
    problem(await world.client.get(f"/v1/rfis/{RFI_ID}", headers=other), 404)
    problem(await world.client.get("/v1/rfis/" + "x" * 65), 422)


async def test_every_answer_has_the_security_headers(world: World) -> None:
    world.stores.faults.fail_call(5, RuntimeError("a bug"))
    answers = [
        await world.client.get("/nowhere"),
        await world.client.get("/v1/rfis"),
        await world.post(),
        await world.post(),
        await world.post(rfi_json(channel="fax")),
    ]
    assert [a.status_code for a in answers] == [404, 405, 202, 500, 422]
    for response in answers:
        assert {name: response.headers.get(name) for name in SECURITY_HEADERS} == SECURITY_HEADERS
        assert len(response.headers.get_list("cache-control")) == 1
        assert "a bug" not in response.text


async def test_the_openapi_document_is_whole_and_no_page_is_served(world: World) -> None:
    response = await world.client.get("/openapi.json")
    document = response.json()
    text = response.text
    known = document["components"]["schemas"]
    assert {"RfiSubmittedV1", "PlaceV1", "ProblemV1", "ReceiptV1", "RfiStatusV1"} <= set(known)
    references = {part.split('"')[0] for part in text.split('"#/components/schemas/')[1:]}
    assert references <= set(known)
    assert set(document["paths"]) == {"/v1/rfis", "/v1/rfis/{rfi_id}"}
    for page in ("/docs", "/redoc"):
        problem(await world.client.get(page), 404)


async def test_a_body_that_does_not_arrive_is_given_up() -> None:
    async def trickle() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    with pytest.raises(BodyTooSlow, match="send the request again"):
        await read_body(None, trickle(), timeout_s=0.01)
