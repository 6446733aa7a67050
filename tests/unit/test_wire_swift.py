"""Is the short way of reading and writing events the same as the long one, whatever is in a record?"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.envelope import CloudEvent, encode_binary
from services.adapters import wire, wire_swift
from services.adapters.wire_envelope import SCHEMAS, SOURCE, TYPES, sequence_text
from services.core.creation import created_event, routed_event
from services.core.errors import Invalid
from services.core.events import Event, EventType
from services.core.ports import Record
from services.core.rfi import Routing
from tests.builders import START, make_chosen, make_referral, make_rfi

WRITTEN = [created_event(make_referral()), routed_event(make_rfi(routing=Routing(at=START, chosen=(make_chosen(1),))))]
IDS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=60)
EVENTS = st.builds(
    replace,
    st.sampled_from(WRITTEN),
    id=IDS,
    subject=IDS,
    rfi_id=IDS,
    at=st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - gets a zone
    sequence=st.integers(0, 10**17),
)


def record_of(event: Event) -> Record:
    out = wire.outgoing(event)
    return Record(
        topic=out.topic, partition=0, offset=1, timestamp=START, key=b"k", value=out.value, headers=out.headers
    )


def read(record: Record) -> Event | type[Invalid]:
    try:
        return wire.event_of(record)
    except Invalid as error:
        return type(error)


def the_long_way(record: Record) -> Event | type[Invalid]:
    """One header more, which means nothing, and the short way does not know the record."""
    return read(replace(record, headers=(*record.headers, ("x-nothing", b""))))


@given(event=EVENTS)
def test_an_event_is_written_as_any_other_message(event: Event) -> None:
    name = event.type.value
    headers, _ = encode_binary(
        CloudEvent(
            id=event.id,
            source=SOURCE,
            type=TYPES[name],
            subject=event.subject,
            time=event.at,
            data=b"{}",
            dataschema=SCHEMAS[name],
            correlationid=event.rfi_id,
            sequence=sequence_text(event.sequence),
        )
    )
    assert wire.outgoing(event).headers == headers


@given(event=EVENTS)
def test_what_was_written_is_read_both_ways(event: Event) -> None:
    record = record_of(event)
    assert wire.event_of(record) == event == the_long_way(record)
    assert wire_swift.read(record, wire.FORMS) == event


ODD = [
    b"",
    b" ",
    b"\x00",
    "ñ".encode(),
    b"\xff",
    b"x" * 1025,
    b"2026-03-02T09:00:00+02:00",
    b"2026-13-02T09:00:00Z",
    b"-1",
    b"\xc2\xb2",
    b"9" * 19,
    b"application/cloudevents+json",
    b"referrals.referral.created.v2",
]


@pytest.mark.parametrize("position", range(10))
@pytest.mark.parametrize("value", ODD, ids=repr)
def test_odd_headers_are_read_as_the_long_way_reads_them(position: int, value: bytes) -> None:
    record = record_of(WRITTEN[0])
    headers = list(record.headers)
    headers[position] = (headers[position][0], value)
    odd = replace(record, headers=tuple(headers))
    assert read(odd) == the_long_way(odd)


@pytest.mark.parametrize("value", [None, b"", b"[]", b"{}", b"{", b"null", b'{"referralId": 1}'], ids=repr)
def test_odd_data_is_read_as_the_long_way_reads_it(value: bytes | None) -> None:
    odd = replace(record_of(WRITTEN[0]), value=value)
    assert read(odd) == the_long_way(odd)


@given(data=st.data())
def test_headers_that_are_missing_doubled_or_elsewhere_are_read_as_the_long_way_reads_them(data: Any) -> None:
    record = record_of(WRITTEN[0])
    headers = tuple(data.draw(st.lists(st.sampled_from(record.headers), max_size=12)))
    odd = replace(record, headers=headers)
    assert read(odd) == the_long_way(odd)


def test_an_instant_in_another_zone_is_written_in_utc() -> None:
    there = START.astimezone(ZoneInfo("Europe/Madrid"))
    assert wire.outgoing(replace(WRITTEN[0], at=there)).headers == wire.outgoing(WRITTEN[0]).headers
    assert wire.event_of(record_of(replace(WRITTEN[0], at=START + timedelta(hours=1)))).at == START + timedelta(hours=1)


def test_only_known_types_are_read() -> None:
    assert {form.type for form in wire.FORMS.values()} <= set(EventType)
