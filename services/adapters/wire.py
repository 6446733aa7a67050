"""How do the words of the core become records of Kafka, and records words again?

The fast path: plain JSON built and read here, no model in between. The models of `schemas` say the same; a test proves
that what is written here satisfies them. Profiles stand in `wire_profiles`; what intake tells, in its own room.
"""

from __future__ import annotations

from datetime import datetime

import orjson

from schemas.attributes import read_time, timestamp
from schemas.envelope import CloudEvent, encode_binary
from schemas.registry import MESSAGES
from schemas.topics import Topic
from services.adapters.wire_envelope import (
    SCHEMAS,
    SOURCE,
    TYPES,
    cloud_event_of,
    expect,
    facts_in,
    required_facts,
    unknown,
)
from services.adapters.wire_profiles import profile_of, profile_outgoing
from services.adapters.wire_standings import standing_of, standing_outgoing
from services.adapters.wire_swift import Form, headers_of, read
from services.core import ids
from services.core.errors import UnreadableRecord
from services.core.events import Event, EventType
from services.core.ports import DeadLetter, Outgoing, Record

__all__ = [
    "dead_letter_outgoing",
    "event_of",
    "outgoing",
    "profile_of",
    "profile_outgoing",
    "standing_of",
    "standing_outgoing",
    "tick_of",
    "tick_outgoing",
    "type_of",
]

_TICK, _DEAD_LETTER = "clock.tick", "dead_letter.recorded"
_NOTICE_TOPICS = {
    _TICK: str(Topic.CLOCK_TICKS),
    _DEAD_LETTER: str(Topic.DEAD_LETTERS),
}
_TICK_FACTS = frozenset({"shard", "at"})


_BY_TYPE = {
    form.type: form
    for form in (
        Form(EventType(m.name), TYPES[m.name], str(m.topic), SCHEMAS[m.name], required_facts(m))
        for m in MESSAGES
        if m.topic in {Topic.RFI_ACCEPTED, Topic.ENGAGEMENT_EVENTS, Topic.REFERRAL_EVENTS}
    )
}
#: By the type in the headers.
FORMS = {form.wire_type: form for form in _BY_TYPE.values()}


def outgoing(event: Event) -> Outgoing:
    """The record of an event of an RFI, an engagement or a referral; its key is the document's id.

    Events of the referrals of one RFI lie in one partition, so that a batch of them needs that RFI once.

    Raises:
        ValueError: events of this type are not made from an `Event` (refusals, profiles, statistics).
    """
    form = _BY_TYPE.get(event.type)
    if form is None:
        raise ValueError(f"{event.type.value} is not an event of an RFI, an engagement or a referral")
    lane = event.rfi_id if event.subject != event.rfi_id else None
    return Outgoing(
        topic=form.topic,
        key=event.subject,
        value=orjson.dumps(event.facts),
        headers=headers_of(event, form),
        lane=lane,
    )


def event_of(record: Record) -> Event:
    """The event that a record carries.

    Raises:
        UnreadableRecord: it is no event of ours, or something is missing; says what.
        UnknownMessage: its type or version is not known here.
    """
    if (ours := read(record, FORMS)) is not None:
        return ours
    event = cloud_event_of(record)
    form = FORMS.get(event.type)
    if form is None:
        raise unknown(event.type)
    if event.subject is None or event.correlationid is None or event.time is None or event.sequence is None:
        names = ("subject", "correlationid", "time", "sequence")
        missing = ", ".join(f"ce_{name}" for name in names if getattr(event, name) is None)
        raise UnreadableRecord(f"these headers are missing: {missing}")
    return Event(
        id=event.id,
        type=form.type,
        subject=event.subject,
        rfi_id=event.correlationid,
        at=event.time,
        sequence=_number(event.sequence),
        facts=facts_in(event, form.required),
    )


def type_of(record: Record) -> EventType | None:
    """The type that the header of a record names, without a look at anything else; None when it names none of ours."""
    for name, value in record.headers:
        if name == "ce_type":
            form = FORMS.get(value.decode(errors="replace"))
            return form.type if form else None
    return None


def _number(sequence: str) -> int:
    if not (sequence.isascii() and sequence.isdigit() and len(sequence) <= 18):  # noqa: PLR2004 - fits 64 bits
        raise UnreadableRecord("ce_sequence is not a version number")
    return int(sequence)


def tick_outgoing(shard: int, at: datetime, partitions: int) -> Outgoing:
    """The record that tells a shard the time; the shard alone says which partition, so that one instance sweeps it."""
    facts = {"shard": shard, "at": timestamp(at)}
    id_ = f"{shard}@{facts['at']}"
    return _notice(_TICK, id_, str(shard), facts, at=at, partition=shard % partitions)


def tick_of(record: Record) -> tuple[int, datetime]:
    """The shard that a tick is for, and the business time (UTC) it tells.

    Raises:
        UnreadableRecord: it is damaged, or names no such shard.
        UnknownMessage: it is not a tick.
    """
    event = cloud_event_of(record)
    expect(event, _TICK)
    facts = facts_in(event, _TICK_FACTS)
    shard, text = facts["shard"], facts["at"]
    at = read_time(text, "/at", []) if isinstance(text, str) else None
    if at is None or type(shard) is not int or not 0 <= shard < ids.SHARDS:
        raise UnreadableRecord(f"a tick has a shard from 0 to {ids.SHARDS - 1} and an instant")
    return shard, at


def dead_letter_outgoing(letter: DeadLetter) -> Outgoing:
    """The reference of a dead letter, under the original's key; without its bytes and the error's words."""
    record = letter.record
    id_ = ids.dead_letter_id(letter.group, record.topic, record.partition, record.offset)
    facts = {
        "id": id_,
        "group": letter.group,
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "reason": letter.reason,
        "attempts": letter.attempts,
        "at": timestamp(letter.at),
    }
    key = record.key.decode(errors="backslashreplace") if record.key else id_
    return _notice(_DEAD_LETTER, id_, key, facts, at=letter.at)


def _notice(name: str, id_: str, key: str, facts: object, *, at: datetime, partition: int | None = None) -> Outgoing:
    event = CloudEvent(
        id=id_,
        source=SOURCE,
        type=TYPES[name],
        subject=key,
        time=at,
        data=orjson.dumps(facts),
        dataschema=SCHEMAS[name],
    )
    headers, value = encode_binary(event)
    return Outgoing(topic=_NOTICE_TOPICS[name], key=key, value=value, headers=headers, partition=partition)
