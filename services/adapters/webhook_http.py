"""How is a webhook posted without being led to machines inside? Resolve the name, look at it, connect to just that.

A name is looked up once: what was looked at is what is connected to, so that a name server can't answer differently the
second time. TLS still proves the name. Redirects are not followed; answers are not read.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx

from services.core.webhook_addresses import reachable
from services.core.webhooks import Answer

#: For everything from the first look at the name to the answer's head, seconds.
TIMEOUT_S = 15.0


class HttpWebhookCaller:
    """Port `WebhookCaller`.

    Args:
        private: whether machines that the internet can't reach are allowed.
        timeout_s: for one attempt.
        tls: what certificates are checked by; None for the system's authorities.
    """

    def __init__(
        self, *, private: bool = False, timeout_s: float = TIMEOUT_S, tls: ssl.SSLContext | None = None
    ) -> None:
        self._private, self._timeout_s = private, timeout_s
        # Neither proxies nor passwords from the environment: they would lead elsewhere.
        # No connection is kept: a later name at the same address would go unproven over it.
        self._client = httpx.AsyncClient(
            follow_redirects=False,
            trust_env=False,
            verify=tls or True,
            timeout=timeout_s,
            limits=httpx.Limits(max_keepalive_connections=0),
        )

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """As the port says."""
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._attempt(httpx.URL(url), headers, body)
        except TimeoutError:
            return Answer(error=f"no answer within {self._timeout_s:g} seconds")
        except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:
            # Without the error's words: they may hold the whole address.
            return Answer(error=f"no connection: {type(error).__name__}")

    async def _attempt(self, url: httpx.URL, headers: Mapping[str, str], body: bytes) -> Answer:
        address = await self._address(url)
        if address is None:
            return Answer(error="the name leads to no machine that the internet can reach")
        own = {**headers, "host": url.netloc.decode("ascii")}
        asked = self._client.build_request(
            "POST",
            url.copy_with(host=address),
            headers=own,
            content=body,
            extensions={"sni_hostname": name_of(url)},
        )
        answer = await self._client.send(asked, stream=True)
        try:
            return Answer(status=answer.status_code, retry_after=_retry_after(answer.headers.get("retry-after")))
        finally:
            await answer.aclose()

    async def _address(self, url: httpx.URL) -> str | None:
        """The address to connect to; None when the name leads, even among others, to a machine inside."""
        port = url.port or (443 if url.scheme == "https" else 80)
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(name_of(url), port, type=socket.SOCK_STREAM)
        addresses = [str(each[4][0]) for each in found]
        if not self._private and not all(map(reachable, addresses)):
            return None
        return addresses[0] if addresses else None

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()


def name_of(url: httpx.URL) -> str:
    """The host as it was written (`xn--...`): the readable form would be encoded anew, and could lead elsewhere."""
    return url.raw_host.decode("ascii")


def _retry_after(text: str | None) -> timedelta | None:
    """Seconds or a date of HTTP; None when it says neither."""
    if text is None:
        return None
    if text.isascii() and text.isdigit():
        return timedelta(seconds=min(int(text[:9]), 86_400))
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return at - datetime.now(UTC) if at.tzinfo is not None else None
