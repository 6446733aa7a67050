"""What do the routes of /v1 share: the errors they document, and what is allowed at a path?"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from schemas.problem import PROBLEM_JSON, ProblemV1
from services.core.errors import CommandInvalid
from services.portal.judging import Judging
from services.portal.shapes import shape_problems


class V1Route(APIRoute):
    """A route whose 405 names every method of its path, and whose refusals name every problem.

    `name_methods` fills `allowed`; `judging` tells what is said of a request whose shape is wrong.
    """

    allowed: frozenset[str] = frozenset()

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The framework's way, but for a method that no route of this path has.

        Raises:
            HTTPException: 405.
        """
        if scope["method"] not in (self.methods or ()):
            methods = ", ".join(sorted(self.allowed or self.methods or ()))
            raise HTTPException(405, f"here there are {methods}", headers={"allow": methods})
        await super().handle(scope, receive, send)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The framework's handler; a wrong shape is told together with what is wrong with the rest."""
        handle, judging = super().get_route_handler(), Judging(self)

        async def told(request: Request) -> Response:
            try:
                return await handle(request)
            except RequestValidationError as refused:
                if not (meaning := await judging.meaning(request, refused)):
                    raise
                raise CommandInvalid([*shape_problems(refused.errors()), *meaning]) from None

        return told


def name_methods(routes: APIRouter) -> APIRouter:
    """Tell each route what others stand at its path; called when all are there."""
    mine = [each for each in routes.routes if isinstance(each, V1Route)]
    for route in mine:
        same = [each.methods or set() for each in mine if each.path == route.path]
        route.allowed = frozenset(method for methods in same for method in methods)
    return routes


_WORDS = {
    400: "The body is no JSON",
    401: "No token, or none that is good",
    403: "The token or role does not allow this",
    404: "Nothing of yours has this id",
    409: "It was changed at the same moment, or its state forbids it",
    412: "It has changed since you read it: read it again",
    413: "The body is too large",
    422: "What was sent can't be used; `errors` lists every problem",
    428: "Send the ETag that you read as If-Match",
    429: "Too many requests; see Retry-After",
    503: "Try again; see Retry-After",
}
#: By name, not as `model`: the framework would build a serializer for every status of every route.
_SCHEMA = {"schema": {"$ref": f"#/components/schemas/{ProblemV1.__name__}"}}
_CONTENT = {"content": {PROBLEM_JSON: _SCHEMA, "application/json": _SCHEMA}}


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What else an operation may answer; some of it every operation may."""
    return {status: {"description": _WORDS[status], **_CONTENT} for status in (400, 401, 403, *statuses, 429, 503)}
