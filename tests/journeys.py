"""How does a test get a referral to any place of its life? By the commands and ticks that lead there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from services.core import commands as c
from services.core.codes import CloseReason, ErrorReason, PolicyName, Timeframe
from services.core.lifecycle import decide
from services.core.policy import POLICIES
from services.core.referral import Referral
from services.core.rfi import Money
from services.core.tick import advance
from tests.builders import START, make_person, make_referral

#: When the journeys' commands are given, and when a window opened then has closed.
LATER = START + timedelta(hours=1)
SETTLED = LATER + timedelta(minutes=6)
BY = "partner:sara@partner1.example"


def euros(amount: int | str = 25000) -> Money:
    """An amount in euros."""
    return Money(amount=Decimal(amount), currency="EUR")


def accept(**overrides: Any) -> c.Accept:
    """A complete accept."""
    said: dict[str, Any] = {
        "engagement_name": "Cloud move",
        "deal_value": euros(),
        "timeframe": Timeframe.WITHIN_60_DAYS,
        "notes": "Call on Tuesday",
    }
    return c.Accept(by=BY, **(said | overrides))


def decline(**overrides: Any) -> c.Decline:
    """A complete decline."""
    said: dict[str, Any] = {"reason": CloseReason.NO_CAPACITY}
    return c.Decline(by=BY, **(said | overrides))


def win(**overrides: Any) -> c.Win:
    """A complete report of a won deal."""
    said: dict[str, Any] = {"final_value": euros(30000), "closed_on": START.date()}
    return c.Win(by=BY, **(said | overrides))


def lose(**overrides: Any) -> c.Lose:
    """A complete report of a lost deal."""
    said: dict[str, Any] = {"reason": CloseReason.BUDGET}
    return c.Lose(by=BY, **(said | overrides))


#: One complete command of each kind.
COMMANDS: dict[str, c.Command] = {
    "open": c.Open(by=BY),
    "interest": c.ShowInterest(by=BY),
    "no_thanks": c.NoThanks(by=BY),
    "accept": accept(),
    "decline": decline(),
    "edit": c.Edit(by=BY, notes="Sent the offer"),
    "add_contact": c.AddContact(by=BY, person=make_person(email="ola@partner1.example")),
    "win": win(),
    "lose": lose(),
    "withdraw": c.Withdraw(by="customer"),
    "error": c.CloseAsError(by=BY, reason=ErrorReason.TEST_REFERRAL),
    "undo": c.Undo(by=BY),
}


def do(referral: Referral, command: c.Command | str, now: datetime = LATER) -> Referral:
    """`decide` with the policy of the referral; a name stands for the command of COMMANDS."""
    asked = COMMANDS[command] if isinstance(command, str) else command
    return decide(referral, asked, now, POLICIES[referral.policy])


def tick(referral: Referral, now: datetime) -> Referral | None:
    """`advance` with the policy of the referral."""
    return advance(referral, now, POLICIES[referral.policy])


def ticked(referral: Referral, now: datetime) -> Referral:
    """`advance` where something must be due."""
    later = tick(referral, now)
    assert later is not None, f"nothing is due at {now}"
    return later


def travel(referral: Referral, *steps: str) -> Referral:
    """The referral after the named commands at LATER; `settle` ends the undo window and `expire` lets it lapse."""
    special: dict[str, Callable[[Referral], Referral]] = {
        "settle": lambda r: ticked(r, SETTLED),
        "expire": lambda r: ticked(r, START + timedelta(days=30)),
    }
    for step in steps:
        referral = special[step](referral) if step in special else do(referral, step)
    return referral


#: The steps to every place of each policy's life.
JOURNEYS: dict[PolicyName, dict[str, tuple[str, ...]]] = {
    PolicyName.STANDARD: {
        "pending": (),
        "received": ("open",),
        "accepted+undo": ("accept",),
        "accepted": ("accept", "settle"),
        "declined+undo": ("decline",),
        "declined": ("decline", "settle"),
        "won+undo": ("accept", "win"),
        "won": ("accept", "win", "settle"),
        "lost+undo": ("accept", "lose"),
        "lost": ("accept", "lose", "settle"),
        "expired": ("expire",),
        "withdrawn": ("withdraw",),
        "error": ("error",),
    },
    PolicyName.CLASSIC: {
        "pending": (),
        "received": ("open",),
        "evaluating": ("interest",),
        "accepted+undo": ("interest", "accept"),
        "accepted": ("interest", "accept", "settle"),
        "declined+undo": ("no_thanks",),
        "declined": ("interest", "decline", "settle"),
        "won+undo": ("interest", "accept", "win"),
        "won": ("interest", "accept", "win", "settle"),
        "lost+undo": ("interest", "accept", "lose"),
        "lost": ("interest", "accept", "lose", "settle"),
        "expired": ("interest", "expire"),
        "withdrawn": ("interest", "withdraw"),
        "error": ("error",),
    },
}


def at(policy: PolicyName, place: str, *, contact_requested: bool = False) -> Referral:
    """A referral of the policy that has come to the place."""
    return travel(make_referral(policy=policy, contact_requested=contact_requested), *JOURNEYS[policy][place])
