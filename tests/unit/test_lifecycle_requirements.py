"""Does a command that lacks something, or says something impossible, get every problem at once, by field?"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core import commands as c
from services.core.codes import DECLINE_ONLY, CloseReason, ErrorReason, PolicyName, Timeframe
from services.core.errors import CommandInvalid
from services.core.requirements import TEAM_LIMIT, problems_of
from services.core.rfi import Money
from tests.builders import make_person, make_referral
from tests.journeys import BY, LATER, accept, at, decline, do, euros, lose, win

TODAY = LATER.date()
LONG = "x" * 4001


def money(amount: str, currency: str = "EUR") -> Money:
    return Money(amount=Decimal(amount), currency=currency)


FAULTS: list[tuple[str, c.Command, set[tuple[str, str]]]] = [
    (
        "accept-empty",
        c.Accept(by=BY),
        {("/engagementName", "required"), ("/dealValue", "required"), ("/closingDate", "required")},
    ),
    ("accept-blank-name", accept(engagement_name=" \t"), {("/engagementName", "required")}),
    ("accept-long-name", accept(engagement_name="x" * 201), {("/engagementName", "too_long")}),
    ("accept-zero", accept(deal_value=money("0")), {("/dealValue/amount", "not_positive")}),
    ("accept-nan", accept(deal_value=money("NaN")), {("/dealValue/amount", "not_positive")}),
    ("accept-snan", accept(deal_value=money("sNaN")), {("/dealValue/amount", "not_positive")}),
    ("accept-huge", accept(deal_value=money("1e15")), {("/dealValue/amount", "too_large")}),
    ("accept-infinite", accept(deal_value=money("Infinity")), {("/dealValue/amount", "not_positive")}),
    ("accept-precise", accept(deal_value=money("1.00001")), {("/dealValue/amount", "too_precise")}),
    (
        "accept-two-money-faults",
        accept(deal_value=money("-1", "euro")),
        {("/dealValue/amount", "not_positive"), ("/dealValue/currency", "invalid")},
    ),
    ("accept-currency-case", accept(deal_value=money("1", "eur")), {("/dealValue/currency", "invalid")}),
    ("accept-past", accept(closing_date=TODAY - timedelta(days=2)), {("/closingDate", "in_the_past")}),
    (
        "accept-notes",
        accept(notes=LONG + "\x00", crm_id="x" * 101),
        {("/notes", "too_long"), ("/notes", "control_character"), ("/crmId", "too_long")},
    ),
    ("accept-bidi", accept(engagement_name="Deal \u202etxt"), {("/engagementName", "control_character")}),
    (
        "accept-team",
        accept(team=(make_person(), make_person(email="nobody", phone="955 00", first_name=" "))),
        {("/team/1/email", "invalid"), ("/team/1/phone", "invalid"), ("/team/1/firstName", "required")},
    ),
    ("decline-no-reason", c.Decline(by=BY), {("/reason", "required")}),
    ("decline-other", decline(reason=CloseReason.OTHER, notes="  "), {("/notes", "required")}),
    ("decline-long", c.Decline(by=BY, notes=LONG), {("/reason", "required"), ("/notes", "too_long")}),
    ("error-no-reason", c.CloseAsError(by=BY), {("/reason", "required")}),
    ("error-other", c.CloseAsError(by=BY, reason=ErrorReason.OTHER), {("/notes", "required")}),
    ("edit-nothing", c.Edit(by=BY), {("", "required")}),
    ("edit-blank-name", c.Edit(by=BY, engagement_name=""), {("/engagementName", "required")}),
    (
        "edit-past-and-value",
        c.Edit(by=BY, closing_date=date(2020, 1, 1), deal_value=money("-5")),
        {("/closingDate", "in_the_past"), ("/dealValue/amount", "not_positive")},
    ),
    ("contact", c.AddContact(by=BY, person=make_person(email="a@b@c")), {("/person/email", "invalid")}),
    ("win-empty", c.Win(by=BY), {("/finalValue", "required"), ("/closedOn", "required")}),
    ("win-future", win(closed_on=TODAY + timedelta(days=2)), {("/closedOn", "in_the_future")}),
    (
        "win-value",
        win(final_value=money("0", "")),
        {("/finalValue/amount", "not_positive"), ("/finalValue/currency", "invalid")},
    ),
    ("lose-no-reason", c.Lose(by=BY), {("/reason", "required")}),
    ("lose-other", lose(reason=CloseReason.OTHER), {("/notes", "required")}),
    *((f"lose-{reason}", lose(reason=reason), {("/reason", "not_allowed")}) for reason in sorted(DECLINE_ONLY)),
]


@pytest.mark.parametrize(("command", "expected"), [pytest.param(*f[1:], id=f[0]) for f in FAULTS])
def test_every_fault_is_named_by_its_field(command: c.Command, expected: set[tuple[str, str]]) -> None:
    new = isinstance(command, c.Accept | c.Decline | c.CloseAsError)
    referral = at(PolicyName.STANDARD, "received" if new else "accepted")
    with pytest.raises(CommandInvalid) as refusal:
        do(referral, command)
    assert {(problem.field, problem.code) for problem in refusal.value.problems} == expected
    assert all(problem.message for problem in refusal.value.problems)


@pytest.mark.parametrize("reason", [reason for reason in CloseReason if reason is not CloseReason.OTHER])
def test_every_reason_but_other_declines_without_notes(reason: CloseReason) -> None:
    declined = do(make_referral(), decline(reason=reason))
    assert declined.details.reason == reason.value


def test_other_with_notes_is_enough() -> None:
    declined = do(make_referral(), decline(reason=CloseReason.OTHER, notes=" We move house "))
    assert declined.details.reason_notes == "We move house"


def test_a_time_frame_stands_in_for_the_closing_date_and_the_reverse() -> None:
    by_frame = do(make_referral(), accept(timeframe=Timeframe.UNKNOWN, closing_date=None))
    by_date = do(make_referral(), accept(timeframe=None, closing_date=TODAY))
    assert (by_frame.details.timeframe, by_date.details.closing_date) == (Timeframe.UNKNOWN, TODAY)


def test_today_is_never_refused_wherever_the_partner_sits() -> None:
    late = LATER.replace(hour=23)
    tomorrow_in_auckland = late.date() + timedelta(days=1)
    won = do(at(PolicyName.STANDARD, "accepted"), win(closed_on=tomorrow_in_auckland), late)
    early = LATER.replace(hour=1)
    yesterday_in_hawaii = early.date() - timedelta(days=1)
    accepted = do(make_referral(), accept(closing_date=yesterday_in_hawaii), early)
    assert (won.details.closing_date, accepted.details.closing_date) == (tomorrow_in_auckland, yesterday_in_hawaii)


def test_a_team_has_a_limit_that_the_same_person_does_not_use_up() -> None:
    team = tuple(make_person(email=f"p{n}@partner1.example") for n in range(TEAM_LIMIT))
    full = do(make_referral(), accept(team=team))
    renamed = do(full, c.AddContact(by=BY, person=make_person(email="P3@partner1.example", first_name="Olga")))
    assert [person.first_name for person in renamed.team].count("Olga") == 1
    assert len(renamed.team) == TEAM_LIMIT
    with pytest.raises(CommandInvalid, match="at most 20 contacts"):
        do(full, c.AddContact(by=BY, person=make_person(email="one.more@partner1.example")))


@given(
    amount=st.decimals(allow_nan=True, allow_infinity=True),
    currency=st.text(max_size=5),
    name=st.text(max_size=210),
    day=st.dates(),
)
def test_no_odd_value_makes_the_check_itself_fail(amount: Decimal, currency: str, name: str, day: date) -> None:
    value = Money(amount=amount, currency=currency)
    person = make_person(email=name, phone=name, first_name=name)
    command = accept(engagement_name=name, deal_value=value, closing_date=day, team=(person,))
    problems = problems_of(command, make_referral(), LATER)
    assert len(problems) == len({problem.as_tuple() for problem in problems})


def test_the_edge_of_what_may_be_said_is_allowed() -> None:
    value = money("999999999999999.9999")
    accepted = do(make_referral(), accept(engagement_name="x" * 200, notes="x" * 4000, deal_value=value))
    assert accepted.details.deal_value == value
    assert do(make_referral(), accept(deal_value=euros("0.0001"))).status == "Active"


@pytest.mark.parametrize("by", ["", "sara@partner1.example", "root", "partners:1"])
def test_an_actor_without_a_known_role_is_a_bug_of_the_caller(by: str) -> None:
    with pytest.raises(ValueError, match="must begin with one of customer, operator, partner, system"):
        c.Open(by=by)
