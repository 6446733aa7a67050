"""What does the OpenAPI document of the portal's API say? Programs' operations alone; pages are for people."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse

from schemas.problem import ProblemV1
from services.portal.engagements.models import ErrorV1

#: Where programs ask.
PREFIXES = ("/v1/", "/v1.0/", "/oauth/")
_OPEN = ("/oauth/",)
_REFERENCE = re.compile(r"#/components/schemas/([\w.-]+)")
_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API token, or one from /oauth/token"},
    "client": {"type": "http", "scheme": "basic", "description": "Id and secret of an OAuth client, for /oauth/token"},
}
_FRAMEWORKS_OWN = ("HTTPValidationError", "ValidationError")


def document(app: FastAPI) -> dict[str, Any]:
    """The document of what is mounted in the application, made once."""
    if app.openapi_schema is None:
        routes = [*app.routes, *_errors().routes]
        made = get_openapi(title=app.title, version=app.version, routes=routes, openapi_version="3.1.0")
        made["paths"] = {path: each for path, each in made["paths"].items() if path.startswith(PREFIXES)}
        for path, operations in made["paths"].items():
            for operation in operations.values():
                _tidied(path, operation)
        made["components"] = {"schemas": _needed(made), "securitySchemes": _SCHEMES}
        app.openapi_schema = made
    return app.openapi_schema


def _errors() -> APIRouter:
    """A route that is only here: it has the errors described that operations refer to by name."""
    routes = APIRouter()
    routes.add_api_route(
        "/", _errors, responses={400: {"model": ProblemV1}, 401: {"model": ErrorV1}}, response_model=None
    )
    return routes


def _needed(made: Mapping[str, Any]) -> dict[str, Any]:
    """The schemas that operations refer to, and those that these refer to."""
    schemas, wanted = made.get("components", {}).get("schemas", {}), set[str]()
    new = set(_REFERENCE.findall(json.dumps(made["paths"])))
    while new:
        wanted |= new
        new = {name for each in new for name in _REFERENCE.findall(json.dumps(schemas[each]))} - wanted
    return {name: schema for name, schema in schemas.items() if name in wanted}


def _tidied(path: str, operation: dict[str, Any]) -> None:
    """The framework's own form of validation errors is never told here; who may ask is said with every operation."""
    answer = operation["responses"].get("422", {})
    if any(name in str(answer) for name in _FRAMEWORKS_OWN):
        del operation["responses"]["422"]
    if not path.startswith(_OPEN):
        operation.setdefault("security", [{"bearer": []}])


def router() -> APIRouter:
    """Serves the document to anybody: there are no secrets in it."""
    routes = APIRouter()

    @routes.get("/openapi.json", include_in_schema=False)
    async def openapi(request: Request) -> JSONResponse:
        return JSONResponse(document(request.app))

    return routes
