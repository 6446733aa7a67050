"""How is an HTTP request read: its body within bounds, its envelope in the words of Kafka, its idempotency key?"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from urllib.parse import unquote_to_bytes

from services.core.errors import Problem
from services.intake.submission import MAX_BYTES

_KEY_LIMIT = 255
#: How long a whole body may take to arrive: 256 KiB at less than dial-up speed is nobody's.
_BODY_TIMEOUT_S = 30.0
_TOO_LARGE = f"an RFI has at most {MAX_BYTES} bytes; shorten the texts"
_MEDIA_TYPES = frozenset({"", "application/json", "application/cloudevents+json"})


class BodyTooLarge(Exception):
    """The body is larger than any RFI."""


class BodyTooSlow(Exception):
    """The body does not arrive; a caller must not hold a connection for ever."""


class UnsupportedMedia(Exception):
    """The body is neither JSON nor a CloudEvent in JSON."""


async def read_body(declared: str | None, chunks: AsyncIterator[bytes], *, timeout_s: float = _BODY_TIMEOUT_S) -> bytes:
    """The whole body; at most MAX_BYTES of it are ever held.

    Raises:
        BodyTooLarge: it is larger, or says so.
        BodyTooSlow: it did not arrive in time.
    """
    if declared is not None and declared.isdecimal() and int(declared) > MAX_BYTES:
        raise BodyTooLarge(_TOO_LARGE)
    body = bytearray()
    try:
        async with asyncio.timeout(timeout_s):
            async for chunk in chunks:
                body += chunk
                if len(body) > MAX_BYTES:
                    raise BodyTooLarge(_TOO_LARGE)
    except TimeoutError as error:
        raise BodyTooSlow(f"the body did not arrive within {timeout_s:g} seconds; send the request again") from error
    return bytes(body)


def envelope_headers(raw: Iterable[tuple[bytes, bytes]]) -> list[tuple[str, bytes]]:
    """The headers of the envelope as Kafka names them: `ce-id` is `ce_id`, values without percent-encoding.

    Raises:
        UnsupportedMedia: the content type is none that is read here, or the body is compressed.
    """
    headers: list[tuple[str, bytes]] = []
    for name_bytes, value in raw:
        name = name_bytes.decode("latin-1").lower()
        if name == "content-type":
            media = value.partition(b";")[0].strip().lower().decode("latin-1")
            if media not in _MEDIA_TYPES:
                raise UnsupportedMedia("send application/json or application/cloudevents+json")
            headers.append((name, value))
        elif name == "content-encoding" and value.strip().lower() not in {b"", b"identity"}:
            raise UnsupportedMedia("send the body without compression")
        elif name.startswith("ce-"):
            headers.append((f"ce_{name[3:]}", unquote_to_bytes(value)))
        elif name == "traceparent":
            headers.append((name, value))
    return headers


def idempotency_key(value: str | None) -> tuple[str | None, tuple[Problem, ...]]:
    """The key, without the quotation marks it may stand in, and what is wrong with it.

    It may be empty, too long, or no printable ASCII: then it is told with what is wrong with the RFI.
    """
    if value is None:
        return None, ()
    key = value.strip().strip('"')
    if not 0 < len(key) <= _KEY_LIMIT or not key.isascii() or not key.isprintable():
        message = f"must be 1 to {_KEY_LIMIT} printable ASCII characters"
        return key, (Problem("header:idempotency-key", "idempotency_key", message),)
    return key, ()
