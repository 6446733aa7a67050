"""Is every form of envelope read, is every damaged one told, and can a refused record be sent again?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.errors import CommandInvalid, Problem
from services.core.ports import Record
from services.core.rfi import Rfi
from services.core.stores import Refusal
from services.intake.handler import DEFAULT_SOURCE, refusal_of
from services.intake.replay import replay
from services.intake.submission import MAX_BYTES, WIRE_TYPE, Submission, read_submission
from services.intake.validate import validate
from tests.builders import SOURCE, START
from tests.submissions import record_of, regions, rfi_json, submitted_record

BINARY = {"ce_specversion": "1.0", "ce_id": "e1", "ce_source": "urn:crm", "ce_type": WIRE_TYPE}
STRUCTURED = {"content-type": "application/cloudevents+json; charset=utf-8"}


def event(**overrides: Any) -> dict[str, Any]:
    base = {"specversion": "1.0", "id": "e1", "source": "urn:crm", "type": WIRE_TYPE, "data": rfi_json()}
    return base | overrides


def read(record: Record) -> Submission:
    return read_submission(record.value, record.headers, DEFAULT_SOURCE)


def codes(sent: Submission) -> set[tuple[str, str]]:
    return {(p.field, p.code) for p in sent.problems}


@pytest.mark.parametrize(
    ("record", "source"),
    [
        (submitted_record(rfi_json(), headers={}), DEFAULT_SOURCE),
        (submitted_record(rfi_json(), headers={"X-Referrals-Source": " urn:crm "}), "urn:crm"),
        (submitted_record(rfi_json(), headers=BINARY), "urn:crm"),
        (submitted_record(event(), headers=STRUCTURED), "urn:crm"),
        (submitted_record(orjson.dumps(rfi_json()).ljust(MAX_BYTES), headers={}), DEFAULT_SOURCE),
    ],
)
def test_plain_binary_and_structured_records_are_read(record: Record, source: str) -> None:
    sent = read(record)
    assert (sent.source, sent.data, sent.problems, sent.publisher_id) == (source, rfi_json(), (), "RFI-1")


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (submitted_record(None), ("", "tombstone")),
        (submitted_record(b""), ("", "not_json")),
        (submitted_record(b"{"), ("", "not_json")),
        (submitted_record(b"\xff\xfe"), ("", "not_json")),
        (submitted_record(b" " * (MAX_BYTES + 1)), ("", "too_large")),
        (submitted_record(b"[" * 500 + b"]" * 500), ("", "too_deep")),
        (submitted_record(event(data={"a": [[[]]] * 30}, source=""), headers=STRUCTURED), ("/source", "required")),
        (
            submitted_record(rfi_json(), headers=BINARY | {"ce_type": "order.placed"}),
            ("header:ce_type", "unknown_type"),
        ),
        (submitted_record(rfi_json(), headers=BINARY | {"ce_source": "s" * 600}), ("header:ce_source", "too_long")),
        (submitted_record(rfi_json(), headers={"x-referrals-source": ""}), ("header:x-referrals-source", "source")),
        (submitted_record(rfi_json(), headers={"x-referrals-source": "a\tb"}), ("header:x-referrals-source", "source")),
    ],
)
def test_a_damaged_envelope_is_told(record: Record, expected: tuple[str, str]) -> None:
    assert codes(read(record)) == {expected}


def test_a_deep_structured_event_is_refused_and_breaks_nothing() -> None:
    deep = b'{"specversion":"1.0","id":"1","source":"s","type":"t","data":' + b"[" * 400 + b"]" * 400 + b"}"
    assert codes(read(submitted_record(deep, headers=STRUCTURED))) == {("", "too_deep")}


def test_brackets_in_texts_are_no_nesting() -> None:
    assert read(submitted_record(rfi_json(need__description='[{"\\' * 100))).problems == ()


def test_the_data_under_a_damaged_envelope_is_still_read() -> None:
    sent = read(submitted_record(rfi_json(), headers={"ce_id": "e1", "ce_specversion": "1.0", "ce_type": WIRE_TYPE}))
    assert codes(sent) == {("header:ce_source", "required")}
    assert (sent.readable, sent.data) == (True, rfi_json())


def test_data_stays_out_of_logs() -> None:
    assert "molina" not in repr(read(submitted_record(rfi_json())))


headers = st.lists(
    st.tuples(
        st.sampled_from(["ce_id", "ce_source", "ce_type", "ce_specversion", "content-type", "x-referrals-source", "x"]),
        st.binary(max_size=12) | st.sampled_from([b"1.0", b"application/cloudevents+json", WIRE_TYPE.encode()]),
    ),
    max_size=6,
)
values = (
    st.none()
    | st.binary(max_size=200)
    | st.recursive(
        st.none() | st.integers() | st.text(max_size=5), lambda x: st.lists(x) | st.dictionaries(st.text(max_size=5), x)
    ).map(lambda data: orjson.dumps(data) if not isinstance(data, int) or abs(data) < 2**63 else b"0")
)


@given(st.none() | st.binary(max_size=200), headers)
def test_any_bytes_under_any_headers_are_an_rfi_or_have_problems(
    value: bytes | None, given_headers: list[tuple[str, bytes]]
) -> None:
    sent = read_submission(value, given_headers, DEFAULT_SOURCE)
    if sent.readable:
        result = validate(sent.data, sent.source or "", START, regions())
        assert isinstance(result, Rfi) or result
    else:
        assert sent.problems


def refusal(record: Record, source: str | None = SOURCE, *problems: Problem) -> Refusal:
    return refusal_of(record, source, "RFI-1", problems or (Problem("/id", "missing", "is required"),), START)


def test_a_replay_of_the_original_keeps_key_headers_and_value() -> None:
    record = submitted_record(rfi_json(), headers=BINARY)
    message = replay(refusal(record, "urn:crm"), None)
    assert (message.topic, message.key, message.value) == (record.topic, "key", record.value)
    assert read(record_of(message)) == read(record)
    assert ("x-referrals-replay-of", refusal(record).id.encode()) in message.headers


@pytest.mark.parametrize("original", [BINARY, STRUCTURED, {"ce_id": "?"}, {"x-referrals-source": "urn:crm"}])
def test_a_mended_replay_has_the_source_of_the_original_without_its_faulty_envelope(original: dict[str, str]) -> None:
    message = replay(refusal(submitted_record(b"{", headers=original), "urn:crm"), orjson.dumps(rfi_json()))
    sent = read(record_of(message))
    assert (sent.source, sent.data, sent.problems) == ("urn:crm", rfi_json(), ())


def test_a_mended_structured_event_is_sent_as_one() -> None:
    message = replay(refusal(submitted_record(b"{", headers=STRUCTURED), None), orjson.dumps(event(source="urn:new")))
    assert read(record_of(message)).source == "urn:new"


def test_a_replay_of_a_replay_names_one_refusal() -> None:
    first = replay(refusal(submitted_record(b"{")), b"[")
    second = replay(refusal(record_of(first, offset=9)), None)
    assert [v for n, v in second.headers if n == "x-referrals-replay-of"] == [
        refusal(record_of(first, offset=9)).id.encode()
    ]


def test_an_original_that_is_gone_cannot_be_replayed_as_it_was() -> None:
    gone = refusal(replace(submitted_record(None), key=b"\xff", headers=()))
    with pytest.raises(CommandInvalid, match="give the mended RFI"):
        replay(gone, None)
    assert replay(gone, orjson.dumps(rfi_json())).key == "RFI-1"
