"""How is a refused RFI submitted again, as it was or mended?

The new record keeps the original's key and source, and with them the id of the RFI: replaying twice makes no second
one. A mended RFI leaves behind the envelope of the original, which may have been at fault itself.
"""

from __future__ import annotations

import orjson

from services.core.errors import CommandInvalid, Problem
from services.core.ports import Outgoing
from services.core.stores import Refusal
from services.intake.submission import SOURCE_HEADER

#: Header that names the refusal a record comes from.
REPLAY_HEADER = "x-referrals-replay-of"

_ENVELOPE = frozenset({"content-type", SOURCE_HEADER})


def replay(refusal: Refusal, mended: bytes | None) -> Outgoing:
    """The record to publish on the topic of the original.

    Args:
        refusal: with its original record.
        mended: the RFI as plain JSON, or a whole structured CloudEvent; None sends the original again as it was, for
            when the fault was ours.

    Raises:
        CommandInvalid: there is nothing to send: the original's retention is over and no mended form was given.
    """
    record = refusal.record
    value = mended if mended is not None else record.value
    if value is None:
        raise CommandInvalid(
            [Problem("", "original_gone", "the original is no longer kept; give the mended RFI as a file")]
        )
    return Outgoing(
        topic=record.topic,
        key=_key(refusal),
        value=value,
        headers=(*_kept(refusal, mended), (REPLAY_HEADER, refusal.id.encode())),
    )


def _key(refusal: Refusal) -> str:
    key = refusal.record.key
    try:
        return key.decode() if key else refusal.publisher_id or refusal.id
    except UnicodeDecodeError:
        return refusal.publisher_id or refusal.id


def _kept(refusal: Refusal, mended: bytes | None) -> tuple[tuple[str, bytes], ...]:
    headers = tuple((n, v) for n, v in refusal.record.headers if n.lower() != REPLAY_HEADER)
    if mended is None:
        return headers
    own = tuple((n, v) for n, v in headers if n.lower() not in _ENVELOPE and not n.lower().startswith("ce_"))
    if _is_structured(mended):
        return (*own, ("content-type", b"application/cloudevents+json"))
    source = () if refusal.source is None else ((SOURCE_HEADER, refusal.source.encode()),)
    return (*own, ("content-type", b"application/json"), *source)


def _is_structured(value: bytes) -> bool:
    try:
        content = orjson.loads(value)
    except orjson.JSONDecodeError:
        return False
    return isinstance(content, dict) and "specversion" in content
