"""How does a test write what publishers send, and read what the exchange has told, without the product's own code?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import orjson

from schemas.topics import Topic
from services.core.ports import Outgoing, Record
from tests.faults.ledger import Told


def submitted(source: str, name: str, rfi: Mapping[str, object]) -> Outgoing:
    """An RFI as a plain JSON record whose header names the source."""
    headers = (("content-type", b"application/json"), ("x-referrals-source", source.encode()))
    return Outgoing(topic=Topic.RFI_SUBMITTED, key=name, value=orjson.dumps(rfi), headers=headers)


def told_by(record: Record) -> Told | None:
    """What a record says in its headers; None for poison."""
    said = {name: value.decode("utf-8", "replace") for name, value in record.headers}
    if not {"ce_id", "ce_type", "ce_subject", "ce_sequence"} <= said.keys():
        return None
    try:
        facts = orjson.loads(record.value or b"")
        told = Told(said["ce_id"], said["ce_type"], said["ce_subject"], int(said["ce_sequence"]))
    except ValueError:
        return None
    if not isinstance(facts, dict):
        return None
    return replace(told, profile_id=facts.get("profileId"), cause=(facts.get("cause") or {}).get("type"))
