"""What did a publisher send, and who is it: which RFI data, under which source?

Any record gives a `Submission`; one that cannot be read has no data, but every problem of its envelope.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import orjson

from schemas.envelope import CloudEvent, EnvelopeError, decode
from services.core.errors import Problem

#: CloudEvents type of an RFI as publishers send it.
WIRE_TYPE = "referrals.rfi.submitted.v1"
#: Header that names the source of plain JSON.
SOURCE_HEADER = "x-referrals-source"
#: Largest RFI in bytes, envelope included when it is structured.
MAX_BYTES = 256 * 1024
#: Deepest nesting; an RFI needs 4, a structured event 5, and parsers differ in what they survive.
MAX_DEPTH = 64

_MAX_SOURCE = 512
_PUBLISHER_ID = re.compile(r"[\x21-\x7e]{1,128}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """One RFI as sent. `data` is parsed JSON if `readable`; it stays out of repr, because it is personal data."""

    source: str | None
    readable: bool = True
    data: object = field(repr=False, default=None)
    problems: tuple[Problem, ...] = ()
    event_id: str | None = None
    #: Of the CloudEvent, if it is one.
    traceparent: str | None = None

    @property
    def publisher_id(self) -> str | None:
        """The publisher's id of the RFI, if it can be read though other things are wrong."""
        value = self.data.get("id") if isinstance(self.data, dict) else None
        return value if isinstance(value, str) and _PUBLISHER_ID.fullmatch(value) else None


def read_submission(value: bytes | None, headers: Iterable[tuple[str, bytes]], default_source: str) -> Submission:
    """What a record says, whatever it is; never raises."""
    headers = tuple(headers)
    if value is not None and len(value) > MAX_BYTES:
        return _unreadable("", "too_large", f"must be at most {MAX_BYTES} bytes; shorten the texts")
    if value is not None and _depth(value) > MAX_DEPTH:
        return _unreadable("", "too_deep", f"must not nest deeper than {MAX_DEPTH} levels")
    try:
        message = decode(value, headers)
    except EnvelopeError as error:
        problems = tuple(Problem(*fault) for fault in error.problems)
        return _beneath(value, Submission(source=None, readable=False, problems=problems))
    if isinstance(message, CloudEvent):
        return _from_event(message)
    source, problems = _plain_source(headers, default_source)
    return Submission(source=source, data=message.content, problems=problems, traceparent=message.traceparent)


def _beneath(value: bytes | None, damaged: Submission) -> Submission:
    """The damaged submission with its data, when that is an RFI's although the headers are at fault."""
    try:
        data = orjson.loads(value or b"")
    except orjson.JSONDecodeError:
        return damaged
    if not isinstance(data, dict) or "specversion" in data:
        return damaged
    return replace(damaged, readable=True, data=data)


def _from_event(event: CloudEvent) -> Submission:
    problems: tuple[Problem, ...] = ()
    if event.type != WIRE_TYPE:
        problems += (Problem("header:ce_type", "unknown_type", f"must be {WIRE_TYPE}; nothing else is read here"),)
    if len(event.source) > _MAX_SOURCE:
        problems += (Problem("header:ce_source", "too_long", f"must have at most {_MAX_SOURCE} characters"),)
    return Submission(
        source=event.source if len(event.source) <= _MAX_SOURCE else None,
        data=event.content,
        problems=problems,
        event_id=event.id,
        traceparent=event.traceparent,
    )


def _plain_source(headers: Iterable[tuple[str, bytes]], default: str) -> tuple[str | None, tuple[Problem, ...]]:
    given = [raw for name, raw in headers if name.lower() == SOURCE_HEADER]
    if not given:
        return default, ()
    try:
        source = given[0].decode().strip()
    except UnicodeDecodeError:
        source = ""
    if len(given) > 1 or not 0 < len(source) <= _MAX_SOURCE or _CONTROL.search(source):
        words = f"must be sent once, as UTF-8 text of 1 to {_MAX_SOURCE} characters"
        return None, (Problem(f"header:{SOURCE_HEADER}", "source", words),)
    return source, ()


def _unreadable(where: str, code: str, message: str) -> Submission:
    return Submission(source=None, readable=False, problems=(Problem(where, code, message),))


def _depth(value: bytes) -> int:
    """How deep the JSON nests at most, without parsing it."""
    # Few brackets can't nest deep, wherever they stand; nearly every RFI ends here.
    opened = value.count(b"{") + value.count(b"[")
    if opened <= MAX_DEPTH:
        return opened
    deepest = depth = 0
    in_text = escaped = False
    for byte in value:
        if escaped:
            escaped = False
        elif in_text:
            in_text, escaped = byte != 0x22, byte == 0x5C  # noqa: PLR2004 - quotation mark, backslash
        elif byte in b"{[":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"}]":
            depth -= 1
        elif byte == 0x22:  # noqa: PLR2004 - quotation mark
            in_text = True
    return deepest
