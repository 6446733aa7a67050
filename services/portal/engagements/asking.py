"""Which command does a wanted change come to? One change of state, one edit, one more contact, or nothing.

What the life cycle forbids is not decided here: the command is made, and whoever carries it out refuses it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import date
from typing import Any

from services.core import commands as c
from services.core.codes import ErrorReason, Status, Substatus
from services.core.errors import Problem
from services.core.referral import Referral
from services.core.requirements import problems_of
from services.portal.engagements.differences import Case, crm_after, edit_of, money_of
from services.portal.engagements.errors import Faulty
from services.portal.engagements.spelling import STATUS_OF, close_reason, close_reasons, error_reason, substatus_of
from services.portal.engagements.wanted import Sent, Wanted
from services.portal.judging import beneath

_UNPROCESSABLE = 422
#: Where the core's fields stand in the contract.
_POINTERS = (
    ("/engagementName", "/name"),
    ("/dealValue/currency", "/details/currency"),
    ("/dealValue", "/details/dealValue"),
    ("/finalValue/currency", "/details/currency"),
    ("/finalValue", "/details/dealValue"),
    ("/closingDate", "/details/closingDateTime"),
    ("/closedOn", "/details/closingDateTime"),
    ("/notes", "/details/notes"),
    ("/crmId", "/externalReferenceId"),
    ("/reason", "/statusReason"),
    ("/program", "/referralProgram"),
    ("/solutions", "/details/requirements/solutions"),
    ("/customerTeam", "/customerProfile/team"),
    ("/person", "/team"),
    ("/team", "/team"),
)
#: Where the fields of an edit stand in the contract.
_EDITED = {
    "engagement_name": "/name",
    "deal_value": "/details/dealValue",
    "closing_date": "/details/closingDateTime",
    "notes": "/details/notes",
    "crm_id": "/externalReferenceId",
    "team": "/team",
    "crm": "/salesStage",
}
_VALUE: dict[str, Any] = {"deal_value": None, "currency": None, "closing_date": None}
_ANSWER: dict[str, Any] = {"status": None, "substatus": None, "reason": None, "notes": None}


def command_for(case: Case, sent: Sent) -> c.Command | None:
    """The command that makes of the referral what is wanted; None if it is so already.

    Raises:
        Faulty: with every problem, in the contract's places: 400 if something can't be read, else 422.
    """
    hidden = {problem.field for problem in sent.problems}
    command, found = _judged(case, sent.wanted, hidden)
    problems = [each for each in found if not beneath(each.field, hidden) and (sent.whole or each.code != "required")]
    if sent.problems:
        raise Faulty([*sent.problems, *problems])
    if problems:
        raise Faulty(problems, _UNPROCESSABLE)
    return command


def _judged(case: Case, wanted: Wanted, hidden: Collection[str]) -> tuple[c.Command | None, list[Problem]]:
    """The command, and what is wrong with it. Where the state wanted can't be told, all else is judged as an edit."""
    problems = list(_contradictions(case.referral, wanted))
    if problems or "/substatus" in hidden or ("/status" in hidden and wanted.substatus is None):
        wanted = replace(wanted, status=None, substatus=None, reason=None)
    command = _command(case, wanted, problems)
    if command is not None:
        known = {problem.field for problem in problems}
        found = map(in_contract, problems_of(command, case.referral, case.now))
        problems += [each for each in found if each.field not in known]
    return command, problems


def in_contract(problem: Problem) -> Problem:
    """The problem at its place in the contract."""
    for ours, theirs in _POINTERS:
        if problem.field == ours or problem.field.startswith(f"{ours}/"):
            rest = problem.field.removeprefix(ours).removesuffix("/amount")
            if rest.endswith("/phone"):
                rest += "Number"
            return Problem(theirs + rest, problem.code, problem.message)
    return problem


