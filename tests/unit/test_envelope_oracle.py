"""The envelope against others: the CloudEvents SDK and we read each other, and no damage escapes the one error."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cloudevents.core.bindings import kafka
from cloudevents.core.v1.event import CloudEvent as SdkEvent
from hypothesis import given
from hypothesis import strategies as st

from schemas.envelope import CloudEvent, EnvelopeError, Fault, Plain, decode, encode_binary

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
TEXT = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), min_size=1, max_size=60)
LEAF = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(exclude_categories=["Cs"]))
#: The envelope carries it as bytes: more of it takes longer to draw, and goes no other way.
OBJECT = st.dictionaries(
    TEXT, st.recursive(LEAF, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner), max_leaves=5), max_size=3
)
TIMES = st.datetimes(
    min_value=datetime(1970, 1, 1),  # noqa: DTZ001 - hypothesis wants bounds without a zone
    timezones=st.timezones(),
).map(lambda at: at.astimezone(UTC))
EVENTS = st.builds(
    CloudEvent,
    id=TEXT,
    source=TEXT,
    type=TEXT,
    subject=st.none() | TEXT,
    time=st.none() | TIMES,
    data=OBJECT.map(lambda data: json.dumps(data).encode()),
    dataschema=st.none() | TEXT,
    correlationid=st.none() | TEXT,
    sequence=st.none() | st.integers(0, 10**9).map(lambda n: f"{n:010d}"),
    traceparent=st.none() | TEXT,
    partitionkey=st.none() | TEXT,
)
NAMES = st.sampled_from(
    ["content-type", "traceparent", "ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time", "CE_Subject", "ce_x"]
)
VALUES = st.binary() | st.sampled_from(
    [
        b"1.0",
        b"application/cloudevents+json",
        b"application/json",
        b"2026-03-02T09:00:00Z",
        b"9999-12-31T23:59:59-23:59",
    ]
)
ANY_JSON = st.recursive(LEAF, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
STRUCTURED_JSON = st.dictionaries(
    st.sampled_from(["specversion", "id", "source", "type", "time", "data", "data_base64", "subject", "sequence"]),
    ANY_JSON | st.sampled_from(["1.0", "x", "2026-03-02T09:00:00Z", "e30="]),
)


def message_or_problems(
    value: bytes | None, headers: list[tuple[str, bytes]]
) -> CloudEvent | Plain | tuple[Fault, ...]:
    try:
        return decode(value, headers)
    except EnvelopeError as error:
        return error.problems


@given(EVENTS)
def test_any_event_is_read_as_it_was_written(event: CloudEvent) -> None:
    headers, value = encode_binary(event)
    assert decode(value, headers) == event


@given(
    st.none() | st.binary() | ANY_JSON.map(lambda v: json.dumps(v).encode()),
    st.lists(st.tuples(NAMES | st.text(), VALUES)),
)
def test_any_bytes_under_any_headers_are_a_message_or_one_typed_error(
    value: bytes | None, headers: list[tuple[str, bytes]]
) -> None:
    message = message_or_problems(value, headers)
    assert message
    if isinstance(message, CloudEvent | Plain):
        assert json.loads(message.data) == message.content


@given(STRUCTURED_JSON)
def test_any_structured_event_is_a_message_or_one_typed_error(event: dict[str, Any]) -> None:
    message = message_or_problems(json.dumps(event).encode(), [("content-type", b"application/cloudevents+json")])
    assert message
    assert not isinstance(message, Plain)


def test_the_sdk_reads_what_we_write() -> None:
    data = {"rfiId": "r-1", "text": "Andalucía"}
    event = CloudEvent(
        id="e-1",
        source="urn:referral-exchange",
        type="referrals.rfi.accepted.v1",
        subject="r-1",
        time=AT + timedelta(microseconds=1),
        data=json.dumps(data).encode(),
        dataschema="urn:referral-exchange:schema:rfi.accepted.v1",
        correlationid="r-1",
        sequence="0000000001",
    )
    headers, value = encode_binary(event)
    read = kafka.from_kafka_event(kafka.KafkaMessage(headers=dict(headers), key=b"r-1", value=value))
    assert (read.get_id(), read.get_source(), read.get_type()) == (event.id, event.source, event.type)
    assert (read.get_subject(), read.get_time(), read.get_dataschema()) == (event.subject, event.time, event.dataschema)
    assert (read.get_extension("correlationid"), read.get_extension("sequence")) == ("r-1", "0000000001")
    assert read.get_data() == data


@pytest.mark.parametrize("write", [kafka.to_binary_event, kafka.to_structured_event])
def test_we_read_what_the_sdk_writes(write: Any) -> None:
    data = {"id": "RFI-1", "company": "Clínica Levante"}
    attributes = {
        "id": "e-1",
        "source": "urn:example:marketing",
        "type": "referrals.rfi.submitted.v1",
        "specversion": "1.0",
        "datacontenttype": "application/json",
        "subject": "RFI-1",
        "time": AT,
        "sequence": "1",
        "partitionkey": "RFI-1",
    }
    message = write(SdkEvent(attributes, data))
    event = decode(message.value, tuple(message.headers.items()))
    assert isinstance(event, CloudEvent)
    assert (event.id, event.source, event.type) == ("e-1", "urn:example:marketing", "referrals.rfi.submitted.v1")
    assert (event.subject, event.time, event.sequence, event.partitionkey) == ("RFI-1", AT, "1", "RFI-1")
    assert event.content == data
