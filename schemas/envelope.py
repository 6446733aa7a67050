"""How does a message travel? As a CloudEvents 1.0 event over Kafka: written in binary mode, read in every mode.

Readers accept binary mode (`ce_` headers), structured mode (content type `application/cloudevents+json`; it wins over
`ce_` headers, which a structured message may carry too) and plain JSON without any envelope. Whatever else a record
holds ends in one error, `EnvelopeError`, that lists every fault. Attributes that the exchange does not use are dropped.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import orjson

from schemas.attributes import UNREADABLE, read_attributes, read_time, timestamp
from schemas.faults import EnvelopeError, Fault

__all__ = ["FIXED_HEADERS", "CloudEvent", "EnvelopeError", "Fault", "Headers", "Plain", "decode", "encode_binary"]

Headers = tuple[tuple[str, bytes], ...]

_STRUCTURED = "application/cloudevents+json"
#: The first headers of every message in binary mode.
FIXED_HEADERS: Headers = (("content-type", b"application/json"), ("ce_specversion", b"1.0"))


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudEvent:
    """One event. `time` is aware, UTC. `data` and `content` stay out of repr: they may hold personal data."""

    id: str
    source: str
    type: str
    subject: str | None = None
    time: datetime | None = None
    data: bytes = field(repr=False)
    #: JSON, UTF-8.
    dataschema: str | None = None
    correlationid: str | None = None
    sequence: str | None = None
    #: Orders the events of one subject; ours are zero-padded numbers, as the extension wants text that sorts.
    traceparent: str | None = None
    partitionkey: str | None = None
    content: object = field(default=None, repr=False, compare=False)
    #: `data` parsed; set by `decode`, not looked at by `encode_binary`.


@dataclass(frozen=True, slots=True)
class Plain:
    """JSON without an envelope; `content` is `data` parsed."""

    data: bytes = field(repr=False)
    content: object = field(repr=False, compare=False)
    traceparent: str | None = None


def encode_binary(event: CloudEvent) -> tuple[Headers, bytes]:
    """The event as Kafka headers and value, in binary mode. Trusts the event: it is one of ours."""
    headers = [
        *FIXED_HEADERS,
        ("ce_id", event.id.encode()),
        ("ce_source", event.source.encode()),
        ("ce_type", event.type.encode()),
    ]
    if event.subject is not None:
        headers.append(("ce_subject", event.subject.encode()))
    if event.time is not None:
        headers.append(("ce_time", timestamp(event.time).encode()))
    if event.dataschema is not None:
        headers.append(("ce_dataschema", event.dataschema.encode()))
    if event.correlationid is not None:
        headers.append(("ce_correlationid", event.correlationid.encode()))
    if event.sequence is not None:
        headers.append(("ce_sequence", event.sequence.encode()))
    if event.traceparent is not None:
        headers.append(("ce_traceparent", event.traceparent.encode()))
    if event.partitionkey is not None:
        headers.append(("ce_partitionkey", event.partitionkey.encode()))
    return tuple(headers), event.data


def decode(value: bytes | None, headers: Iterable[tuple[str, bytes]]) -> CloudEvent | Plain:
    """What a record says, whichever mode it is written in.

    Raises:
        EnvelopeError: it is not a message; every fault is listed. No other exception comes out.
    """
    faults: list[Fault] = []
    attributes, content_type, trace = _read_headers(headers, faults)
    if value is None:
        raise EnvelopeError([*faults, Fault("", "tombstone", "the record has no value; send the message as JSON")])
    media = content_type.partition(";")[0].strip().lower()
    if media.startswith("application/cloudevents"):
        return _structured(value, media)
    content = _parse(value, "", faults)
    if attributes:
        if trace is not None:
            attributes.setdefault("traceparent", trace)
        return _event(attributes, "header:ce_", (value, content), faults)
    if faults:
        raise EnvelopeError(faults)
    return Plain(value, content, trace)


def _read_headers(
    headers: Iterable[tuple[str, bytes]], faults: list[Fault]
) -> tuple[dict[str, object], str, str | None]:
    """The CloudEvents attributes, the content type, and the trace that other clients send without prefix."""
    attributes: dict[str, object] = {}
    content_type, trace = "", None
    for name, raw in headers:
        key = name.lower()
        if not (key.startswith("ce_") or key in {"content-type", "traceparent"}):
            continue
        try:
            text: str | None = (raw or b"").decode()
        except UnicodeDecodeError:
            faults.append(Fault(f"header:{key}", "not_utf8", "the value of this header is not UTF-8 text"))
            text = None
        if key == "content-type":
            content_type = text or ""
        elif key == "traceparent":
            trace = text
        elif key[3:] in attributes:
            faults.append(Fault(f"header:{key}", "duplicate", "this header is there twice; send it once"))
        else:
            attributes[key[3:]] = UNREADABLE if text is None else text
    return attributes, content_type, trace


def _parse(value: bytes, where: str, faults: list[Fault]) -> object:
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        faults.append(Fault(where, "not_json", f"this is not JSON in UTF-8 ({place})"))
        return None


def _structured(value: bytes, media: str) -> CloudEvent:
    if media != _STRUCTURED:
        hint = f"send one event for each record, as {_STRUCTURED} or with ce_ headers"
        raise EnvelopeError([Fault("header:content-type", "unsupported_format", f"this format is not read: {hint}")])
    faults: list[Fault] = []
    event = _parse(value, "", faults)
    if not isinstance(event, Mapping):
        raise EnvelopeError(faults or [Fault("", "not_an_object", "a structured event is a JSON object")])
    return _event(event, "/", _structured_data(event, faults), faults)


def _structured_data(event: Mapping[str, object], faults: list[Fault]) -> tuple[bytes, object]:
    data, encoded = event.get("data"), event.get("data_base64")
    if (data is None) == (encoded is None):
        faults.append(Fault("/data", "data_required", "a structured event carries either data or data_base64"))
    elif encoded is None:
        try:
            return orjson.dumps(data), data
        except orjson.JSONEncodeError:  # reads deeper than it writes
            faults.append(Fault("/data", "too_deep", "the data is nested too deeply"))
    else:
        try:
            raw = base64.b64decode(encoded if isinstance(encoded, str) else "?", validate=True)
        except (binascii.Error, ValueError):
            faults.append(Fault("/data_base64", "not_base64", "data_base64 is not Base64 text"))
        else:
            return raw, _parse(raw, "/data_base64", faults)
    return b"", None


def _event(
    attributes: Mapping[str, object], prefix: str, data: tuple[bytes, object], faults: list[Fault]
) -> CloudEvent:
    texts = read_attributes(attributes, prefix, faults)
    time = read_time(texts.pop("time", None), f"{prefix}time", faults)
    if faults:
        raise EnvelopeError(faults)
    return CloudEvent(
        id=texts["id"],
        source=texts["source"],
        type=texts["type"],
        subject=texts.get("subject"),
        time=time,
        data=data[0],
        dataschema=texts.get("dataschema"),
        correlationid=texts.get("correlationid"),
        sequence=texts.get("sequence"),
        traceparent=texts.get("traceparent"),
        partitionkey=texts.get("partitionkey"),
        content=data[1],
    )
