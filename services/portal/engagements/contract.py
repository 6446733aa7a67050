"""How does every answer of the contract look: errors in its form, and the parts that many share?"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.types import Receive, Scope, Send

from services.portal.access import partner, partner_writer, scoped
from services.portal.engagements.errors import Faulty, answer, answer_to, parameters
from services.portal.engagements.models import ErrorV1
from services.portal.identity import Identity
from services.portal.judging import Judging

#: By name, not as `model`: the framework would build a serializer for every status of every route.
_CONTENT = {"content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{ErrorV1.__name__}"}}}}


class ContractRoute(APIRoute):
    """A route whose every error is told in the contract's form.

    `allowed` are the methods of every route at its path, which `Allow` names; `name_methods` fills it.
    """

    allowed: frozenset[str] = frozenset()

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The framework's way, but for a method that no route of this path has."""
        if scope["method"] not in (self.methods or ()):
            methods = ", ".join(sorted(self.allowed or self.methods or ()))
            refusal = answer(405, f"here there are {methods}", headers={"allow": methods})
            await refusal(scope, receive, send)
            return
        await super().handle(scope, receive, send)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The framework's handler, with errors taken care of; a refusal names every problem."""
        handle, judging = super().get_route_handler(), Judging(self)

        async def handled(request: Request) -> Response:
            try:
                return await handle(request)
            except RequestValidationError as refused:
                raise Faulty([*parameters(refused), *await judging.meaning(request, refused)]) from None

        async def told(request: Request) -> Response:
            try:
                response = await handled(request)
            except Exception as error:  # noqa: BLE001 - every error has an answer; unknown ones are logged there
                response = answer_to(error)
            response.headers["cache-control"] = "no-store"
            return response

        return told


def name_methods(routes: APIRouter) -> APIRouter:
    """Tell each route what others stand at its path; called when all are there."""
    mine = [each for each in routes.routes if isinstance(each, ContractRoute)]
    for route in mine:
        same = [each.methods or set() for each in mine if each.path == route.path]
        route.allowed = frozenset(method for methods in same for method in methods)
    return routes


async def reader(
    me: Annotated[Identity, Depends(partner)], _scope: Annotated[Identity, Depends(scoped("referrals.read"))]
) -> Identity:
    """A person or program of a partner that may read its referrals."""
    return me


async def writer(
    me: Annotated[Identity, Depends(partner_writer)], _scope: Annotated[Identity, Depends(scoped("referrals.write"))]
) -> Identity:
    """One that may answer them too."""
    return me


Reading = Annotated[Identity, Depends(reader)]
Writing = Annotated[Identity, Depends(writer)]


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What else an operation may answer; some of it every operation may."""
    return {status: {"description": _WORDS[status], **_CONTENT} for status in (400, 401, 403, *statuses, 429, 503)}


_WORDS = {
    400: "The request can't be read; `details` lists every problem",
    401: "No token, or none that is good",
    403: "The token or role does not allow this",
    404: "No referral of yours has this id",
    409: "The referral's state forbids it; `innerError` says what it is now, since when and by whom",
    412: "It has changed since you read it: read it again",
    413: "The body is too large",
    422: "What is wanted can't be; `details` lists every problem",
    429: "Too many requests; see Retry-After",
    503: "Try again; see Retry-After",
}


def etag_header() -> dict[str, Any]:
    """The header that a referral comes with."""
    return {"ETag": {"description": "For the next If-Match", "schema": {"type": "string"}}}
