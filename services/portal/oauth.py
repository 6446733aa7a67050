"""How does a program get a short-lived token? OAuth 2.0 client credentials (RFC 6749 section 4.4) at /oauth/token."""

from __future__ import annotations

import hmac
from base64 import b64decode
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_plus

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from schemas.problem import PROBLEM_JSON, ProblemV1
from services.core.accounts import OAuthClient
from services.portal.doors import address_of
from services.portal.keys import key_hash
from services.portal.pace import Pace
from services.portal.ports import PortalOptions, PortalPorts
from services.portal.program_work import token_for

_REALM = {"www-authenticate": 'Basic realm="oauth"'}


def router(ports: PortalPorts, options: PortalOptions, pace: Pace) -> APIRouter:
    """The token endpoint."""
    routes = APIRouter(tags=["sign-in"])

    @routes.post(
        "/oauth/token",
        summary="A token for client credentials",
        responses=_ANSWERS,
        # Client id and secret come with HTTP Basic, or else in the form.
        openapi_extra={"requestBody": _BODY, "security": [{"client": []}, {}]},
    )
    async def token(request: Request) -> Response:
        form = {key: value for key, value in (await request.form()).items() if isinstance(value, str)}
        if form.get("grant_type") != "client_credentials":
            return _error("unsupported_grant_type", "send grant_type=client_credentials")
        id_, secret = _credentials(request.headers.get("authorization"), form)
        client = await ports.tokens.client(id_) if id_ else None
        if client is None or not hmac.compare_digest(client.secret_hash, key_hash(secret)):
            pace.wrong(address_of(request))
            return _error("invalid_client", "no client has this id and secret", 401)
        pace.request(client.id, client.partner_id)
        asked = form["scope"].split() if form.get("scope") else list(client.scopes)
        if not set(asked) <= set(client.scopes):
            return _error("invalid_scope", f"this client may have: {' '.join(client.scopes)}")
        key = await _issue(ports, options, client, tuple(dict.fromkeys(asked)))
        if key is None:
            return _error("invalid_client", "this client was revoked", 401)
        answer = {
            "access_token": key,
            "token_type": "Bearer",
            "expires_in": int(options.oauth_token.total_seconds()),
            "scope": " ".join(asked),
        }
        return JSONResponse(answer)

    return routes


async def _issue(
    ports: PortalPorts, options: PortalOptions, client: OAuthClient, scopes: tuple[str, ...]
) -> str | None:
    now, lasts = ports.clock.real_now(), options.oauth_token
    key, issued = token_for(client.name, scopes, now, partner_id=client.partner_id, lasts=lasts, client_id=client.id)
    await ports.tokens.add_token(issued)
    # Revoking a client revokes its tokens first met; one stored just after that is caught here.
    if await ports.tokens.client(client.id) is None:
        await ports.tokens.revoke_token(issued.id, None, now)
        return None
    return key


def _credentials(header: str | None, form: dict[str, str]) -> tuple[str, str]:
    """Client id and secret, from HTTP Basic or from the form."""
    scheme, _, encoded = (header or "").partition(" ")
    if scheme.lower() == "basic":
        try:
            id_, _, secret = b64decode(encoded, validate=True).decode().partition(":")
        except ValueError:  # Not base64, not even ASCII, or no text in it.
            return "", ""
        return unquote_plus(id_)[:200], unquote_plus(secret)[:1024]
    return form.get("client_id", "")[:200], form.get("client_secret", "")[:1024]


def _error(code: str, words: str, status: int = 400) -> Response:
    body = {"error": code, "error_description": words}
    return JSONResponse(body, status, headers=_REALM if status == 401 else None)  # noqa: PLR2004 - the status itself


_BODY = {
    "required": True,
    "content": {
        "application/x-www-form-urlencoded": {
            "schema": {
                "type": "object",
                "required": ["grant_type"],
                "properties": {
                    "grant_type": {"const": "client_credentials"},
                    "client_id": {"type": "string"},
                    "client_secret": {"type": "string"},
                    "scope": {"type": "string", "description": "Separated by blanks; without it, all of the client's"},
                },
            }
        }
    },
}
_TEXT = {"type": "string"}
_TOKEN = {
    "type": "object",
    "required": ["access_token", "token_type", "expires_in", "scope"],
    "properties": {
        "access_token": _TEXT,
        "token_type": {"const": "Bearer"},
        "expires_in": {"type": "integer", "description": "Seconds for which the token is good"},
        "scope": {"type": "string", "description": "What the token may do, separated by blanks"},
    },
}
_REFUSED = {
    "type": "object",
    "required": ["error", "error_description"],
    "properties": {
        "error": {"enum": ["unsupported_grant_type", "invalid_client", "invalid_scope"]},
        "error_description": _TEXT,
    },
}
_PROBLEM = {PROBLEM_JSON: {"schema": {"$ref": f"#/components/schemas/{ProblemV1.__name__}"}}}
_AGAIN = {"Retry-After": {"description": "Seconds to wait", "schema": {"type": "integer"}}}


def _json(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


#: Errors of RFC 6749 section 5.2 in its form; what is refused in front of every route is told as problem details.
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"content": _json(_TOKEN)},
    400: {
        "description": "No form, another grant, or too many scopes",
        "content": _json(_REFUSED) | _PROBLEM,
    },
    401: {
        "description": "No client has this id and secret",
        "content": _json(_REFUSED),
        "headers": {"WWW-Authenticate": {"schema": _TEXT}},
    },
    413: {"description": "The body is too large", "content": _PROBLEM},
    415: {"description": "The form is not UTF-8", "content": _PROBLEM},
    429: {"description": "Too many requests, or too many wrong secrets", "content": _PROBLEM, "headers": _AGAIN},
    503: {"description": "A part of the exchange does not answer", "content": _PROBLEM, "headers": _AGAIN},
}
