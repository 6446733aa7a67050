"""How is each error told: to people as a page in their language, to programs as RFC 9457 problem details?

An error never says more than its asker may know; what nobody foresaw is logged, and told with the request's id.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from starlette.exceptions import HTTPException

from schemas.problem import PROBLEM_JSON, FieldProblemV1, ProblemV1
from services.core.errors import (
    CommandInvalid,
    DependencyUnavailable,
    NotFound,
    Outdated,
    Problem,
    TransitionRefused,
    UndoRefused,
    VersionConflict,
)
from services.portal.access import FOR_PROGRAMS, Denied, Doors, Forbidden, NotHere, TooFast, reader_of, signed_in
from services.portal.echoing import in_contract
from services.portal.engagements.errors import answer_to, words_of
from services.portal.forms import SAFE_METHODS
from services.portal.guard import HEADERS
from services.portal.pages.frame import frame_of, words_for
from services.portal.pages.problem_words import problem_said
from services.portal.shapes import NO_JSON, shape_problems
from services.portal.team_work import LastAdmin

log = structlog.get_logger("portal.http")

#: Seconds after which a request that met an unavailable dependency is worth another try.
RETRY_AFTER_S = 5
_AWAY = "a part of the exchange does not answer; what you sent may or may not have been done: look, then send it again"
_OURS = "an error of ours; it is logged under the id of this request"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What is said of an error."""

    status: int
    detail: str
    problems: Sequence[Problem] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    #: Which words of the page say it in the reader's language; empty where only the detail says more.
    why: str = ""


#: Errors whose words are the answer.
_STATUS: dict[type[Exception], int] = {
    Denied: 401,
    Forbidden: 403,
    NotHere: 404,
    NotFound: 404,
    TransitionRefused: 409,
    UndoRefused: 409,
    Outdated: 412,
    LastAdmin: 409,
    VersionConflict: 409,
    TooFast: 429,
}


#: Errors of one reason.
_WHY: dict[type[Exception], str] = {LastAdmin: "last_admin", UndoRefused: "undo"}


def told(error: Exception) -> Told:
    """Status, words and headers for an error; every error has an answer."""
    if isinstance(error, CommandInvalid):
        count = len(error.problems)
        return Told(status=422, detail=f"{count} problem{'s' * (count != 1)}", problems=error.problems)
    status = _STATUS.get(type(error))
    if status is None:
        return _foreign(error)
    headers = {}
    if isinstance(error, Denied):
        headers["www-authenticate"] = "Bearer"
    elif isinstance(error, TooFast):
        headers["retry-after"] = str(error.retry_after_s)
    why = (error.why or "") if isinstance(error, Forbidden) else _WHY.get(type(error), "")
    return Told(status=status, detail=str(error), headers=headers, why=why)


def _foreign(error: Exception) -> Told:
    """The answer to errors of the framework, of dependencies, and of ours that nobody foresaw."""
    match error:
        case DependencyUnavailable():
            log.warning("request_waits", dependency=error.dependency)
            return Told(status=503, detail=_AWAY, headers={"retry-after": str(RETRY_AFTER_S)})
        case RequestValidationError():
            named = shape_problems(error.errors())
            status = 400 if any(each.code == NO_JSON for each in named) else 422
            return Told(status=status, detail="the request is not as /openapi.json describes it", problems=named)
        case HTTPException():
            return Told(status=error.status_code, detail=words_of(error), headers=error.headers or {})
        case _:
            # The server logs the traceback; the framework raises the error again behind this answer.
            log.error("request_failed", error=type(error).__name__)
            # The framework answers these outside of every middleware, so the headers are given here.
            return Told(status=500, detail=_OURS, headers=HEADERS | {"cache-control": "no-store"})


def wants_page(request: Request) -> bool:
    """Whether a person asks: a browser says that it takes HTML."""
    if request.url.path.startswith(FOR_PROGRAMS):
        return False
    return "text/html" in request.headers.get("accept", "")


def as_json(request: Request, what: Told) -> Response:
    """Problem details."""
    body = ProblemV1(
        title=HTTPStatus(what.status).phrase,
        status=what.status,
        detail=what.detail,
        instance=f"urn:request:{request.state.request_id}",
        errors=[FieldProblemV1(pointer=p.field, code=p.code, detail=p.message) for p in what.problems],
    )
    text = body.model_dump_json(by_alias=True, exclude_none=True)
    return Response(text, status_code=what.status, media_type=PROBLEM_JSON, headers=what.headers)


def as_page(request: Request, what: Told) -> Response:
    """A page that says what to do next. Who isn't signed in is led to the sign-in, and back."""
    if what.status == HTTPStatus.UNAUTHORIZED and request.headers.get("hx-request"):
        # htmx would put the sign-in page into a part of this one.
        return Response(status_code=what.status, headers={"hx-redirect": "/sign-in"})
    if what.status == HTTPStatus.UNAUTHORIZED:
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        back = f"?next={quote(path, safe='')}" if request.method in SAFE_METHODS and path != "/" else ""
        return RedirectResponse(f"/sign-in{back}", 303)
    words = words_for(request)
    said = [problem_said(words, problem) for problem in what.problems]
    return frame_of(request).page(
        request,
        "problem.html.j2",
        {"told": what, "said": said, "request_id": request.state.request_id},
        status=what.status,
        headers=what.headers,
    )


async def _look_who_asks(request: Request) -> None:
    """Routes that do not exist have asked nobody; the page should still be the person's own.

    What was to change something is no page to go on from: its words are the person's, and its form is not looked at.
    """
    try:
        if request.method in SAFE_METHODS:
            await signed_in(request)
        elif reader_of(request) is None:
            doors: Doors = request.app.state.doors
            await doors.recognise(request)
    except Exception as error:  # noqa: BLE001 - the page can do without
        log.debug("problem_page_of_nobody", because=type(error).__name__)


def add_problem_handlers(app: FastAPI) -> None:
    """Answer every error as a page or as problem details."""

    async def handle(request: Request, error: Any) -> Response:
        if in_contract(request.url.path) and isinstance(error, HTTPException):
            # What its routes refuse they tell themselves; this is what no route of it was reached by.
            return answer_to(error)
        what = told(error)
        if what.status == HTTPStatus.INTERNAL_SERVER_ERROR:
            what = replace(what, headers={**what.headers, "x-request-id": request.state.request_id})
        if not wants_page(request):
            return as_json(request, what)
        if isinstance(error, HTTPException):
            await _look_who_asks(request)
        return as_page(request, what)

    for kind in (*_STATUS, CommandInvalid, DependencyUnavailable, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, handle)
