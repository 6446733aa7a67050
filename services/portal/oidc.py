"""How does an OpenID Connect provider vouch for a mail address? Code flow with PKCE, state and nonce.

What must be remembered between going and coming back lies in a signed cookie of this browser. An ID token counts only
with a signature of the provider's own keys, for us, unexpired, with our nonce, and with a verified mail address.
"""

from __future__ import annotations

import secrets
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import Any

import httpx
import orjson
import structlog
from authlib.common.errors import AuthlibBaseError  # type: ignore[import-untyped]
from authlib.oauth2.rfc6749.parameters import (  # type: ignore[import-untyped]
    parse_authorization_code_response,
    prepare_grant_uri,
)
from authlib.oauth2.rfc7636 import create_s256_code_challenge  # type: ignore[import-untyped]
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from services.core.account_stores import LinkSigner
from services.core.errors import DependencyUnavailable
from services.portal.ports import OidcOptions

log = structlog.get_logger("portal.oidc")

OIDC_COOKIE = "referrals_oidc"
#: How long a person may take at the provider, seconds.
OIDC_S = 600
_PURPOSE = "oidc"
_SCOPE = "openid email profile"
#: Signatures that count: a token never chooses its own way to be checked.
_ALGORITHMS = ["RS256", "PS256", "ES256"]
#: How long the provider's description and keys are kept, seconds.
_KEPT_S = 600.0
_LEEWAY_S = 60
_TIMEOUT_S = 10.0
_SERVER_ERROR = 500


class NotVouched(Exception):
    """The provider did not vouch for anybody; the words are for the log, not for the person."""


@dataclass(frozen=True, slots=True)
class Going:
    """Where to send the browser, and what it brings back in a cookie."""

    url: str
    cookie: str


class OidcClient:
    """The portal as a client of one provider."""

    def __init__(self, options: OidcOptions, base_url: str, signer: LinkSigner) -> None:
        self._options, self._signer = options, signer
        self._redirect_uri = f"{base_url}/sign-in/oidc/callback"
        self._known: tuple[float, dict[str, Any], KeySet] | None = None

    async def go(self, next_path: str) -> Going:
        """Begin a sign-in.

        Raises:
            DependencyUnavailable: the provider does not answer.
        """
        description, _ = await self._provider()
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        url = prepare_grant_uri(
            description["authorization_endpoint"],
            self._options.client_id,
            "code",
            redirect_uri=self._redirect_uri,
            scope=_SCOPE,
            state=state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
        )
        kept = orjson.dumps([time.time(), state, nonce, verifier, next_path])
        return Going(url, self._signer.sign(_PURPOSE, urlsafe_b64encode(kept).decode()))

    async def come_back(self, query: str, state: str, cookie: str) -> tuple[str, str]:
        """The verified mail address, and where the person wanted to go.

        Raises:
            NotVouched: the provider refused, or what came back is not an answer to our question.
            DependencyUnavailable: the provider does not answer.
        """
        kept_text = self._signer.read(_PURPOSE, cookie)
        if kept_text is None:
            raise NotVouched("no cookie of ours")
        began, kept_state, nonce, verifier, next_path = orjson.loads(urlsafe_b64decode(kept_text))
        if time.time() - began > OIDC_S or not secrets.compare_digest(state.encode(), kept_state.encode()):
            raise NotVouched("the state is another, or too old")
        description, keys = await self._provider()
        id_token = await self._id_token(description, query, kept_state, verifier)
        return self._address(id_token, keys, description["issuer"], nonce), next_path

    async def _id_token(self, description: dict[str, Any], query: str, state: str, verifier: str) -> str:
        try:
            code = parse_authorization_code_response(f"{self._redirect_uri}?{query}", state)["code"]
        except AuthlibBaseError as error:
            raise NotVouched(str(error.error)) from error
        asked = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_uri,
            "code_verifier": verifier,
        }
        who = httpx.BasicAuth(self._options.client_id, self._options.client_secret)
        try:
            async with httpx.AsyncClient(timeout=_TIMEOUT_S) as client:
                answer = await client.post(description["token_endpoint"], data=asked, auth=who)
        except httpx.HTTPError as error:
            raise DependencyUnavailable("oidc", type(error).__name__) from error
        if answer.status_code >= _SERVER_ERROR:
            raise DependencyUnavailable("oidc", f"the sign-in provider answers {answer.status_code}")
        try:
            return str(answer.json()["id_token"])
        except (ValueError, KeyError, TypeError) as error:
            raise NotVouched(f"no ID token ({answer.status_code})") from error

    def _address(self, id_token: str, keys: KeySet, issuer: str, nonce: str) -> str:
        claims_of = jwt.JWTClaimsRegistry(
            leeway=_LEEWAY_S,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": self._options.client_id},
            exp={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        try:
            claims = jwt.decode(id_token, keys, algorithms=_ALGORITHMS).claims
            claims_of.validate(claims)
        except (JoseError, ValueError) as error:
            raise NotVouched(type(error).__name__) from error
        email = claims.get("email")
        if not isinstance(email, str) or claims.get("email_verified") is not True:
            raise NotVouched("no verified mail address")
        return email

    async def _provider(self) -> tuple[dict[str, Any], KeySet]:
        """The provider's description and keys, asked for at most every few minutes."""
        if self._known is not None and time.monotonic() - self._known[0] < _KEPT_S:
            return self._known[1], self._known[2]
        issuer = self._options.issuer.rstrip("/")
        try:
            async with httpx.AsyncClient(timeout=_TIMEOUT_S) as client:
                found = await client.get(f"{issuer}/.well-known/openid-configuration")
                description = found.raise_for_status().json()
                keys = KeySet.import_key_set((await client.get(description["jwks_uri"])).raise_for_status().json())
        except (httpx.HTTPError, ValueError, KeyError) as error:
            log.warning("oidc_provider_unavailable", error=type(error).__name__)
            raise DependencyUnavailable("oidc", "the sign-in provider does not answer") from error
        if description.get("issuer", "").rstrip("/") != issuer:
            raise DependencyUnavailable("oidc", "the sign-in provider names another issuer than REFERRALS_OIDC_ISSUER")
        self._known = (time.monotonic(), description, keys)
        return description, keys
