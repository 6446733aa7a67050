"""Which command does a form of the referral page stand for? Every problem at once, of reading and of the rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from services.core import commands as c
from services.core.codes import CloseReason, ErrorReason, Timeframe
from services.core.errors import Problem
from services.core.referral import Referral
from services.core.requirements import problems_of
from services.core.rfi import Money, Person
from services.portal.pages.fields import amount_of, date_of, name_of
from services.wording.words import Words

E = TypeVar("E", bound=StrEnum)

#: A problem of the whole amount is shown at the field where one begins to mend it.
_SHOWN_AT = {"/dealValue": "/dealValue/amount", "/finalValue": "/finalValue/amount", "": "/engagementName"}
#: Where the person of a form that names one stands in the command's problems.
_PERSONS = {"/team/0": "/person"}
#: Where the form of an accept takes people: each where the command's problems say, but the first one.
_PEOPLE = ("/person", "/team/1", "/team/2")
_PERSON = ("firstName", "lastName", "email", "phone")


@dataclass(slots=True)
class Entered:
    """A form being read: what stands in it, and what is wrong so far."""

    values: Mapping[str, str]
    words: Words
    problems: list[Problem]

    def text(self, pointer: str) -> str:
        """A text, without blanks around it."""
        return self.values.get(name_of(pointer), "").strip()

    def some(self, pointer: str) -> str | None:
        """A text, None when empty."""
        return self.text(pointer) or None

    def money(self, pointer: str) -> Money | None:
        """An amount with its currency, None when there is no amount."""
        amount = amount_of(self.values, f"{pointer}/amount", self.problems, self.words)
        return Money(amount=amount, currency=self.text(f"{pointer}/currency").upper()) if amount is not None else None

    def one_of(self, pointer: str, kind: type[E]) -> E | None:
        """A value of a closed list, None when empty or none of it."""
        text = self.text(pointer)
        return kind(text) if text in set(kind) else None

    def person(self, pointer: str) -> Person | None:
        """A person, None when every field is empty."""
        given = {name: self.text(f"{pointer}/{name}") for name in _PERSON}
        if not any(given.values()):
            return None
        phone = "".join(given["phone"].split()) or None
        return Person(first_name=given["firstName"], last_name=given["lastName"], email=given["email"], phone=phone)


def _accept(entered: Entered, by: str) -> c.Command:
    return c.Accept(
        by=by,
        engagement_name=entered.some("/engagementName"),
        deal_value=entered.money("/dealValue"),
        closing_date=date_of(entered.values, "/closingDate", entered.problems),
        timeframe=entered.one_of("/timeframe", Timeframe),
        notes=entered.some("/notes"),
        crm_id=entered.some("/crmId"),
        team=tuple(person for at in _PEOPLE if (person := entered.person(at)) is not None),
    )


def _edit(entered: Entered, by: str) -> c.Command:
    return c.Edit(
        by=by,
        engagement_name=entered.text("/engagementName"),
        deal_value=entered.money("/dealValue"),
        closing_date=date_of(entered.values, "/closingDate", entered.problems),
        timeframe=entered.one_of("/timeframe", Timeframe),
        # Empty text clears them.
        notes=entered.text("/notes"),
        crm_id=entered.text("/crmId"),
    )


def _contact(entered: Entered, by: str) -> c.Command:
    nobody = Person(first_name="", last_name="", email="")
    return c.AddContact(by=by, person=entered.person("/person") or nobody)


def _win(entered: Entered, by: str) -> c.Command:
    closed_on = date_of(entered.values, "/closedOn", entered.problems)
    return c.Win(by=by, final_value=entered.money("/finalValue"), closed_on=closed_on, notes=entered.some("/notes"))


def _decline(entered: Entered, by: str) -> c.Command:
    return c.Decline(by=by, reason=entered.one_of("/reason", CloseReason), notes=entered.some("/notes"))


def _lose(entered: Entered, by: str) -> c.Command:
    return c.Lose(by=by, reason=entered.one_of("/reason", CloseReason), notes=entered.some("/notes"))


def _error(entered: Entered, by: str) -> c.Command:
    return c.CloseAsError(by=by, reason=entered.one_of("/reason", ErrorReason), notes=entered.some("/notes"))


@dataclass(frozen=True, slots=True)
class Answer:
    """One thing that a partner can do on the page: how its form is read, and what is said when it is done."""

    read: Callable[[Entered, str], c.Command]
    notice: str


#: By the last part of the address that the form is posted to.
ANSWERS: Mapping[str, Answer] = {
    "accept": Answer(_accept, "accepted"),
    "decline": Answer(_decline, "declined"),
    "interest": Answer(lambda _, by: c.ShowInterest(by=by), "interested"),
    "no-thanks": Answer(lambda _, by: c.NoThanks(by=by), "declined"),
    "edit": Answer(_edit, "edited"),
    "contact-person": Answer(_contact, "contact-added"),
    "won": Answer(_win, "won"),
    "lost": Answer(_lose, "lost"),
    "error": Answer(_error, "error"),
    "undo": Answer(lambda _, by: c.Undo(by=by), "undone"),
}


def moved_up(values: Mapping[str, str]) -> Mapping[str, str]:
    """What was entered with no empty fieldset before a person, so that each stands where its problems are shown."""
    filled = [at for at in _PEOPLE if any(values.get(name_of(f"{at}/{part}"), "").strip() for part in _PERSON)]
    if filled == list(_PEOPLE[: len(filled)]):
        return values
    empty = [at for at in _PEOPLE if at not in filled]
    places = [(to, at, part) for to, at in zip(_PEOPLE, filled + empty, strict=True) for part in _PERSON]
    return {**values, **{name_of(f"{to}/{part}"): values.get(name_of(f"{at}/{part}"), "") for to, at, part in places}}


def read_answer(answer: Answer, values: Mapping[str, str], words: Words, by: str) -> tuple[c.Command, list[Problem]]:
    """The command, and what could not be read of it."""
    entered = Entered(values, words, [])
    command = answer.read(entered, by)
    return command, entered.problems


def every_problem(unread: Sequence[Problem], command: c.Command, referral: Referral, now: datetime) -> list[Problem]:
    """What could not be read, and what the rules say of the rest; nothing is said twice of one field."""
    found = [*unread, *(_at_its_field(each) for each in problems_of(command, referral, now))]
    first: dict[str, Problem] = {}
    for problem in found:
        first.setdefault(problem.field, problem)
    return list(first.values())


def in_order(problems: Sequence[Problem], values: Mapping[str, str]) -> list[Problem]:
    """The problems in the order of the form's fields, which is that of what browsers send."""
    places = {name: place for place, name in enumerate(values)}
    return sorted(problems, key=lambda problem: places.get(name_of(problem.field), len(places)))


