"""The golden examples: every message has one, each keeps to its model and schema, and travels there and back."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import get_args

import pytest
from jsonschema import Draft202012Validator

from schemas import events, profiles
from schemas.envelope import CloudEvent, decode, encode_binary
from schemas.generate import schema_of
from schemas.registry import EXAMPLES, FLOWS, GROUPS, MESSAGES, Message, wire_type
from schemas.topics import TOPICS, Group, Topic
from services.adapters.wire import event_of, outgoing
from services.core import codes
from services.core.events import Event, EventType
from services.core.facts import DECISION_EVENTS
from services.core.ids import SHARDS
from services.core.ports import Outgoing, Record
from services.intake.regions import Regions
from services.intake.validate import validate
from tests.builders import START

CASES = [(message, path) for message in MESSAGES for path in message.examples()]
CARRIED = {Topic.RFI_ACCEPTED, Topic.ENGAGEMENT_EVENTS, Topic.REFERRAL_EVENTS}
REFUSED = sorted((EXAMPLES / "refused").glob("*.json"))


def named(path: Path) -> str:
    return path.name.removesuffix(".json")


def record_of(message: Outgoing) -> Record:
    return Record(
        topic=message.topic,
        partition=0,
        offset=0,
        timestamp=START,
        key=message.key.encode(),
        value=message.value,
        headers=message.headers,
    )


def test_every_topic_event_type_and_message_has_an_example_and_no_file_is_left_over() -> None:
    assert {message.topic for message in MESSAGES} - {None} == set(Topic)
    assert {message.name for message in MESSAGES} >= {kind.value for kind in EventType}
    known = {path for message in MESSAGES for path in message.examples()}
    assert known == set(EXAMPLES.glob("*.json"))


@pytest.mark.parametrize(("message", "path"), CASES, ids=[named(path) for _, path in CASES])
def test_an_example_keeps_to_its_model_and_its_schema(message: Message, path: Path) -> None:
    text = path.read_text()
    model = message.model.model_validate_json(text)
    Draft202012Validator(schema_of(message)).validate(json.loads(text))
    again = model.model_dump_json(by_alias=True, exclude_unset=True)
    assert message.model.model_validate_json(again) == model


@pytest.mark.parametrize(("message", "path"), CASES, ids=[named(path) for _, path in CASES])
def test_an_example_survives_the_envelope(message: Message, path: Path) -> None:
    event = CloudEvent(id="e", source="s", type=wire_type(message), data=path.read_bytes())
    headers, value = encode_binary(event)
    read = decode(value, headers)
    assert read == event
    assert isinstance(read, CloudEvent)
    assert read.content == json.loads(path.read_text())


OURS = [(message, path) for message, path in CASES if message.topic in CARRIED]


@pytest.mark.parametrize(("message", "path"), OURS, ids=[named(path) for _, path in OURS])
def test_an_example_of_an_event_travels_as_the_core_means_it(message: Message, path: Path) -> None:
    facts = json.loads(path.read_text())
    subject = facts.get("referralId", facts["rfiId"])
    event = Event(
        id="e-1",
        type=EventType(message.name),
        subject=subject,
        rfi_id=facts["rfiId"],
        at=START,
        sequence=facts.get("version", 1),
        facts=facts,
    )
    sent = outgoing(event)
    assert (sent.topic, sent.key) == (message.topic, subject)
    assert event_of(record_of(sent)) == event


def test_closed_lists_of_the_contract_are_those_of_the_core() -> None:
    def values(kind: type[StrEnum]) -> set[str]:
        return {member.value for member in kind}

    assert set(get_args(events.Channel)) == values(codes.Channel)
    assert set(get_args(events.Status)) == values(codes.Status)
    assert set(get_args(events.Substatus)) == values(codes.Substatus)
    assert set(get_args(events.Stage)) == values(codes.Stage)
    assert set(get_args(events.Policy)) == values(codes.PolicyName)
    assert set(get_args(events.CloseReason)) == values(codes.CloseReason)
    assert set(get_args(events.ErrorReason)) == values(codes.ErrorReason)
    assert set(get_args(events.WithdrawReason)) == values(codes.WithdrawReason)
    assert set(get_args(events.Decision)) == {kind.value for kind in DECISION_EVENTS.values()}
    assert set(get_args(profiles.Size)) == values(codes.CompanySize)
    assert SHARDS == 64


def test_the_registry_says_who_sends_and_reads_each_topic_and_in_which_group() -> None:
    assert set(FLOWS) == set(Topic) == {spec.topic for spec in TOPICS}
    assert set(GROUPS.values()) == set(Group)
    assert all(process in FLOWS[topic].readers for process, topic in GROUPS)


@pytest.mark.parametrize("path", REFUSED, ids=[named(path) for path in REFUSED])
def test_intake_refuses_an_example_for_each_of_its_faults(path: Path) -> None:
    case = json.loads(path.read_text())
    problems = validate(case["rfi"], "urn:example:marketing", START, Regions())
    assert isinstance(problems, list)
    assert [{"field": p.field, "code": p.code} for p in problems] == case["expected"]


def test_intake_accepts_the_examples_of_an_rfi() -> None:
    for message in MESSAGES:
        if message.topic is Topic.RFI_SUBMITTED:
            for path in message.examples():
                rfi = validate(json.loads(path.read_text()), "urn:example:marketing", START, Regions())
                assert not isinstance(rfi, list), rfi
