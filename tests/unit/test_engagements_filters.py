"""OData filters of the contract: read as they are meant, refused with the place and what would be possible."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.codes import Substatus
from services.core.ids import customer_key
from services.core.listing import AllOf, AnyOf, Comparison, Condition, Field, Op
from services.portal.engagements.errors import Faulty
from services.portal.engagements.filters import DEPTH, read_filter
from services.portal.engagements.spelling import substatus_condition

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
NEW = Comparison(Field.STATUS, Op.EQ, "New")
SINCE = Comparison(Field.UPDATED, Op.GE, AT)
NAMES = {Field.RFI: "engagementId", Field.STATUS: "status", Field.UPDATED: "updatedDateTime"}


def read(text: str) -> Condition:
    return read_filter(text, "P")


def problem(text: str) -> str:
    with pytest.raises(Faulty) as caught:
        read(text)
    (only,) = caught.value.problems
    assert only.field == "$filter"
    return only.message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("status eq 'New'", NEW),
        ("  STATUS  EQ  'new' ", NEW),
        ("(status eq 'New')", NEW),
        ("updatedDateTime ge 2026-03-02T09:00:00Z", SINCE),
        ("updatedDateTime ge '2026-03-02T10:00:00+01:00'", SINCE),
        ("updatedDateTime ge 2026-03-02T09:00:00", SINCE),
        ("engagementId eq 'it''s'", Comparison(Field.RFI, Op.EQ, "it's")),
        ("engagementId eq abc-1", Comparison(Field.RFI, Op.EQ, "abc-1")),
        ("substatus eq 'Won'", Comparison(Field.SUBSTATUS, Op.EQ, "Won")),
        ("substatus ne 'Lost'", substatus_condition(Substatus.LOST, Op.NE)),
        (
            "customerProfile/team/any(t: t/email eq 'Ana@x.example')",
            Comparison(Field.CUSTOMER, Op.EQ, customer_key("P", "ana@x.example")),
        ),
        (
            "customerProfile/team/email ne 'a@b'",
            Comparison(Field.CUSTOMER, Op.NE, customer_key("P", "a@b")),
        ),
        ("status eq 'New' and updatedDateTime ge 2026-03-02T09:00:00Z", AllOf((NEW, SINCE))),
        ("status eq 'New' or status eq 'New' and status eq 'New'", AnyOf((NEW, AllOf((NEW, NEW))))),
        ("(status eq 'New' or status eq 'New') and status eq 'New'", AllOf((AnyOf((NEW, NEW)), NEW))),
    ],
)
def test_a_filter_is_read_as_it_is_meant(text: str, expected: Condition) -> None:
    assert read(text) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name eq 'x'", "`name` at character 1 is no field that can be filtered; there are engagementId"),
        ("status gt 'New'", "only be compared with eq and ne"),
        ("status like 'New'", "expected eq, ne"),
        ("status eq 'Open'", "is no status; there are New"),
        ("substatus eq 'Withdrawn'", "is no substatus; there are Pending"),
        ("updatedDateTime ge yesterday", "is no instant"),
        ("createdDateTime ge '9999-99-99'", "is no instant"),
        ("status eq", "ends too early: expected a value"),
        ("status eq 'New' and", "ends too early"),
        ("status eq 'New' status eq 'New'", "expected `and`, `or` or the end"),
        ("(status eq 'New'", "expected `)`"),
        ("status eq )", "expected a value"),
        ("status eq 'New", "can't be read from character 10 on"),
        ("customerProfile/team/any(t: x/email eq 'a')", "only t/email"),
        ("customerProfile/team/any(t: t/phone eq 'a')", "only t/email"),
        ("'status' eq 'New'", "expected the name of a field"),
        ("status eq 'New'" + " or status eq 'New'" * 50, "at most 50 comparisons"),
        ("(" * (DEPTH + 1), f"at most {DEPTH} deep"),
        ("x" * 2001, "shorten it"),
    ],
)
def test_a_filter_that_cannot_be_read_says_where_and_what_would_be_possible(text: str, words: str) -> None:
    assert words in problem(text)


@given(st.text(max_size=200))
def test_whatever_is_sent_is_read_or_refused(text: str) -> None:
    with suppress(Faulty):
        assert isinstance(read(text), Comparison | AllOf | AnyOf)


comparisons = st.one_of(
    st.builds(Comparison, st.just(Field.RFI), st.sampled_from([Op.EQ, Op.NE]), st.text(max_size=8)),
    st.builds(Comparison, st.just(Field.STATUS), st.just(Op.NE), st.sampled_from(["New", "Closed"])),
    st.builds(Comparison, st.just(Field.UPDATED), st.sampled_from(Op), st.just(AT)),
)


def conditions(inner: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    several = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return several.map(AllOf) | several.map(AnyOf)


def written(condition: Condition) -> str:
    match condition:
        case Comparison(field, op, value):
            text = value.isoformat() if isinstance(value, datetime) else "'" + value.replace("'", "''") + "'"
            return f"{NAMES[field]} {op.value} {text}"
        case AllOf(parts):
            return " and ".join(f"({written(part)})" for part in parts)
        case AnyOf(parts):
            return " or ".join(f"({written(part)})" for part in parts)


@given(st.recursive(comparisons, conditions, max_leaves=8))
def test_what_is_written_is_read_back(condition: Condition) -> None:
    assert read(written(condition)) == condition