def _contradictions(referral: Referral, wanted: Wanted) -> Iterator[Problem]:
    """States that nobody can ask for."""
    target = _target(referral, wanted)
    if target is None:
        yield Problem("/substatus", "required", "say how it was closed: Won, Lost, Declined or Error")
    elif wanted.status is not None and wanted.substatus is not None and STATUS_OF[wanted.substatus] != wanted.status:
        there = ", ".join(each.value for each, status in STATUS_OF.items() if status is wanted.status)
        yield Problem("/substatus", "contradiction", f"status {wanted.status.value} goes with {there}")
    elif target is substatus_of(referral):
        return
    elif target is Substatus.EXPIRED:
        yield Problem("/substatus", "not_allowed", "only the exchange lets a referral expire; decline it instead")
    elif target is Substatus.PENDING or (target is Substatus.RECEIVED and referral.status is not Status.NEW):
        yield Problem("/status", "not_allowed", "a referral does not become New again; undo the decision in time")


def _target(referral: Referral, wanted: Wanted) -> Substatus | None:
    """The substatus wanted; None if a closed one is wanted without saying how."""
    if wanted.substatus is not None:
        return wanted.substatus
    if wanted.status in {None, referral.status}:
        return substatus_of(referral)
    return {Status.ACTIVE: Substatus.ACCEPTED, Status.NEW: Substatus.RECEIVED}.get(wanted.status or referral.status)


def _command(case: Case, wanted: Wanted, problems: list[Problem]) -> c.Command | None:
    target = _target(case.referral, wanted)
    if target is substatus_of(case.referral):
        return edit_of(case, wanted)
    if target is Substatus.ACCEPTED:
        return _accept(case, wanted)
    if target is Substatus.RECEIVED:
        problems += _dropped(case, wanted)
        return c.Open(by=case.by)
    if target is Substatus.WON:
        problems += _dropped(case, replace(wanted, **_VALUE, **_ANSWER))
        return c.Win(
            by=case.by,
            final_value=money_of(case.referral, wanted),
            closed_on=_closed_on(case, wanted),
            notes=wanted.notes or None,
        )
    problems += _dropped(case, replace(wanted, **_ANSWER))
    return _close(case, target, wanted, problems)


def _close(case: Case, target: Substatus | None, wanted: Wanted, problems: list[Problem]) -> c.Command:
    by, notes = case.by, wanted.notes or None
    if target is Substatus.ERROR:
        error = error_reason(wanted.reason or "")
        if wanted.reason and error is None:
            listed = ", ".join(each.value for each in ErrorReason)
            problems.append(Problem("/statusReason", "unknown", f"must be one of {listed}"))
        return c.CloseAsError(by=by, reason=error, notes=notes)
    lost = target is Substatus.LOST
    reason = close_reason(wanted.reason or "", lost=lost)
    if wanted.reason and reason is None:
        problems.append(Problem("/statusReason", "unknown", f"must be one of {close_reasons(lost=lost)}"))
    return c.Lose(by=by, reason=reason, notes=notes) if lost else c.Decline(by=by, reason=reason, notes=notes)


def _accept(case: Case, wanted: Wanted) -> c.Accept:
    return c.Accept(
        by=case.by,
        engagement_name=wanted.name if wanted.name is not None else case.referral.title,
        deal_value=money_of(case.referral, wanted),
        closing_date=wanted.closing_date,
        notes=wanted.notes or None,
        crm_id=wanted.crm_id or None,
        team=(*(wanted.team or ()), *wanted.team_added),
        crm=crm_after(case, wanted),
    )


def _closed_on(case: Case, wanted: Wanted) -> date:
    """The day named, else today; an estimate sent back as it was, still to come, is not the day of the closing."""
    today, named = case.now.date(), wanted.closing_date
    if named is None or (named == case.referral.details.closing_date and named > today):
        return today
    return named


def _dropped(case: Case, wanted: Wanted) -> Iterator[Problem]:
    """What else would change but can't with this change of state: nothing asked for is dropped silently."""
    rest = edit_of(case, wanted)
    fields = ["team"] if isinstance(rest, c.AddContact) else [f for f in _EDITED if getattr(rest, f, None) is not None]
    for field in fields:
        yield Problem(_EDITED[field], "not_now", "can't be changed in the same request as this status; send it before")
