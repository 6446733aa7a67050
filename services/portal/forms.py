"""Does this form come from a page of ours? Synchroniser tokens, with what browsers say of a request's origin."""

from __future__ import annotations

import hmac
from urllib.parse import urlsplit

from fastapi import Request

from services.portal.access import Forbidden, Why

#: Field of every form, and header of htmx's requests.
CSRF_FIELD, CSRF_HEADER = "csrf", "x-csrf-token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")

#: Longest path that a sign-in leads back to.
_LONGEST_PATH = 2000

_STALE = "this form was not sent from a page of ours, or the page is too old: go back, load it again and send it again"


async def check_form(request: Request, expected: str) -> None:
    """Refuse an unsafe request that does not carry the token of the page it must come from.

    Raises:
        Forbidden: it comes from elsewhere, or without the token.
    """
    if request.method in SAFE_METHODS:
        return
    check_origin(request)
    sent = request.headers.get(CSRF_HEADER) or await _field(request)
    if not expected or not hmac.compare_digest(sent.encode(), expected.encode()):
        raise Forbidden(_STALE, why=Why.STALE)


def check_origin(request: Request) -> None:
    """Refuse what no browser says comes from a page of ours.

    Every browser of today says one of both with what a page posts; over plain http, the origin alone.

    Raises:
        Forbidden: it comes from another site, or nothing is said of where it comes from.
    """
    site = request.headers.get("sec-fetch-site")
    if site is None:
        named = request.headers.get("origin", "").partition("://")[2]
        ours = bool(named) and named == request.headers.get("host")
    else:
        ours = site == "same-origin"
    if not ours:
        raise Forbidden(_STALE, why=Why.STALE)


async def _field(request: Request) -> str:
    if not request.headers.get("content-type", "").startswith(_FORMS):
        return ""
    # Starlette keeps the form, so that the route reads it again without cost.
    value = (await request.form()).get(CSRF_FIELD, "")
    return value if isinstance(value, str) else ""


def own_path(path: str | None, default: str = "/") -> str:
    """A path of ours to go on to; anything that could lead elsewhere becomes the default."""
    if not path or len(path) > _LONGEST_PATH or not path.isprintable() or not path.isascii():
        return default
    if not path.startswith("/") or path.startswith(("//", "/\\")) or "\\" in path:
        return default
    parts = urlsplit(path)
    return default if parts.scheme or parts.netloc else path
