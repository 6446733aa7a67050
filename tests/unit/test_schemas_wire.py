"""The bridge: what the fast path writes satisfies the models, comes back the same, and damage has its two names."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.envelope import CloudEvent, decode
from schemas.registry import MESSAGES, wire_type
from schemas.topics import Topic
from services.adapters.wire import (
    dead_letter_outgoing,
    event_of,
    outgoing,
    profile_of,
    profile_outgoing,
    tick_of,
    tick_outgoing,
)
from services.core import commands, ids
from services.core.codes import CloseReason, CompanySize, PolicyName
from services.core.creation import accepted_event, created_event
from services.core.errors import Invalid, UnknownMessage, UnreadableRecord
from services.core.events import Event, EventType
from services.core.lifecycle import decide
from services.core.partner import Office
from services.core.policy import STANDARD
from services.core.ports import DeadLetter, Outgoing, Record
from services.core.tick import advance
from services.intake import messages as intake
from tests.builders import START, make_location, make_place, make_profile, make_referral, make_rfi

MODELS = {wire_type(message): message.model for message in MESSAGES}


def record_of(message: Outgoing, **changes: bytes | None) -> Record:
    """The message as it lies in the log, with headers replaced (or left out, when None)."""
    headers = {**dict(message.headers), **changes}
    return Record(
        topic=message.topic,
        partition=message.partition or 0,
        offset=7,
        timestamp=START,
        key=message.key.encode(),
        value=message.value,
        headers=tuple((name, value) for name, value in headers.items() if value is not None),
    )


def satisfies_its_model(message: Outgoing) -> bool:
    event = decode(message.value, message.headers)
    assert isinstance(event, CloudEvent)
    assert event.dataschema == f"urn:referral-exchange:schema:{event.type.removeprefix('referrals.')}"
    return bool(MODELS[event.type].model_validate_json(event.data))


def life_of_a_referral() -> list[Event]:
    """Events of a referral that was reminded, declined, undone, declined again and settled."""
    referral = make_referral()
    minute = timedelta(minutes=1)
    reminded = advance(referral, START + timedelta(hours=24), STANDARD)
    assert reminded is not None
    decline = commands.Decline(by="partner:ana", reason=CloseReason.OTHER, notes="away")
    now = START + timedelta(hours=25)
    declined = decide(reminded, decline, now, STANDARD)
    undone = decide(declined, commands.Undo(by="partner:ana"), now + minute, STANDARD)
    again = decide(undone, decline, now + 2 * minute, STANDARD)
    settled = advance(again, now + 20 * minute, STANDARD)
    assert settled is not None
    return list(settled.outbox)


def test_events_of_a_whole_life_satisfy_their_models_and_come_back_the_same() -> None:
    told = life_of_a_referral()
    assert {event.type for event in told} >= {EventType.CREATED, EventType.UNDONE, EventType.SETTLED}
    for event in told:
        sent = outgoing(event)
        assert (sent.topic, sent.key) == (Topic.REFERRAL_EVENTS, event.subject)
        assert satisfies_its_model(sent)
        assert event_of(record_of(sent)) == event


def test_an_accepted_rfi_is_told_in_the_same_bytes_by_intake_and_by_an_outbox() -> None:
    rfi = make_rfi()
    assert outgoing(accepted_event(rfi)) == intake.accepted(rfi)


def test_what_is_no_event_of_an_rfi_or_referral_has_no_such_record() -> None:
    event = replace(accepted_event(make_rfi()), type=EventType.PROFILE_CHANGED)
    with pytest.raises(ValueError, match=r"partner\.profile_changed"):
        outgoing(event)


CREATED = outgoing(created_event(make_referral()))


@pytest.mark.parametrize("missing", ["ce_subject", "ce_correlationid", "ce_time", "ce_sequence"])
def test_an_event_without_a_header_that_we_always_send_is_unreadable(missing: str) -> None:
    with pytest.raises(UnreadableRecord, match=missing):
        event_of(record_of(CREATED, **{missing: None}))


@pytest.mark.parametrize(
    ("type_", "words"),
    [
        (b"referrals.referral.created.v2", r"only referrals\.referral\.created\.v1; upgrade the reader"),
        (b"referrals.referral.sold.v1", "not a type of message"),
        (b"referrals.clock.tick.v1", "not a type of message"),
        (b"com.example.order", "not a type of message"),
    ],
)
def test_an_unknown_type_or_version_is_told_by_name(type_: bytes, words: str) -> None:
    with pytest.raises(UnknownMessage, match=words):
        event_of(record_of(CREATED, ce_type=type_))


@pytest.mark.parametrize("sequence", [b"-1", b"1.0", "٣".encode(), b"9" * 19, b"x"])
def test_a_sequence_that_is_no_version_is_unreadable(sequence: bytes) -> None:
    with pytest.raises(UnreadableRecord, match="version number"):
        event_of(record_of(CREATED, ce_sequence=sequence))


def test_data_that_lacks_facts_or_is_no_object_is_unreadable_and_says_what() -> None:
    facts = orjson.loads(CREATED.value)
    del facts["partnerId"], facts["stage"]
    with pytest.raises(UnreadableRecord, match="partnerId, stage"):
        event_of(record_of(replace(CREATED, value=orjson.dumps(facts))))
    with pytest.raises(UnreadableRecord, match="not a JSON object"):
        event_of(record_of(replace(CREATED, value=b"[]")))
    with pytest.raises(UnreadableRecord, match="CloudEvents"):
        event_of(record_of(replace(CREATED, headers=())))


def test_facts_that_a_newer_version_of_us_has_added_are_kept() -> None:
    facts = {**orjson.loads(CREATED.value), "mood": "good"}
    assert event_of(record_of(replace(CREATED, value=orjson.dumps(facts)))).facts["mood"] == "good"


@given(st.none() | st.binary(), st.lists(st.tuples(st.sampled_from([n for n, _ in CREATED.headers]), st.binary())))
def test_any_record_is_read_or_is_invalid(value: bytes | None, headers: list[tuple[str, bytes]]) -> None:
    record = replace(record_of(CREATED), value=value, headers=tuple(headers))
    for read in (event_of, profile_of, tick_of):
        with pytest.raises(Invalid):
            read(record)


def test_a_profile_travels_without_its_people() -> None:
    profile = make_profile(
        locations=(make_location(1), make_location(2, place=make_place(city=None, postal_code=None))),
        sizes=(CompanySize.S10_50, CompanySize.S20001),
        capacity=0,
        paused_until=START,
        active=False,
        version=3,
        policy=PolicyName.CLASSIC,
    )
    sent = profile_outgoing(profile)
    assert satisfies_its_model(sent)
    assert (sent.topic, sent.key) == (Topic.PARTNER_PROFILES, profile.id)
    assert b"@" not in sent.value
    assert b"Sara" not in sent.value
    read = profile_of(record_of(sent))
    assert read.locations == tuple(Office(id=each.id, place=each.place) for each in profile.locations)
    for name in ("id", "partner_id", "country", "serves", "keywords", "industries", "products", "services", "sizes"):
        assert getattr(read, name) == getattr(profile, name)
    for name in ("languages", "capacity", "paused_until", "active", "version", "policy"):
        assert getattr(read, name) == getattr(profile, name)


def test_a_damaged_profile_is_told_by_field_without_its_values() -> None:
    sent = profile_outgoing(make_profile())
    facts = {**orjson.loads(sent.value), "version": "secret", "serves": [{"country": "secret"}]}
    with pytest.raises(UnreadableRecord, match=r"serves\.0\.country, version") as caught:
        profile_of(record_of(replace(sent, value=orjson.dumps(facts))))
    assert "secret" not in str(caught.value)
    with pytest.raises(UnknownMessage):
        profile_of(record_of(CREATED))


@given(st.integers(0, ids.SHARDS - 1), st.datetimes(datetime(1970, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_a_tick_goes_to_the_partition_of_its_shard_and_comes_back(shard: int, at: datetime) -> None:
    sent = tick_outgoing(shard, at, 8)
    assert satisfies_its_model(sent)
    assert (sent.topic, sent.partition) == (Topic.CLOCK_TICKS, shard % 8)
    assert tick_of(record_of(sent)) == (shard, at)


@pytest.mark.parametrize(
    "facts", [{"shard": 64}, {"shard": -1}, {"shard": True}, {"shard": 1.5}, {"at": 7}, {"at": "now"}, {"at": None}]
)
def test_a_damaged_tick_is_unreadable(facts: dict[str, object]) -> None:
    sent = tick_outgoing(3, START, 8)
    damaged = {**orjson.loads(sent.value), **facts}
    with pytest.raises(UnreadableRecord, match="shard from 0 to 63"):
        tick_of(record_of(replace(sent, value=orjson.dumps(damaged))))


@pytest.mark.parametrize("key", [b"RFI-1", b"\xff", b"", None])
def test_the_reference_of_a_dead_letter_names_the_record_and_nothing_of_it(key: bytes | None) -> None:
    record = replace(record_of(CREATED), key=key, value=b"ana@example.org")
    letter = DeadLetter(group="referrals-router", record=record, reason="ReferenceMissing", detail="for eyes", at=START)
    sent = dead_letter_outgoing(letter)
    assert satisfies_its_model(sent)
    assert sent.topic == Topic.DEAD_LETTERS
    facts = orjson.loads(sent.value)
    assert sent.key == {b"RFI-1": "RFI-1", b"\xff": "\\xff"}.get(key or b"", facts["id"])
    assert facts["id"] == ids.dead_letter_id("referrals-router", record.topic, record.partition, record.offset)
    assert b"ana@" not in sent.value
    assert b"for eyes" not in sent.value
