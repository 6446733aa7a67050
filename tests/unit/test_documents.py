"""Documents keep what values say, to the last digit and character."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import bson.json_util
import pytest
from bson import Decimal128
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.adapters.mongo.documents import JOBS, PARTNERS, PROFILES, PUBLISHERS, REFERRALS, RFIS, through_bson
from services.adapters.mongo.encoding import NAIVE
from services.core.codes import Status
from services.core.events import Event, EventType
from services.core.mail import SendJob
from services.core.partner import Partner, Profile
from services.core.referral import Referral, Timers
from services.core.rfi import Money, Person, Rfi
from services.core.stores import Publisher
from tests.builders import START, make_place, make_profile, make_referral, make_rfi

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
FIRST, LAST = START.replace(year=1970), START.replace(year=2200)
INSTANTS = st.integers(0, int((LAST - FIRST).total_seconds() * 1000)).map(lambda ms: FIRST + timedelta(milliseconds=ms))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.from_regex(r"[a-zA-Z]{1,8}", fullmatch=True), inner),
    max_leaves=6,
)

SCALARS: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXTS,
    bool: st.booleans(),
    int: st.integers(0, 2**40),
    float: st.floats(allow_nan=False),
    datetime: INSTANTS,
    date: st.dates(FIRST.date(), LAST.date()),
    Decimal: st.decimals(min_value=0, max_value=10**15, places=4, allow_nan=False),
}


def values_of(kind: type[Any]) -> st.SearchStrategy[Any]:
    """Any value of a dataclass, every field drawn by its type."""
    return st.builds(kind, **{name: _drawn(hint) for name, hint in get_type_hints(kind).items()})


def _drawn(hint: Any) -> st.SearchStrategy[Any]:
    arguments = get_args(hint)
    if get_origin(hint) is tuple:
        return st.lists(_drawn(arguments[0]), max_size=2).map(tuple)
    if type(None) in arguments:
        return st.none() | st.one_of(*(_drawn(each) for each in arguments if each is not type(None)))
    if getattr(get_origin(hint), "__name__", "") == "Mapping":
        return st.dictionaries(st.from_regex(r"[a-zA-Z]{1,8}", fullmatch=True), JSON, max_size=3)
    if hasattr(hint, "__dataclass_fields__"):
        return st.deferred(lambda: values_of(hint))
    return SCALARS[hint] if hint in SCALARS else st.sampled_from(hint)


CODECS = {Rfi: RFIS, Referral: REFERRALS, Partner: PARTNERS, Profile: PROFILES, SendJob: JOBS, Publisher: PUBLISHERS}
#: Made once: making them takes longer than drawing from them.
VALUES = {kind: values_of(kind) for kind in CODECS}


@pytest.mark.parametrize("kind", CODECS, ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_every_value_comes_back_from_bson_as_it_was_with_zones_and_without(
    kind: type[Any], data: st.DataObject
) -> None:
    # Both ways of reading in one test: to draw a value takes far longer than to write and read it.
    value, codec = data.draw(VALUES[kind]), CODECS[kind]
    doc = codec.to_doc(value)  # type: ignore[attr-defined]
    assert codec.from_doc(through_bson(doc)) == value  # type: ignore[attr-defined]
    naive = bson.decode(bson.encode(doc, codec_options=NAIVE), NAIVE)
    (read,) = codec.by_id_of_naive([naive]).values()  # type: ignore[attr-defined]
    assert read == value


def test_instants_keep_milliseconds() -> None:
    rfi = make_rfi(accepted_at=START.replace(microsecond=123_999))
    assert RFIS.as_stored(rfi).accepted_at == START.replace(microsecond=123_000)


def test_fields_of_a_newer_version_are_ignored() -> None:
    doc = REFERRALS.to_doc(make_referral())
    doc |= {"invented": 1, "place": {**doc["place"], "planet": "Earth"}}
    assert REFERRALS.from_doc(through_bson(doc)) == make_referral()


def test_a_document_that_lacks_what_a_referral_must_have_is_not_read() -> None:
    doc = REFERRALS.to_doc(make_referral())
    del doc["partner_id"]
    with pytest.raises(ValidationError, match="partner_id"):
        REFERRALS.from_doc(doc)


def test_what_is_absent_takes_no_room() -> None:
    doc = REFERRALS.to_doc(make_referral(timers=Timers(), place=make_place(city=None)))
    assert not {"accepted_at", "closed_at", "undo", "next_due_at"} & doc.keys()
    assert doc["timers"] == {}
    assert "city" not in doc["place"]


def test_nothing_within_facts_is_left_out() -> None:
    event = Event(
        id="e",
        type=EventType.NO_MATCH,
        subject="s",
        rfi_id="r",
        at=START,
        sequence=1,
        facts={"because": None, "deep": [{"n": None}]},
    )
    assert REFERRALS.as_stored(make_referral(outbox=(event,))).outbox == (event,)


def test_the_earliest_timer_and_openness_are_there_for_indexes() -> None:
    referral = make_referral()
    doc = REFERRALS.to_doc(referral)
    assert (doc["next_due_at"], doc["open"]) == (referral.timers.remind_at, True)
    assert "open" not in REFERRALS.to_doc(replace(referral, status=Status.CLOSED))
    assert PROFILES.to_doc(make_profile())["unpublished"] is True


def test_a_thing_that_bson_cannot_say_is_refused() -> None:
    with pytest.raises(TypeError, match="cannot be stored"):
        through_bson({"_id": "x", "thing": object()})


def test_money_is_kept_exactly() -> None:
    person, amount = Person(first_name="A", last_name="B", email="a@b.example"), Decimal("0.1000")
    referral = make_referral(
        team=(person,), details=replace(make_referral().details, deal_value=Money(amount=amount, currency="EUR"))
    )
    stored = REFERRALS.as_stored(referral).details.deal_value
    assert stored is not None
    assert str(stored.amount) == "0.1000"


def test_a_document_that_the_first_version_wrote_is_read() -> None:
    golden = Path(__file__).parents[1] / "golden" / "referral.first.json"
    doc = bson.json_util.loads(golden.read_text())
    referral = REFERRALS.from_doc(doc)
    assert (referral.status, referral.details.crm_id, referral.details.closing_date) == (
        Status.ACTIVE,
        "CRM-1",
        date(2026, 5, 1),
    )
    assert (referral.size, referral.channel, referral.keywords, referral.budget) == (None, None, (), None)
    assert (referral.customer_key, referral.details.crm) == (None, None)


def test_lists_find_amounts_as_numbers_and_marks_before_the_words() -> None:
    doc = through_bson(REFERRALS.to_doc(make_referral()))
    assert doc["worth"] == {"amount": Decimal128("40000"), "currency": "EUR"}
    marks, _, words = doc["search"].partition("\n")
    assert marks.startswith("|ES|ES-AN|51to250employees|marketing|")
    assert words.startswith("migrate our servers to the cloud aceites del sur cloud migration")
