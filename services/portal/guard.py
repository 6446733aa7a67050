"""What stands in front of every route: request ids, limits of size and time, security headers, a log line, figures."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from uuid import uuid4

import structlog
from prometheus_client import CollectorRegistry
from python_multipart.multipart import parse_options_header
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.portal.acted import acted_header
from services.portal.echoing import echoes
from services.portal.metrics import NO_ROUTE, PortalMetrics

log = structlog.get_logger("portal.http")

#: Most bytes of a body; a CSV import of 1,000 rows stays below.
BODY_LIMIT = 2 * 1024 * 1024
#: How long the next piece of a body may take, and all of them together, seconds: drops that come in time end too.
BODY_PIECE_S, BODY_WHOLE_S = 15.0, 120.0
#: Codecs that forms may name: UTF-8, and what is part of it.
_UTF8 = frozenset({b"utf-8", b"utf8", b"us-ascii", b"ascii"})
#: A caller's own id is taken over if it can't harm a log.
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")

#: Pages run only our own scripts, and stand in nobody's frame. Pico draws its marks as data: images.
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "content-security-policy": CSP,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    # Addresses of our pages are nobody else's business; within the portal they are sent, as CSRF checks need them.
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
HSTS = {"strict-transport-security": "max-age=31536000; includeSubDomains"}


class Guard:
    """ASGI middleware; the outermost, so that its headers are on every answer."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        secure: bool,
        metrics: PortalMetrics | None = None,
        absent: Callable[[Scope], None] | None = None,
        piece_s: float = BODY_PIECE_S,
        whole_s: float = BODY_WHOLE_S,
    ) -> None:
        self._app, self._piece_s, self._whole_s = app, piece_s, whole_s
        self._absent = absent
        #: Told of each request that found nothing, after its answer.
        self._metrics = metrics or PortalMetrics(CollectorRegistry())
        self._secure = secure
        ours = {**HEADERS, **(HSTS if secure else {}), "cache-control": "no-store"}
        self._headers = [(name.encode(), value.encode()) for name, value in ours.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; what is no HTTP is not served."""
        if scope["type"] != "http":
            return
        id_ = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = id_
        started, status = time.perf_counter(), 500

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message = {**message, "headers": self._with_ours(message.get("headers", ()), id_, scope)}
            await send(message)

        try:
            await self._app(scope, _Body(scope, receive, self._piece_s, self._whole_s).receive, sending)
        finally:
            # The route, not the path: paths hold signed links.
            route = getattr(scope.get("route"), "path", NO_ROUTE)
            took_s = time.perf_counter() - started
            self._metrics.answered(scope["method"], route, status, took_s)
            log.info("request", id=id_, method=scope["method"], route=route, status=status, ms=round(took_s * 1000, 1))
            if status == HTTPStatus.NOT_FOUND and self._absent is not None:
                self._absent(scope)

    def _with_ours(self, theirs: Any, id_: str, scope: Scope) -> list[tuple[bytes, bytes]]:
        headers = [*theirs, *echoes(scope)]
        there = {name.lower() for name, _ in headers}
        headers += [ours for ours in (*self._headers, (b"x-request-id", id_.encode())) if ours[0] not in there]
        # Cookies do not take each other's place.
        acted = acted_header(scope, secure=self._secure)
        return [*headers, acted] if acted else headers


class _Body:
    """A request's body, as long as it is neither too large nor too slow."""

    def __init__(self, scope: Scope, receive: Receive, piece_s: float, whole_s: float) -> None:
        self._receive, self._taken, self._whole = receive, 0, False
        self._piece_s, self._until = piece_s, asyncio.get_running_loop().time() + whole_s
        headers = dict(scope["headers"])
        declared = headers.get(b"content-length", b"")
        self._declared = int(declared) if declared.isdigit() else 0
        # Each of them, because the framework reads another one of two than this dictionary holds.
        self._readable = all(_is_utf8(value) for name, value in scope["headers"] if name == b"content-type")

    async def receive(self) -> Message:
        """The next piece.

        Raises:
            HTTPException: 413, 415 or 408.
        """
        if self._whole:
            # What comes now is the end of the connection; an answer may take its time.
            return await self._receive()
        if self._declared > BODY_LIMIT:
            raise HTTPException(413, f"send at most {BODY_LIMIT} bytes")
        if not self._readable:
            raise HTTPException(415, "send the form as UTF-8")
        try:
            async with asyncio.timeout_at(min(asyncio.get_running_loop().time() + self._piece_s, self._until)):
                message = await self._receive()
        except TimeoutError as error:
            raise HTTPException(408, "the body did not arrive in time: send it again") from error
        self._taken += len(message.get("body", b""))
        if self._taken > BODY_LIMIT:
            raise HTTPException(413, f"send at most {BODY_LIMIT} bytes")
        self._whole = not message.get("more_body", False)
        return message


def _is_utf8(content_type: bytes) -> bool:
    """Whether the parts of a form are texts as everything here; the framework would decode them by any codec named."""
    if not content_type.lower().startswith(b"multipart/"):
        return True
    # With the framework's own reading, so that no spelling gets past.
    _kind, options = parse_options_header(content_type)
    return options.get(b"charset", b"utf-8").lower() in _UTF8


def _request_id(scope: Scope) -> str:
    sent: str = dict(scope["headers"]).get(b"x-request-id", b"").decode("latin-1")
    return sent if _REQUEST_ID.fullmatch(sent) else str(uuid4())
