"""Who was quicker? To whom somebody who came too late with an answer lost, as it may be told.

People are named to their own partner alone. Of a customer and an operator the side is told, never who it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from services.core.account_stores import UserStore
from services.core.codes import Substatus
from services.core.commands import role_of
from services.core.errors import TransitionRefused
from services.core.events import EventType
from services.core.referral import HistoryEntry, Referral


class Side(StrEnum):
    """Whose decision it was."""

    CUSTOMER = "customer"
    DEADLINE = "deadline"
    #: Nobody answered in time.
    PARTNER = "partner"
    #: A person or a program of the partner that the referral belongs to.
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Winner:
    """Who made the referral what it is. `name` is a colleague's, `id` too; programs and other sides have none."""

    side: Side
    id: str | None = None
    name: str | None = None


class Beaten(TransitionRefused):
    """A command that was refused because somebody else was quicker."""

    def __init__(self, refused: TransitionRefused, winner: Winner) -> None:
        self.winner = winner
        super().__init__(
            refused.command,
            refused.status,
            refused.substatus,
            refused.since,
            subject=refused.subject,
            hint=refused.hint,
        )


_EVENTS = {
    Substatus.ACCEPTED: EventType.ACCEPTED,
    Substatus.DECLINED: EventType.DECLINED,
    Substatus.WON: EventType.WON,
    Substatus.LOST: EventType.LOST,
    Substatus.WITHDRAWN: EventType.WITHDRAWN,
    Substatus.ERROR: EventType.ERROR_CLOSED,
}


def decision_of(referral: Referral) -> HistoryEntry | None:
    """The line of history that made the referral what it is; None while it is New, or when the line is too old."""
    event = _EVENTS.get(referral.substatus)
    # The first version wrote an event's whole type.
    spellings = (event.value, f"referrals.{event.value}.v1") if event is not None else ()
    return next((entry for entry in reversed(referral.history) if entry.what in spellings), None)


def winner_of(referral: Referral, names: Mapping[str, str]) -> Winner | None:
    """Who made the referral what it is.

    Args:
        referral: as it is now.
        names: of the people of its partner, by their ids; of nobody else.
    """
    if referral.substatus is Substatus.EXPIRED:
        return Winner(Side.DEADLINE)
    decided = decision_of(referral)
    if decided is None:
        return None
    id_ = decided.by.partition(":")[2]
    match role_of(decided.by):
        case "partner":
            return Winner(Side.PARTNER, id_, names[id_]) if id_ in names else Winner(Side.PARTNER)
        case "customer":
            return Winner(Side.CUSTOMER)
        case "operator":
            return Winner(Side.OPERATOR)
        case _:
            return None


async def beaten(users: UserStore, referral: Referral, refused: TransitionRefused) -> TransitionRefused:
    """The refusal with who won, if somebody did.

    Raises:
        DependencyUnavailable: the database does not answer.
    """
    decided = decision_of(referral)
    names: dict[str, str] = {}
    if decided is not None and role_of(decided.by) == "partner":
        found = await users.load([decided.by.partition(":")[2]], partner_id=referral.partner_id)
        names = {id_: user.name for id_, user in found.items()}
    winner = winner_of(referral, names)
    return refused if winner is None else Beaten(refused, winner)