def _at_its_field(problem: Problem) -> Problem:
    for written, shown in _PERSONS.items():
        if problem.field.startswith(written):
            return Problem(shown + problem.field.removeprefix(written), problem.code, problem.message)
    shown = _SHOWN_AT.get(problem.field, problem.field)
    if shown == problem.field:
        return problem
    # The words belong to the field of the rules: they say what the whole amount is for.
    return Problem(shown, f"{problem.field.strip('/') or 'nothing'}_{problem.code}", problem.message)


def proposed(referral: Referral, budget: Money | None, timeframe: Timeframe, now: datetime) -> dict[str, str]:
    """What a form of this referral begins with."""
    details = referral.details
    value = details.deal_value or budget
    name = details.engagement_name or f"{referral.company}: {referral.title}"[:200]
    frame = details.timeframe or (timeframe if timeframe is not Timeframe.UNKNOWN else None)
    return {
        "engagementName": name,
        "dealValue.amount": _plain(value),
        "dealValue.currency": value.currency if value else "EUR",
        "finalValue.amount": _plain(value),
        "finalValue.currency": value.currency if value else "EUR",
        "closingDate": details.closing_date.isoformat() if details.closing_date else "",
        "timeframe": frame.value if frame else "",
        "closedOn": now.date().isoformat(),
        "notes": details.notes or "",
        "crmId": details.crm_id or "",
    }


def _plain(value: Money | None) -> str:
    return f"{value.amount.normalize():f}" if value else ""


def without_notes(values: Mapping[str, str]) -> dict[str, str]:
    """For forms whose notes say something else than the deal's."""
    return {name: value for name, value in values.items() if name != "notes"}
