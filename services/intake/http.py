"""How do publishers submit RFIs over HTTP and learn what became of them?

`POST /v1/rfis` confirms with 202 once the RFI is on Kafka; `GET /v1/rfis/{id}` tells its status. Faults are answered as
RFC 9457 problems. The OpenAPI document is at /openapi.json; no page is served.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import FastAPI, Header, Path, Request, Response
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from schemas.problem import PROBLEM_JSON, ProblemV1
from schemas.rfi import RfiSubmittedV1
from schemas.submission import ReceiptV1, RfiStatusV1
from services.intake.access import Access
from services.intake.problems import SECURITY_HEADERS, NoSuchRfi, add_problem_handlers
from services.intake.requests import envelope_headers, idempotency_key, read_body
from services.intake.status import StatusReader
from services.intake.submission import WIRE_TYPE
from services.intake.submit import Submitter

_REF = "#/components/schemas/{model}"
_PROBLEM = {PROBLEM_JSON: {"schema": {"$ref": _REF.format(model="ProblemV1")}}}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    401: {"description": "No valid token", "content": _PROBLEM},
    429: {"description": "Too many requests; see Retry-After", "content": _PROBLEM},
    503: {"description": "Try again; nothing was confirmed. See Retry-After", "content": _PROBLEM},
}
_SUBMIT_ANSWERS: dict[int | str, dict[str, Any]] = _ANSWERS | {
    403: {"description": "The event names another publisher's source", "content": _PROBLEM},
    408: {"description": "The body did not arrive in time", "content": _PROBLEM},
    413: {"description": "The body is too large", "content": _PROBLEM},
    415: {"description": "The body is neither JSON nor a CloudEvent in JSON", "content": _PROBLEM},
    422: {"description": "Every problem of the RFI", "content": _PROBLEM},
}
_BODY = {
    "required": True,
    "content": {
        "application/json": {"schema": {"$ref": _REF.format(model="RfiSubmittedV1")}},
        "application/cloudevents+json": {
            "schema": {
                "type": "object",
                "required": ["specversion", "id", "source", "type", "data"],
                "properties": {
                    "type": {"const": WIRE_TYPE},
                    "data": {"$ref": _REF.format(model="RfiSubmittedV1")},
                },
            }
        },
    },
}


def create_app(access: Access, submitter: Submitter, statuses: StatusReader) -> FastAPI:
    """The application; it holds no connections of its own."""
    app = FastAPI(title="Referral exchange: intake", version="1", docs_url=None, redoc_url=None)
    add_problem_handlers(app)
    _add_routes(app, access, submitter, statuses)
    app.add_middleware(_Hardened)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return app


def _add_routes(app: FastAPI, access: Access, submitter: Submitter, statuses: StatusReader) -> None:
    @app.post(
        "/v1/rfis",
        status_code=202,
        response_model=ReceiptV1,
        responses=_SUBMIT_ANSWERS,
        openapi_extra={"requestBody": _BODY, "security": [{"publisher": []}]},
        summary="Submit an RFI",
    )
    async def submit(
        request: Request,
        response: Response,
        key: Annotated[
            str | None, Header(alias="Idempotency-Key", description="Gives an RFI without id its id")
        ] = None,
    ) -> ReceiptV1:
        who = await access.admit(request.headers.get("authorization"), _address(request))
        headers = envelope_headers(request.headers.raw)
        body = await read_body(request.headers.get("content-length"), request.stream())
        receipt = await submitter.submit(who, body, headers, *idempotency_key(key))
        response.headers["location"] = f"/v1/rfis/{receipt.id}"
        return ReceiptV1(id=receipt.id, publisher_id=receipt.publisher_id)

    @app.get(
        "/v1/rfis/{rfi_id}",
        response_model=RfiStatusV1,
        responses=_ANSWERS | {404: {"description": "No RFI of yours has this id", "content": _PROBLEM}},
        openapi_extra={"security": [{"publisher": []}]},
        summary="What became of an RFI",
    )
    async def status(request: Request, rfi_id: Annotated[str, Path(max_length=64)]) -> RfiStatusV1:
        who = await access.admit(request.headers.get("authorization"), _address(request))
        found = await statuses.read(who, rfi_id)
        if found is None:
            raise NoSuchRfi("no RFI of yours has this id")
        return found


def _address(request: Request) -> str:
    return request.client.host if request.client else "unknown"


def _openapi(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, routes=app.routes)
        _, shared = models_json_schema(
            [(RfiSubmittedV1, "validation"), (ProblemV1, "serialization")], by_alias=True, ref_template=_REF
        )
        components: dict[str, Any] = document.setdefault("components", {})
        components.setdefault("schemas", {}).update(shared.get("$defs", {}))
        components["securitySchemes"] = {"publisher": {"type": "http", "scheme": "bearer"}}
        app.openapi_schema = document
    return app.openapi_schema


class _Hardened:
    """Adds the security headers to every answer, those to errors too."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._headers = [(name.encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]

    async def __call__(self, scope: Mapping[str, Any], receive: Any, send: Any) -> None:
        async def sending(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), *self._headers]}
            await send(message)

        await self._app(scope, receive, sending)
