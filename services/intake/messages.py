"""How does intake tell what it decided, and how does its HTTP side put an RFI on Kafka?

Event ids are derived, so telling the same thing twice is the same event.
"""

from __future__ import annotations

from datetime import datetime

import orjson

from schemas.attributes import timestamp
from schemas.envelope import CloudEvent, encode_binary
from schemas.registry import SOURCE_OF_SCHEMAS
from schemas.topics import Topic
from services.core import ids
from services.core.events import EventType
from services.core.ports import Outgoing
from services.core.rfi import Rfi
from services.core.stores import Refusal
from services.intake.submission import WIRE_TYPE

#: `source` of what the exchange itself tells.
EXCHANGE = "urn:referral-exchange"

_ACCEPTED, _REFUSED = EventType.RFI_ACCEPTED.value, EventType.RFI_REFUSED.value
_TOPICS = {_ACCEPTED: Topic.RFI_ACCEPTED.value, _REFUSED: Topic.RFI_REFUSED.value}
_TYPES = {name: f"referrals.{name}.v1" for name in _TOPICS}
_SCHEMAS = {name: f"{SOURCE_OF_SCHEMAS}:{name}.v1" for name in _TOPICS}
#: An RFI is accepted once, as its first version; a refusal has only one.
_FIRST = 1
_SEQUENCE = f"{_FIRST:010d}"


def accepted(rfi: Rfi) -> Outgoing:
    """`rfi.accepted`; the same for every redelivery, because it is made from what is stored."""
    facts: dict[str, object] = {
        "rfiId": rfi.id,
        "source": rfi.source,
        "publisherId": rfi.publisher_id,
        "channel": rfi.channel.value,
    }
    return _told(_ACCEPTED, facts, key=rfi.id, subject=rfi.id, rfi=rfi.id, at=rfi.accepted_at)


def refused(refusal: Refusal) -> Outgoing:
    """`rfi.refused`: every problem and a reference, not the original. Keyed by the RFI's id as far as that is known."""
    facts: dict[str, object] = {
        "refusalId": refusal.id,
        "source": refusal.source,
        "publisherId": refusal.publisher_id,
        "problems": [{"field": p.field, "code": p.code, "message": p.message} for p in refusal.problems],
        "at": timestamp(refusal.at),
    }
    rfi = ids.rfi_id(refusal.source, refusal.publisher_id) if refusal.source and refusal.publisher_id else None
    return _told(
        _REFUSED,
        facts,
        key=rfi or refusal.record.where,
        subject=refusal.id,
        rfi=rfi or refusal.id,
        at=refusal.at,
    )


def submitted(
    data: bytes, *, source: str, publisher_id: str, event_id: str, at: datetime, traceparent: str | None = None
) -> Outgoing:
    """`rfi.submitted` as the HTTP side publishes it: the publisher's JSON under the source that its token binds."""
    headers, value = encode_binary(
        CloudEvent(
            id=event_id,
            source=source,
            type=WIRE_TYPE,
            subject=publisher_id,
            time=at,
            data=data,
            dataschema=f"{SOURCE_OF_SCHEMAS}:rfi.submitted.v1",
            correlationid=ids.rfi_id(source, publisher_id),
            traceparent=traceparent,
        )
    )
    return Outgoing(topic=Topic.RFI_SUBMITTED, key=publisher_id, value=value, headers=headers)


def _told(name: str, facts: dict[str, object], *, key: str, subject: str, rfi: str, at: datetime) -> Outgoing:
    headers, value = encode_binary(
        CloudEvent(
            id=ids.event_id(subject, _FIRST, name),
            source=EXCHANGE,
            type=_TYPES[name],
            subject=subject,
            time=at,
            data=orjson.dumps(facts),
            dataschema=_SCHEMAS[name],
            correlationid=rfi,
            sequence=_SEQUENCE,
        )
    )
    return Outgoing(topic=_TOPICS[name], key=key, value=value, headers=headers)
