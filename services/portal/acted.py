"""Has this browser just changed something? Then its next pages show no figures that were kept from before.

Figures may be some seconds old, but nobody should miss what they did themselves. A cookie says so to every instance of
the portal alike; it holds nothing but its presence, and grants nothing.
"""

from __future__ import annotations

from fastapi import Request
from starlette.types import Scope

from services.portal.access import FOR_PROGRAMS

COOKIE = "referrals_acted"
#: Longer than any figure is kept (`counting.FRESH_S`), with the time that a page takes.
ACTED_S = 15
_SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


def acted_header(scope: Scope, *, secure: bool) -> tuple[bytes, bytes] | None:
    """The header for the answer to a form; None for what changes nothing, and for programs."""
    if scope["method"] in _SAFE or scope.get("path", "").startswith(FOR_PROGRAMS):
        return None
    cookie = f"{COOKIE}=1; HttpOnly; Max-Age={ACTED_S}; Path=/; SameSite=lax{'; Secure' if secure else ''}"
    return b"set-cookie", cookie.encode()


def has_acted(request: Request) -> bool:
    """Whether the browser sent a form in the last seconds."""
    return COOKIE in request.cookies
