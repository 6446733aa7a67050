"""How is each error told over HTTP: which status, which words, and when to come again (RFC 9457)?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from schemas.problem import PROBLEM_JSON, FieldProblemV1, ProblemV1
from services.core.errors import DependencyUnavailable, Problem
from services.intake.access import Denied, TooFast
from services.intake.requests import BodyTooLarge, BodyTooSlow, UnsupportedMedia
from services.intake.submit import NotYours, Rejected

log = structlog.get_logger("intake.http")

#: Answers are for programs and hold personal data: nothing may store, frame, sniff or run them.
SECURITY_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
#: Seconds after which a request that met an unavailable dependency is worth another try.
RETRY_AFTER_S = 5

_UNPROCESSABLE = 422


class NoSuchRfi(Exception):
    """This publisher has no RFI with this id."""


def answer(
    status: int, detail: str, problems: Sequence[Problem] = (), headers: Mapping[str, str] | None = None
) -> Response:
    """A problem as the body of an answer."""
    body = ProblemV1(
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        errors=[FieldProblemV1(pointer=p.field, code=p.code, detail=p.message) for p in problems],
    )
    return Response(
        body.model_dump_json(by_alias=True, exclude_none=True),
        status_code=status,
        media_type=PROBLEM_JSON,
        headers=headers,
    )


#: Errors whose words are the answer.
_STATUS: dict[type[Exception], HTTPStatus] = {
    Denied: HTTPStatus.UNAUTHORIZED,
    NotYours: HTTPStatus.FORBIDDEN,
    NoSuchRfi: HTTPStatus.NOT_FOUND,
    BodyTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    BodyTooSlow: HTTPStatus.REQUEST_TIMEOUT,
    UnsupportedMedia: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    TooFast: HTTPStatus.TOO_MANY_REQUESTS,
}


def _answer_to(error: Exception) -> Response:
    if isinstance(error, Rejected):
        count = len(error.problems)
        return answer(_UNPROCESSABLE, f"{count} problem{'s' * (count != 1)} in this RFI", error.problems)
    status = _STATUS.get(type(error))
    if status is None:
        return _foreign(error)
    headers = {}
    if isinstance(error, Denied):
        headers["www-authenticate"] = "Bearer"
    elif isinstance(error, TooFast):
        headers["retry-after"] = str(error.retry_after_s)
    return answer(status, str(error), headers=headers)


def _foreign(error: Exception) -> Response:
    """The answer to errors of the framework, of dependencies, and of ours that nobody foresaw."""
    match error:
        case DependencyUnavailable():
            log.warning("request_waits", dependency=error.dependency)
            words = "a part of the exchange does not answer; nothing was confirmed, send the same request again"
            return answer(503, words, headers={"retry-after": str(RETRY_AFTER_S)})
        case RequestValidationError():
            named = [Problem("/".join(str(step) for step in e["loc"]), e["type"], e["msg"]) for e in error.errors()]
            return answer(_UNPROCESSABLE, "the request is not as described in /openapi.json", named)
        case HTTPException():
            return answer(error.status_code, str(error.detail), headers=error.headers)
        case _:
            # The server logs the traceback; the framework raises the error again behind this answer.
            log.error("request_failed", error=type(error).__name__)
            # The framework answers these outside of every middleware, so the headers are given here.
            return answer(500, "an error of ours; it is logged. Send the same request again", headers=SECURITY_HEADERS)


def add_problem_handlers(app: FastAPI) -> None:
    """Answer every error as a problem."""

    async def handle(_request: Request, error: Any) -> Response:
        return _answer_to(error)

    for kind in (*_STATUS, Rejected, DependencyUnavailable, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, handle)
