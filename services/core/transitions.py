"""Which command is allowed where, and what comes of it? The one table of the life cycle, for both policies.

What is not in the table is refused. Everything else of the life cycle (fields, undo, events) hangs on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from services.core import commands as c
from services.core.codes import PolicyName, Stage, Status, Substatus
from services.core.events import EventType
from services.core.referral import Referral


class Where(Enum):
    """The places a referral can stand at, as far as commands are concerned."""

    PENDING = "standard New/Pending"
    RECEIVED = "standard New/Received"
    CLASSIC_PENDING = "classic New/Pending"
    CLASSIC_RECEIVED = "classic New/Received"
    EVALUATING = "classic Evaluating"
    ACTIVE = "Active"
    ACTIVE_UNDOABLE = "Active, the accept can be undone"
    CLOSED_UNDOABLE = "Closed, the decision can be undone"
    WITHDRAWN = "Closed/Withdrawn"
    CLOSED = "Closed for good"


@dataclass(frozen=True, slots=True)
class Effect:
    """The state a command leads to and the event it causes."""

    status: Status
    substatus: Substatus
    stage: Stage
    event: EventType


class Special(Enum):
    """Effects that are not a step to a fixed state."""

    UNCHANGED = "nothing changes"
    FINAL = "the state stays and can't be undone any more"
    RESTORED = "back to the state before the decision"


_RECEIVED = Effect(Status.NEW, Substatus.RECEIVED, Stage.NEW, EventType.RECEIVED)
_INTERESTED = Effect(Status.NEW, Substatus.RECEIVED, Stage.EVALUATING, EventType.INTERESTED)
_ACCEPTED = Effect(Status.ACTIVE, Substatus.ACCEPTED, Stage.ACTIVE, EventType.ACCEPTED)
_EDITED = Effect(Status.ACTIVE, Substatus.ACCEPTED, Stage.ACTIVE, EventType.EDITED)
_CONTACT_ADDED = Effect(Status.ACTIVE, Substatus.ACCEPTED, Stage.ACTIVE, EventType.CONTACT_ADDED)
_DECLINED = Effect(Status.CLOSED, Substatus.DECLINED, Stage.ARCHIVED, EventType.DECLINED)
_WON = Effect(Status.CLOSED, Substatus.WON, Stage.ARCHIVED, EventType.WON)
_LOST = Effect(Status.CLOSED, Substatus.LOST, Stage.ARCHIVED, EventType.LOST)
_WITHDRAWN = Effect(Status.CLOSED, Substatus.WITHDRAWN, Stage.ARCHIVED, EventType.WITHDRAWN)
_ERROR = Effect(Status.CLOSED, Substatus.ERROR, Stage.ARCHIVED, EventType.ERROR_CLOSED)
#: Not a command's effect: what the expirer does when nobody answered.
EXPIRED = Effect(Status.CLOSED, Substatus.EXPIRED, Stage.ARCHIVED, EventType.EXPIRED)

_STANDARD_NEW = (Where.PENDING, Where.RECEIVED)
_CLASSIC_NEW = (Where.CLASSIC_PENDING, Where.CLASSIC_RECEIVED)
_NEW = (*_STANDARD_NEW, *_CLASSIC_NEW, Where.EVALUATING)
_ACTIVE = (Where.ACTIVE, Where.ACTIVE_UNDOABLE)

TABLE: Mapping[type[c.Command], Mapping[Where, Effect | Special]] = {
    c.Open: dict.fromkeys(Where, Special.UNCHANGED) | dict.fromkeys((Where.PENDING, Where.CLASSIC_PENDING), _RECEIVED),
    c.ShowInterest: {**dict.fromkeys(_CLASSIC_NEW, _INTERESTED), Where.EVALUATING: Special.UNCHANGED},
    c.NoThanks: dict.fromkeys(_CLASSIC_NEW, _DECLINED),
    c.Accept: dict.fromkeys((*_STANDARD_NEW, Where.EVALUATING), _ACCEPTED),
    c.Decline: dict.fromkeys(_NEW, _DECLINED),
    c.Edit: dict.fromkeys(_ACTIVE, _EDITED),
    c.AddContact: dict.fromkeys(_ACTIVE, _CONTACT_ADDED),
    c.Win: dict.fromkeys(_ACTIVE, _WON),
    c.Lose: dict.fromkeys(_ACTIVE, _LOST),
    c.Withdraw: {
        **dict.fromkeys((*_NEW, *_ACTIVE), _WITHDRAWN),
        # Otherwise an undo could bring back what the customer has withdrawn.
        Where.CLOSED_UNDOABLE: Special.FINAL,
        Where.WITHDRAWN: Special.UNCHANGED,
    },
    c.CloseAsError: dict.fromkeys((*_NEW, *_ACTIVE), _ERROR),
    c.Undo: dict.fromkeys((Where.ACTIVE_UNDOABLE, Where.CLOSED_UNDOABLE), Special.RESTORED),
}

#: Decisions that can be undone, by the name under which the undo remembers them.
UNDOABLE: Mapping[type[c.Command], str] = {
    c.Accept: "accept",
    c.Decline: "decline",
    c.NoThanks: "decline",
    c.Win: "win",
    c.Lose: "lose",
}

_HINTS: Mapping[type[c.Command], Mapping[Where, str]] = {
    c.ShowInterest: dict.fromkeys(_STANDARD_NEW, "accept or decline it"),
    c.NoThanks: dict.fromkeys((*_STANDARD_NEW, Where.EVALUATING), "decline it and say why"),
    c.Accept: {
        **dict.fromkeys(_CLASSIC_NEW, "show interest first"),
        **dict.fromkeys(_ACTIVE, "it is yours already; edit it to change what you said"),
    },
    c.Decline: dict.fromkeys(_ACTIVE, "report it as lost"),
    **dict.fromkeys((c.Edit, c.AddContact, c.Win, c.Lose), dict.fromkeys(_NEW, "accept it first")),
}


def where(referral: Referral) -> Where:
    """The place in the table at which a referral stands."""
    if referral.status is Status.ACTIVE:
        return Where.ACTIVE if referral.undo is None else Where.ACTIVE_UNDOABLE
    if referral.status is Status.CLOSED:
        if referral.undo is not None:
            return Where.CLOSED_UNDOABLE
        return Where.WITHDRAWN if referral.substatus is Substatus.WITHDRAWN else Where.CLOSED
    if referral.stage is Stage.EVALUATING:
        return Where.EVALUATING
    pending = referral.substatus is Substatus.PENDING
    if referral.policy is PolicyName.CLASSIC:
        return Where.CLASSIC_PENDING if pending else Where.CLASSIC_RECEIVED
    return Where.PENDING if pending else Where.RECEIVED


def effect_of(command: c.Command, place: Where) -> Effect | Special | None:
    """What the command leads to at this place; None means that it is refused."""
    return TABLE[type(command)].get(place)


def hint_for(command: c.Command, place: Where) -> str:
    """What to do instead of a refused command, or nothing if nothing helps."""
    if place is Where.CLOSED_UNDOABLE:
        return "undo the decision first"
    return _HINTS.get(type(command), {}).get(place, "")
