"""The envelope: what is written is read again in every mode, and every kind of damage is told, all of it."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from schemas.envelope import CloudEvent, EnvelopeError, Headers, Plain, decode, encode_binary

AT = datetime(2026, 3, 2, 9, 0, 0, 250_000, tzinfo=UTC)
DATA = b'{"rfiId":"r-1"}'
EVENT = CloudEvent(
    id="e-1",
    source="urn:referral-exchange",
    type="referrals.rfi.accepted.v1",
    subject="r-1",
    time=AT,
    data=DATA,
    dataschema="urn:referral-exchange:schema:rfi.accepted.v1",
    correlationid="r-1",
    sequence="0000000001",
    traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    partitionkey="r-1",
)
NEEDED: Headers = (("ce_specversion", b"1.0"), ("ce_id", b"e-1"), ("ce_source", b"urn:x"), ("ce_type", b"t.v1"))
STRUCTURED: Headers = (("content-type", b"application/cloudevents+json"),)


def structured(**members: object) -> bytes:
    event = {"specversion": "1.0", "id": "e-1", "source": "urn:x", "type": "t.v1", "data": {"a": 1}} | members
    return json.dumps({name: value for name, value in event.items() if value is not ...}).encode()


def faults(value: bytes | None, headers: Headers) -> set[tuple[str, str]]:
    with pytest.raises(EnvelopeError) as caught:
        decode(value, headers)
    assert all(problem.message for problem in caught.value.problems)
    return {(problem.field, problem.code) for problem in caught.value.problems}


def with_header(name: str, value: bytes) -> Headers:
    return (*(header for header in NEEDED if header[0] != name), (name, value))


def test_an_event_is_read_as_it_was_written() -> None:
    headers, value = encode_binary(EVENT)
    read = decode(value, headers)
    assert read == EVENT
    assert isinstance(read, CloudEvent)
    assert read.content == {"rfiId": "r-1"}


def test_attributes_that_are_not_set_are_not_sent() -> None:
    headers, _ = encode_binary(CloudEvent(id="1", source="s", type="t", data=b"{}"))
    assert [name for name, _ in headers] == ["content-type", "ce_specversion", "ce_id", "ce_source", "ce_type"]


def test_instants_are_sent_in_utc_and_never_without_a_zone() -> None:
    here = timezone(timedelta(hours=1))
    headers, _ = encode_binary(CloudEvent(id="1", source="s", type="t", data=b"{}", time=AT.astimezone(here)))
    assert dict(headers)["ce_time"] == b"2026-03-02T09:00:00.250000Z"
    with pytest.raises(ValueError, match="time zone"):
        encode_binary(CloudEvent(id="1", source="s", type="t", data=b"{}", time=AT.replace(tzinfo=None)))


@pytest.mark.parametrize(
    "content_type",
    ["application/cloudevents+json", "Application/CloudEvents+JSON", "application/cloudevents+json; charset=UTF-8"],
)
def test_the_content_type_says_structured_in_any_spelling_and_beats_the_headers(content_type: str) -> None:
    headers = (("Content-Type", content_type.encode()), ("ce_id", b"another"), ("ce_type", b"\xff"))
    event = decode(structured(subject="s", time="2026-03-02T10:00:00.25+01:00", sequence=7), headers)
    assert isinstance(event, CloudEvent)
    assert (event.id, event.subject, event.time, event.sequence) == ("e-1", "s", AT, "7")
    assert event.content == {"a": 1}
    assert json.loads(event.data) == {"a": 1}


def test_structured_data_may_come_in_base64() -> None:
    encoded = base64.b64encode(DATA).decode()
    event = decode(structured(data=..., data_base64=encoded), STRUCTURED)
    assert isinstance(event, CloudEvent)
    assert (event.data, event.content) == (DATA, {"rfiId": "r-1"})


def test_json_without_an_envelope_is_plain_whatever_else_the_headers_say() -> None:
    headers = (("content-type", b"text/plain"), ("traceparent", b"00-a-b-01"), ("source", b"\xff"), ("X-Note", b"n"))
    assert decode(b'[{"a":1}]', headers) == Plain(b'[{"a":1}]', [{"a": 1}], "00-a-b-01")


def test_header_names_are_read_in_any_case_and_a_trace_without_prefix_counts() -> None:
    headers = tuple((name.upper(), value) for name, value in NEEDED)
    event = decode(b"{}", (*headers, ("traceparent", b"00-a-b-01")))
    assert isinstance(event, CloudEvent)
    assert event.traceparent == "00-a-b-01"


def test_personal_data_stays_out_of_repr_and_out_of_words() -> None:
    secret = b'{"email":"ana@example.org"}'
    assert "ana@" not in repr(decode(secret, NEEDED)) + repr(decode(secret, ()))
    with pytest.raises(EnvelopeError) as caught:
        decode(b'{"email":"ana@example.org"', (*NEEDED, ("ce_time", b"ana@example.org")))
    assert "ana@" not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "headers", "expected"),
    [
        (None, (), {("", "tombstone")}),
        (None, (("ce_id", b"\xff"),), {("", "tombstone"), ("header:ce_id", "not_utf8")}),
        (b"", (), {("", "not_json")}),
        (b"\xff\xfe", (), {("", "not_json")}),
        (b'{"a":NaN}', NEEDED, {("", "not_json")}),
        (b"{}", (("content-type", b"\xff"),), {("header:content-type", "not_utf8")}),
        (b"{}", with_header("ce_type", b"\xc3\x28"), {("header:ce_type", "not_utf8")}),
        (b"{}", with_header("ce_subject", b"\xff"), {("header:ce_subject", "not_utf8")}),
        (b"{}", (*NEEDED, ("CE_ID", b"e-2")), {("header:ce_id", "duplicate")}),
        (b"{}", with_header("ce_id", b""), {("header:ce_id", "required")}),
        (b"{}", with_header("ce_specversion", b"0.3"), {("header:ce_specversion", "unsupported_version")}),
        (b"{}", with_header("ce_id", b"a\x00b"), {("header:ce_id", "control_characters")}),
        (b"{}", with_header("ce_source", b"x" * 1025), {("header:ce_source", "too_long")}),
        (b"{}", with_header("ce_time", b"yesterday"), {("header:ce_time", "not_an_instant")}),
        (b"{}", with_header("ce_time", b"2026-03-02T09:00:00"), {("header:ce_time", "not_an_instant")}),
        (b"{}", with_header("ce_time", b"2026-13-02T09:00:00Z"), {("header:ce_time", "not_an_instant")}),
        (b"{}", with_header("ce_time", b"0001-01-01T00:00:00+23:59"), {("header:ce_time", "not_an_instant")}),
        (
            b"{",
            (("ce_type", b"t"), ("ce_time", b"-")),
            {
                ("", "not_json"),
                ("header:ce_specversion", "required"),
                ("header:ce_id", "required"),
                ("header:ce_source", "required"),
                ("header:ce_time", "not_an_instant"),
            },
        ),
        (
            b"[]",
            (("content-type", b"application/cloudevents-batch+json"),),
            {("header:content-type", "unsupported_format")},
        ),
        (
            b"\x00",
            (("content-type", b"application/cloudevents+avro"),),
            {("header:content-type", "unsupported_format")},
        ),
        (b"{", STRUCTURED, {("", "not_json")}),
        (b"[1]", STRUCTURED, {("", "not_an_object")}),
        (structured(data=...), STRUCTURED, {("/data", "data_required")}),
        (structured(data=None), STRUCTURED, {("/data", "data_required")}),
        (structured(data_base64="e30="), STRUCTURED, {("/data", "data_required")}),
        (structured(data=..., data_base64="%"), STRUCTURED, {("/data_base64", "not_base64")}),
        (structured(data=..., data_base64=7), STRUCTURED, {("/data_base64", "not_base64")}),
        (structured(data=..., data_base64="ew=="), STRUCTURED, {("/data_base64", "not_json")}),
        (
            structured(id=["e"], type=True, source={}),
            STRUCTURED,
            {("/id", "not_text"), ("/type", "not_text"), ("/source", "not_text")},
        ),
        (structured(specversion=..., time=0), STRUCTURED, {("/specversion", "required"), ("/time", "not_an_instant")}),
        (structured(data=json.loads("[" * 300 + "]" * 300)), STRUCTURED, {("/data", "too_deep")}),
    ],
)
def test_damage_is_told_by_place_and_code_all_of_it(
    value: bytes | None, headers: Headers, expected: set[tuple[str, str]]
) -> None:
    assert faults(value, headers) == expected
