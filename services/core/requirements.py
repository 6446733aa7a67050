"""Does a command say everything it must, and nothing impossible? Every problem at once, by field."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal

from services.core import commands as c
from services.core.codes import DECLINE_ONLY, CloseReason, ErrorReason
from services.core.errors import Problem
from services.core.referral import CrmFields, Referral
from services.core.rfi import Money, Person

#: Longest texts, in characters.
NAME_LENGTH = 200
NOTES_LENGTH = 4000
CRM_ID_LENGTH = 100
#: Most people of the partner on one referral.
TEAM_LIMIT = 20
#: Most solutions named with one deal.
SOLUTIONS_LIMIT = 50

_MOST = Decimal(10) ** 15
_DECIMALS = 4
# Somewhere on earth it is already (or still) this date: a partner's "today" is never refused.
_EASTMOST, _WESTMOST = timedelta(hours=14), timedelta(hours=-12)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_CURRENCY = re.compile(r"[A-Z]{3}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_PHONE = re.compile(r"\+[1-9][0-9]{4,14}")


def problems_of(command: c.Command, referral: Referral, now: datetime) -> tuple[Problem, ...]:
    """Everything that is missing or wrong; empty when the command can be done. `now` tells past from future."""
    match command:
        case c.Accept():
            found = _accept(command, referral, now)
        case c.Edit():
            found = _edit(command, now)
        case c.AddContact():
            found = _team((command.person,), referral.team, "/person")
        case c.Win():
            found = _win(command, now)
        case c.Decline() | c.Lose() | c.CloseAsError():
            found = _reason(command)
        case _:
            return ()
    return tuple(found)


def _accept(command: c.Accept, referral: Referral, now: datetime) -> Iterator[Problem]:
    if command.engagement_name is None or not command.engagement_name.strip():
        yield Problem("/engagementName", "required", "give the deal a name")
    if command.deal_value is None:
        yield Problem("/dealValue", "required", "give the estimated value of the deal with its currency")
    if command.closing_date is None and command.timeframe is None:
        yield Problem("/closingDate", "required", "give an estimated closing date, or a time frame")
    yield from _said(command, now)
    yield from _team(command.team, referral.team, "/team")


def _edit(command: c.Edit, now: datetime) -> Iterator[Problem]:
    said = (command.engagement_name, command.closing_date, command.timeframe, command.deal_value, command.team)
    if all(value is None for value in (*said, command.notes, command.crm_id, command.crm)):
        yield Problem("", "required", "name at least one field to change")
    if command.engagement_name is not None and not command.engagement_name.strip():
        yield Problem("/engagementName", "required", "a deal must have a name; leave the field out to keep it")
    yield from _said(command, now)
    yield from _team(command.team or (), (), "/team")


def _said(command: c.Accept | c.Edit, now: datetime) -> Iterator[Problem]:
    """Problems of the fields that accept and edit share, as far as they are given."""
    yield from text_problems("/engagementName", command.engagement_name, NAME_LENGTH)
    yield from _money("/dealValue", command.deal_value)
    if command.closing_date is not None and command.closing_date < _today(now, _WESTMOST):
        yield Problem("/closingDate", "in_the_past", "the estimated closing date cannot lie in the past")
    yield from text_problems("/notes", command.notes, NOTES_LENGTH)
    yield from text_problems("/crmId", command.crm_id, CRM_ID_LENGTH)
    if command.crm is not None:
        yield from _crm(command.crm)


def _crm(crm: CrmFields) -> Iterator[Problem]:
    yield from text_problems("/campaignId", crm.campaign_id, CRM_ID_LENGTH)
    yield from text_problems("/program", crm.program, CRM_ID_LENGTH)
    if len(crm.solutions) > SOLUTIONS_LIMIT:
        yield Problem("/solutions", "too_many", f"name at most {SOLUTIONS_LIMIT} solutions")
    for index, solution in enumerate(crm.solutions):
        yield from text_problems(f"/solutions/{index}", solution, CRM_ID_LENGTH)
    yield from _team(crm.customer_team, (), "/customerTeam")


def _win(command: c.Win, now: datetime) -> Iterator[Problem]:
    if command.final_value is None:
        yield Problem("/finalValue", "required", "give the final value of the deal with its currency")
    yield from _money("/finalValue", command.final_value)
    if command.closed_on is None:
        yield Problem("/closedOn", "required", "give the date on which the deal was closed")
    elif command.closed_on > _today(now, _EASTMOST):
        yield Problem("/closedOn", "in_the_future", "a won deal cannot have been closed in the future")
    yield from text_problems("/notes", command.notes, NOTES_LENGTH)


def _reason(command: c.Decline | c.Lose | c.CloseAsError) -> Iterator[Problem]:
    if command.reason is None:
        yield Problem("/reason", "required", "say why, with one of the reasons of the list")
    elif isinstance(command, c.Lose) and command.reason in DECLINE_ONLY:
        yield Problem("/reason", "not_allowed", "this is a reason to decline; say why the deal was lost")
    blank = command.notes is None or not command.notes.strip()
    if blank and command.reason in (CloseReason.OTHER, ErrorReason.OTHER):
        yield Problem("/notes", "required", "the reason 'other' needs notes that say which")
    yield from text_problems("/notes", command.notes, NOTES_LENGTH)


def _money(field: str, money: Money | None) -> Iterator[Problem]:
    if money is None:
        return
    amount = money.amount
    if not amount.is_finite() or amount <= 0:
        yield Problem(f"{field}/amount", "not_positive", "give an amount greater than zero")
    elif amount >= _MOST:
        yield Problem(f"{field}/amount", "too_large", "give an amount below 1,000,000,000,000,000")
    elif amount != round(amount, _DECIMALS):
        yield Problem(f"{field}/amount", "too_precise", f"give an amount with at most {_DECIMALS} decimals")
    if not _CURRENCY.fullmatch(money.currency):
        yield Problem(f"{field}/currency", "invalid", "give the currency as three capital letters, for example EUR")


def text_problems(field: str, text: str | None, longest: int) -> Iterator[Problem]:
    """Whether a text is too long (`longest` in characters) or holds what cannot be seen."""
    if text is None:
        return
    if len(text) > longest:
        yield Problem(field, "too_long", f"shorten it to {longest} characters")
    if _CONTROL.search(text):
        yield Problem(field, "control_character", "remove characters that cannot be seen")


def _team(people: tuple[Person, ...], there: tuple[Person, ...], field: str) -> Iterator[Problem]:
    known = {person.email.casefold() for person in (*there, *people)}
    if len(known) > TEAM_LIMIT:
        yield Problem(field, "too_many", f"name at most {TEAM_LIMIT} contacts")
    for index, person in enumerate(people):
        at = field if field == "/person" else f"{field}/{index}"
        yield from person_problems(at, person)


def person_problems(at: str, person: Person) -> Iterator[Problem]:
    """What is wrong with a person's names, mail address and phone, below the pointer `at`."""
    for field, name in (("firstName", person.first_name), ("lastName", person.last_name)):
        if not name.strip():
            yield Problem(f"{at}/{field}", "required", "give the name")
        yield from text_problems(f"{at}/{field}", name, NAME_LENGTH)
    if not _EMAIL.fullmatch(person.email):
        yield Problem(f"{at}/email", "invalid", "give a mail address, for example name@company.example")
    if person.phone is not None and not _PHONE.fullmatch(person.phone):
        yield Problem(f"{at}/phone", "invalid", "give the phone number with its country code, for example +34955000001")


def _today(now: datetime, offset: timedelta) -> date:
    return (now + offset).date()
