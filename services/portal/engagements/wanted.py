"""What does a caller want a referral to become? Values read from JSON, each problem noted by its pointer.

PATCH and PUT give the same value: `Wanted`, in which None means "leave it".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from services.core.codes import SalesStage, Status, Substatus
from services.core.errors import Problem
from services.core.rfi import Person
from services.portal.engagements.spelling import SUBSTATUSES, status_of, wire_substatus

#: Longest text that is read; how long each may be is the core's to say.
TEXT_LIMIT = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The fields that a partner may set. `team_added` and `customer_added` come on top of what is there."""

    status: Status | None = None
    substatus: Substatus | None = None
    reason: str | None = None
    name: str | None = None
    crm_id: str | None = None
    campaign_id: str | None = None
    program: str | None = None
    sales_stage: SalesStage | None = None
    favourite: bool | None = None
    closing_date: date | None = None
    currency: str | None = None
    deal_value: Decimal | None = None
    notes: str | None = None
    solutions: tuple[str, ...] | None = None
    solutions_added: tuple[str, ...] = ()
    share: bool | None = None
    team: tuple[Person, ...] | None = None
    team_added: tuple[Person, ...] = ()
    customer_team: tuple[Person, ...] | None = None
    customer_added: tuple[Person, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What a caller sent: what could be read of it, and what is wrong with the rest."""

    wanted: Wanted
    #: Each in the place of its field, where a field is meant.
    problems: tuple[Problem, ...] = ()
    #: Whether all fields that are meant are known: else what is missing may be among the others.
    whole: bool = True


class Wrong(Exception):
    """A value can't be read: which rule, and what to do. `below` leads from the field to the value."""

    def __init__(self, code: str, message: str, below: str = "") -> None:
        self.code, self.message, self.below = code, message, below
        super().__init__(message)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise Wrong("not_text", "must be a text")
    if len(value) > TEXT_LIMIT:
        raise Wrong("too_long", f"shorten it to {TEXT_LIMIT} characters")
    return value


def _clearable(value: Any) -> str:
    """A text that null clears."""
    return "" if value is None else _text(value)


def _reason(value: Any) -> str:
    # Partner Center numbers its reasons.
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else _text(value)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Wrong("not_boolean", "must be true or false")
    return value


def _status(value: Any) -> Status:
    found = status_of(_text(value))
    if found is None:
        raise Wrong("unknown", "must be New, Active or Closed")
    return found


def _substatus(value: Any) -> Substatus:
    found = wire_substatus(_text(value))
    if found is None:
        raise Wrong("unknown", f"must be one of {', '.join(SUBSTATUSES)}")
    return found


def _sales_stage(value: Any) -> SalesStage:
    text = _text(value).lower()
    for stage in SalesStage:
        if stage.value.lower() == text:
            return stage
    raise Wrong("unknown", f"must be one of {', '.join(SalesStage)}")


def _amount(value: Any) -> Decimal:
    # Clients of the contract send amounts as numbers and as texts.
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise Wrong("not_number", "must be a number")
    try:
        amount = Decimal(str(value)[:40].strip())
    except InvalidOperation:
        raise Wrong("not_number", "must be a number, for example 10000 or 10000.50") from None
    if not amount.is_finite():
        raise Wrong("not_number", "must be a finite number")
    return amount


def _currency(value: Any) -> str:
    return _text(value).strip().upper()


def _day(value: Any) -> date:
    text = _text(value).strip()
    try:
        if len(text) == len("2026-03-02"):
            return date.fromisoformat(text)
        at = datetime.fromisoformat(text)
        # The day that its writer means, in the writer's own offset.
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).date()
    except ValueError:
        raise Wrong("not_a_date", "must be a date, for example 2026-05-01 or 2026-05-01T00:00:00Z") from None


def _solution(value: Any) -> str:
    return _text(value.get("id") if isinstance(value, Mapping) else value).strip()


def read_person(value: Any) -> Person:
    """Somebody, from the contract's form; what each part must look like is the core's to say.

    Raises:
        Wrong: it is none.
    """
    if not isinstance(value, Mapping):
        raise Wrong("not_an_object", "must be an object with firstName, lastName and email")
    parts: dict[str, str] = {}
    for name in ("firstName", "lastName", "email", "phoneNumber"):
        try:
            parts[name] = _clearable(value.get(name)).strip()
        except Wrong as wrong:
            raise Wrong(wrong.code, wrong.message, f"/{name}") from None
    preference = value.get("contactPreference")
    locale = preference.get("locale") if isinstance(preference, Mapping) else None
    language = locale.partition("-")[0].lower() if isinstance(locale, str) else ""
    return Person(
        first_name=parts["firstName"],
        last_name=parts["lastName"],
        email=parts["email"],
        phone=parts["phoneNumber"] or None,
        language=language if language in {"en", "es"} else "en",
    )


def _list_of(read: Callable[[Any], Any]) -> Callable[[Any], tuple[Any, ...]]:
    def read_all(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise Wrong("not_a_list", "must be a list")
        found = []
        for index, each in enumerate(value):
            try:
                found.append(read(each))
            except Wrong as wrong:
                raise Wrong(wrong.code, wrong.message, f"/{index}{wrong.below}") from None
        return tuple(found)

    return read_all


def _one(read: Callable[[Any], Any]) -> Callable[[Any], tuple[Any, ...]]:
    return lambda value: (read(value),)


#: JSON pointer -> (field of Wanted, how it is read). Nothing else can be changed.
FIELDS: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    "/status": ("status", _status),
    "/substatus": ("substatus", _substatus),
    "/statusReason": ("reason", _reason),
    "/name": ("name", _text),
    "/externalReferenceId": ("crm_id", _clearable),
    "/campaignId": ("campaign_id", _clearable),
    "/referralProgram": ("program", _clearable),
    "/salesStage": ("sales_stage", _sales_stage),
    "/favorite": ("favourite", _flag),
    "/team": ("team", _list_of(read_person)),
    "/team/-": ("team_added", _one(read_person)),
    "/customerProfile/team": ("customer_team", _list_of(read_person)),
    "/customerProfile/team/-": ("customer_added", _one(read_person)),
    "/details/closingDateTime": ("closing_date", _day),
    "/details/currency": ("currency", _currency),
    "/details/dealValue": ("deal_value", _amount),
    "/details/notes": ("notes", _clearable),
    "/details/requirements/solutions": ("solutions", _list_of(_solution)),
    "/details/requirements/solutions/-": ("solutions_added", _one(_solution)),
    "/consent/consentToShareReferralWithMicrosoftSellers": ("share", _flag),
}

#: Fields that several operations of one patch add to.
_GROWING = frozenset({"team_added", "customer_added", "solutions_added"})


def with_value(wanted: Wanted, pointer: str, value: Any, at: str, problems: list[Problem]) -> Wanted:
    """`wanted` with the value at a pointer; what can't be read goes to `problems`, with `at` as its place."""
    field, read = FIELDS[pointer]
    try:
        read_value = read(value)
    except Wrong as wrong:
        problems.append(Problem(f"{at}{wrong.below}", wrong.code, wrong.message))
        return wanted
    if field in _GROWING:
        read_value = (*getattr(wanted, field), *read_value)
    return replace(wanted, **{field: read_value})
