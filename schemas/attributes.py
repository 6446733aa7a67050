"""Which attributes of a CloudEvent can the exchange use, and what is wrong with those it can't?"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from schemas.faults import Fault

#: Longest attribute that is read: ids become keys of documents and indexes.
MAX_ATTRIBUTE = 1024
REQUIRED = ("specversion", "id", "source", "type")
OPTIONAL = ("subject", "time", "dataschema", "correlationid", "sequence", "traceparent", "partitionkey")

#: Stands for a header whose bytes are not text; the fault is listed already.
UNREADABLE = object()

_USED = frozenset({*REQUIRED, *OPTIONAL})
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def read_attributes(attributes: Mapping[str, object], prefix: str, faults: list[Fault]) -> dict[str, str]:
    """The attributes that are used and there, as texts that can be stored.

    Args:
        attributes: texts, or whatever JSON says.
        prefix: leads to an attribute within the record, so that the sender finds it: `header:ce_` or `/`.
        faults: gets what is wrong.
    """
    faults.extend(
        Fault(f"{prefix}{name}", "required", f"the attribute {name} is missing; every event has one")
        for name in REQUIRED
        if (value := attributes.get(name)) is None or value == ""
    )
    texts: dict[str, str] = {}
    for name, value in attributes.items():
        if name not in _USED or value is None or value == "" or value is UNREADABLE:
            continue
        # JSON writers send a number where the extension says text; a truth value is not a number.
        text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
        if not isinstance(text, str):
            faults.append(Fault(f"{prefix}{name}", "not_text", f"the attribute {name} is a text"))
        elif len(text) > MAX_ATTRIBUTE:
            message = f"the attribute {name} has at most {MAX_ATTRIBUTE} characters"
            faults.append(Fault(f"{prefix}{name}", "too_long", message))
        elif not text.isprintable() and _CONTROL.search(text):  # the first test is many times faster
            message = f"the attribute {name} contains control characters; remove them"
            faults.append(Fault(f"{prefix}{name}", "control_characters", message))
        else:
            texts[name] = text
    if texts.get("specversion", "1.0") != "1.0":
        message = "only version 1.0 of CloudEvents is read here; send specversion 1.0"
        faults.append(Fault(f"{prefix}specversion", "unsupported_version", message))
    return texts


def read_time(text: str | None, where: str, faults: list[Fault]) -> datetime | None:
    """The instant in UTC, or None when there is none or it is a fault."""
    if text is None:
        return None
    try:
        if _RFC3339.fullmatch(text):
            return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    faults.append(Fault(where, "not_an_instant", "time is an RFC 3339 instant, for example 2026-03-02T09:00:00Z"))
    return None


def timestamp(at: datetime) -> str:
    """An aware instant as RFC 3339 in UTC with a final Z.

    Raises:
        ValueError: the instant has no time zone.
    """
    if at.tzinfo is None:
        raise ValueError("an instant without a time zone cannot be sent")
    return at.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"
