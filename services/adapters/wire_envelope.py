"""How does the exchange wrap what it tells, and read what it told?"""

from __future__ import annotations

from collections.abc import Mapping

from schemas.envelope import CloudEvent, EnvelopeError, decode
from schemas.registry import MESSAGES, Message, schema_id, wire_type
from services.core.errors import UnknownMessage, UnreadableRecord
from services.core.ports import Record

#: `source` of everything the exchange tells.
SOURCE = "urn:referral-exchange"

#: By name: the type and the schema that stand in the headers.
TYPES = {message.name: wire_type(message) for message in MESSAGES}
SCHEMAS = {message.name: schema_id(message) for message in MESSAGES}


def sequence_text(version: int) -> str:
    """A version as the sequence extension wants it: text that sorts as the number does."""
    return f"{version:010d}"


def required_facts(message: Message) -> frozenset[str]:
    """Names, as on the wire, of what data of this message always has."""
    fields = message.model.model_fields.values()
    return frozenset(field.alias or "" for field in fields if field.is_required())


def cloud_event_of(record: Record) -> CloudEvent:
    """The CloudEvent in a record.

    Raises:
        UnreadableRecord: there is none; says all that is wrong, without quoting the record.
    """
    try:
        message = decode(record.value, record.headers)
    except EnvelopeError as error:
        raise UnreadableRecord(str(error)) from None
    if not isinstance(message, CloudEvent):
        raise UnreadableRecord("the record has no CloudEvents headers; only events of the exchange are read here")
    return message


def facts_in(event: CloudEvent, required: frozenset[str]) -> Mapping[str, object]:
    """The data of an event, known to be an object that has what its type requires.

    Raises:
        UnreadableRecord: it is not.
    """
    facts = event.content
    if not isinstance(facts, dict):
        raise UnreadableRecord("the data is not a JSON object")
    if missing := required - facts.keys():
        raise UnreadableRecord(f"the data lacks {', '.join(sorted(missing))}")
    return facts


def expect(event: CloudEvent, name: str) -> None:
    """Go on only if the event is of this message.

    Raises:
        UnknownMessage: it is not.
    """
    if event.type != TYPES[name]:
        raise unknown(event.type)


def unknown(type_: str) -> UnknownMessage:
    """The refusal of a type; tells another version of a known message from a stranger."""
    stem = type_.rpartition(".v")[0]
    shown = type_[:100]
    if known := [each for each in TYPES.values() if each.rpartition(".v")[0] == stem and each != type_]:
        return UnknownMessage(f"{shown} is not a known version, only {', '.join(known)}; upgrade the reader")
    return UnknownMessage(f"{shown} is not a type of message that is read here")
