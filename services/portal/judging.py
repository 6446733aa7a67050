"""What is wrong with a request, all of it in one answer: its shape, and what its readable fields mean?

The framework refuses a wrong shape before an operation sees anything of it, so its sender would mend the shape and only
then hear of the rest. Therefore an operation names its judge: what it does before it writes.

    async def wanted(given: GivenV1, me: Writing) -> Thing: ...   # looks, and says every problem as CommandInvalid

    @routes.post(PATH)
    @judged_by(wanted)
    async def make(given: GivenV1, me: Writing) -> Response:
        thing = await wanted(given, me)

When the shape is wrong the judge, and never the operation, is asked about the same request with a stand-in for each
field that can't be read. What it says of those fields is left out: of them nothing can be told. That somebody else's
thing is not there, or that a dependency is away, is told before any problem.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping, Sequence
from functools import wraps
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlencode

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

from services.core.errors import CommandInvalid, Problem, TransitionRefused
from services.portal.readable import Place, as_readable, model_in
from services.portal.shapes import NO_JSON, shape_problems

E = TypeVar("E", bound=Callable[..., Any])
Judge = Callable[..., Awaitable[Any]]

_NAMED = "judged_by"
#: A request with more wrong shapes is a flood of them, and told no more.
MOST = 200
#: How often what can't be read is taken out.
_TRIES = 3
#: What the judge is told to be the state that the sender knows: shape and meaning come before preconditions (RFC 9110,
#: 13.2.1), so the thing is judged as it is now.
_ANY_STATE = (b"if-match", b"*")


def judged_by(judge: Judge) -> Callable[[E], E]:
    """Name the judge of an operation; its parameters are some of the operation's, under the same names."""

    def named(endpoint: E) -> E:
        setattr(endpoint, _NAMED, judge)
        return endpoint

    return named


def judge_of(endpoint: Callable[..., Any]) -> Judge | None:
    """Who judges an operation; None where nothing but the shape can be wrong."""
    return getattr(endpoint, _NAMED, None)


class Judging:
    """Has one operation's requests judged; costs nothing until a shape is wrong."""

    def __init__(self, route: APIRoute) -> None:
        self._route, self._judge = route, judge_of(route.endpoint)
        self._asked: Callable[[Request], Coroutine[Any, Any, Response]] | None = None

    async def meaning(self, request: Request, refused: RequestValidationError) -> list[Problem]:
        """What is wrong with the meaning of a request whose shape was refused, as far as it can be told.

        Raises:
            NotHere, Forbidden, DependencyUnavailable: as the judge says.
        """
        found = list(refused.errors())
        if self._judge is None or len(found) > MOST or any(map(_about_all, found)):
            return []
        self._asked = self._asked or self._asking(self._judge)
        for _ in range(_TRIES):
            try:
                await self._asked(await self._mended(request, refused.body, [tuple(each["loc"]) for each in found]))
            except RequestValidationError as still:
                # A list may be too short without its wrong items.
                found += still.errors()
            except CommandInvalid as invalid:
                hidden = [problem.field for problem in shape_problems(found)]
                return [each for each in invalid.problems if not beneath(each.field, hidden)]
            except TransitionRefused:
                # Its state is no problem of what was sent: that is told when there is none left.
                break
            else:
                break
        return []

    def _asking(self, judge: Judge) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The judge as an operation that answers nothing."""

        @wraps(judge)
        async def asked(*given: Any, **named: Any) -> Response:
            await judge(*given, **named)
            return Response(status_code=204)

        methods, beside = list(self._route.methods or ()), self._route.dependencies
        return APIRoute(
            self._route.path, asked, methods=methods, dependencies=beside, response_model=None
        ).get_route_handler()

    async def _mended(self, request: Request, body: Any, places: Sequence[Place]) -> Request:
        """The request with nothing in it that can't be read."""
        wrong = {part: [place[1:] for place in places if place[0] == part] for part in ("body", "query", "header")}
        raw, model = await request.body(), None
        if self._route.body_field is not None:
            model = model_in(self._route.body_field.field_info.annotation)
        if model is not None:
            raw = json.dumps(as_readable(model, body, wrong["body"])).encode()
        left_out = {_ANY_STATE[0], *(str(place[0]).lower().encode() for place in wrong["header"])}
        headers = [each for each in request.scope["headers"] if each[0].lower() not in left_out]
        query = self._query(request.scope["query_string"].decode("latin-1"), wrong["query"])
        scope = {**request.scope, "headers": [*headers, _ANY_STATE], "query_string": query.encode()}

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": raw, "more_body": False}

        return Request(scope, receive)

    def _query(self, sent: str, wrong: Sequence[Place]) -> str:
        """The parameters that can be read; for one that is needed its stand-in."""
        names = {str(place[0]) for place in wrong}
        kept = [(name, value) for name, value in parse_qsl(sent, keep_blank_values=True) if name not in names]
        for parameter in self._route.dependant.query_params:
            model = model_in(parameter.field_info.annotation)
            needed = as_readable(model, {}, ()) if model is not None else {}
            kept += [(name, value) for name, value in needed.items() if name in names]
        return urlencode(kept)


def _about_all(found: Mapping[str, Any]) -> bool:
    """Whether an error leaves nothing to judge: no JSON, no object, an address that can't be one."""
    return found["type"] == NO_JSON or found["loc"][0] == "path" or tuple(found["loc"]) == ("body",)


def beneath(pointer: str, hidden: Collection[str]) -> bool:
    """Whether a field is one of the hidden ones, or a part of one."""
    return any(pointer == each or pointer.startswith(f"{each}/") for each in hidden)
