"""What does a command leave behind of what the partner said: the deal's details, and its own people on it?"""

from __future__ import annotations

from dataclasses import replace

from services.core import commands as c
from services.core.codes import CloseReason
from services.core.referral import Details, Referral
from services.core.rfi import Person


def details_after(details: Details, command: c.Command) -> Details:
    """What is known of the deal once the command is done."""
    match command:
        case c.Accept() | c.Edit():
            return _said(details, command)
        case c.Decline() | c.Lose() | c.CloseAsError():
            reason = command.reason.value if command.reason is not None else None
            return replace(details, reason=reason, reason_notes=_trimmed(command.notes))
        case c.NoThanks():
            return replace(details, reason=CloseReason.OTHER.value)
        case c.Withdraw():
            return replace(details, reason=command.reason.value if command.reason is not None else None)
        case c.Win():
            won = replace(details, deal_value=command.final_value, closing_date=command.closed_on)
            return won if command.notes is None else replace(won, notes=_trimmed(command.notes))
        case _:
            return details


def team_after(team: tuple[Person, ...], command: c.Command) -> tuple[Person, ...]:
    """The partner's people on the deal once the command is done; one entry for each mail address."""
    if isinstance(command, c.Edit):
        return team if command.team is None else command.team
    if isinstance(command, c.AddContact):
        added: tuple[Person, ...] = (command.person,)
    elif isinstance(command, c.Accept):
        added = command.team
    else:
        return team
    # One entry for each address: the same person sent again must not stand there twice.
    people = {person.email.casefold(): person for person in (*team, *added)}
    return tuple(people.values())


def says_nothing_new(referral: Referral, command: c.Command) -> bool:
    """True if details and team stay as they are."""
    same_details = details_after(referral.details, command) == referral.details
    return same_details and team_after(referral.team, command) == referral.team


def _said(details: Details, command: c.Accept | c.Edit) -> Details:
    return replace(
        details,
        engagement_name=_trimmed(command.engagement_name) or details.engagement_name,
        deal_value=command.deal_value or details.deal_value,
        closing_date=command.closing_date or details.closing_date,
        timeframe=command.timeframe or details.timeframe,
        notes=details.notes if command.notes is None else _trimmed(command.notes),
        crm_id=details.crm_id if command.crm_id is None else _trimmed(command.crm_id),
        crm=command.crm or details.crm,
    )


def _trimmed(text: str | None) -> str | None:
    return (text.strip() or None) if text is not None else None
