"""How does the contract tell errors: which code and status, and all problems in one answer?"""

from __future__ import annotations

import traceback
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

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
from services.portal.access import Denied, Forbidden, NotHere, TooFast
from services.portal.winning import Beaten

log = structlog.get_logger("portal.engagements")

#: Seconds after which a request that met an unavailable dependency is worth another try.
RETRY_AFTER_S = 5
#: Of an address that no route has.
NOWHERE = "there is nothing at this address; /openapi.json describes all that there is"
#: Longest message of the contract.
MESSAGE_LIMIT = 1024

_CODES = {
    400: "invalidRequest",
    401: "unauthenticated",
    403: "accessDenied",
    404: "itemNotFound",
    405: "invalidRequest",
    408: "invalidRequest",
    409: "resourceModified",
    412: "preconditionFailed",
    413: "invalidRequest",
    415: "invalidRequest",
    422: "invalidRequest",
    428: "invalidRequest",
    429: "serviceNotAvailable",
    503: "serviceNotAvailable",
}


#: Errors that need no more than a status, words (None: their own) and headers.
_ACCESS: tuple[tuple[tuple[type[Exception], ...], int, str | None, dict[str, str]], ...] = (
    ((Denied,), 401, None, {"www-authenticate": "Bearer"}),
    ((Forbidden,), 403, None, {}),
    ((NotFound, NotHere), 404, "there is no such referral among yours", {}),
    (
        (DependencyUnavailable,),
        503,
        "a part of the exchange does not answer; send the same request again",
        {"retry-after": str(RETRY_AFTER_S)},
    ),
)


def words_of(error: HTTPException) -> str:
    """What the framework or a route says; of an address that leads nowhere the framework says nothing more."""
    return NOWHERE if error.detail == HTTPStatus.NOT_FOUND.phrase else str(error.detail)


class Faulty(CommandInvalid):
    """The request can't be used as it is: 400, with every problem."""

    def __init__(self, problems: Sequence[Problem], status: int = HTTPStatus.BAD_REQUEST) -> None:
        super().__init__(problems)
        self.status = int(status)


def parameters(refused: RequestValidationError) -> list[Problem]:
    """What is wrong with the shape of headers and ids, which the framework reads; bodies are read here."""
    return [Problem("/".join(map(str, each["loc"])), each["type"], each["msg"]) for each in refused.errors()]


def answer(
    status: int,
    message: str,
    *,
    problems: Sequence[Problem] = (),
    inner: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """An error in the contract's form; `details` lists every problem with its JSON pointer as `target`."""
    error: dict[str, Any] = {
        "code": _CODES.get(status, "generalException"),
        "message": message[:MESSAGE_LIMIT],
        "target": problems[0].field if len(problems) == 1 else None,
        "details": [
            {"code": each.code, "message": each.message[:MESSAGE_LIMIT], "target": each.field} for each in problems
        ],
        "innerError": dict(inner) if inner else None,
    }
    return JSONResponse({"error": error}, status_code=int(status), headers=dict(headers or {}))


def answer_to(error: Exception) -> Response:
    """What a caller is told of an error; one that nobody foresaw is logged and told without its words."""
    match error:
        case Faulty() | CommandInvalid():
            status = error.status if isinstance(error, Faulty) else HTTPStatus.UNPROCESSABLE_ENTITY
            count = len(error.problems)
            return answer(status, _numbered(count, error.problems), problems=error.problems)
        case TransitionRefused():
            return answer(HTTPStatus.CONFLICT, str(error), inner=_winner(error))
        case UndoRefused() | VersionConflict():
            return answer(HTTPStatus.CONFLICT, str(error))
        case Outdated():
            return answer(HTTPStatus.PRECONDITION_FAILED, str(error))
        case _:
            return _of_access(error)


def _of_access(error: Exception) -> Response:
    if isinstance(error, TooFast):
        return answer(HTTPStatus.TOO_MANY_REQUESTS, str(error), headers={"retry-after": str(error.retry_after_s)})
    for kinds, status, words, headers in _ACCESS:
        if isinstance(error, kinds):
            return answer(status, words or str(error), headers=headers)
    if isinstance(error, HTTPException):
        return answer(error.status_code, words_of(error), headers=error.headers)
    # No words and no values: they may be somebody's data.
    trace = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
    log.error("request_failed", error=type(error).__name__, trace=trace[-12:])
    return answer(HTTPStatus.INTERNAL_SERVER_ERROR, "an error of ours; it is logged. Send the request again")


def _numbered(count: int, problems: Sequence[Problem]) -> str:
    if count == 1:
        return f"{problems[0].field or 'body'}: {problems[0].message}"
    return f"{count} problems; `details` lists all of them"


def _winner(error: TransitionRefused) -> dict[str, Any]:
    """What the referral is now, since when and by whom: who was quicker, for a program."""
    winner = error.winner if isinstance(error, Beaten) else None
    return {
        "status": error.status,
        "substatus": error.substatus,
        "since": error.since.isoformat() if error.since else None,
        "by": winner.side.value if winner else None,
        "byName": winner.name if winner else None,
        "hint": error.hint or None,
    }
