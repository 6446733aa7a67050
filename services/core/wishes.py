"""What does it take for a customer to ask one more partner? One conditional write with its event; the router answers.

A wish is answered by a `Round` of the routing whose cause is the wish's event (see `rounds`), so each is answered once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar

from services.core.codes import RfiState
from services.core.creation import untold
from services.core.errors import CommandInvalid, Problem
from services.core.events import Event, EventType
from services.core.ids import event_id
from services.core.rfi import Rfi, Wish

#: Wishes of one request at most, whatever becomes of them.
MAX_WISHES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class AskPartner:
    """The customer wants this partner to be asked as well."""

    name: ClassVar[str] = "ask another partner"
    by: str
    partner_id: str


def with_wish(rfi: Rfi, command: AskPartner, now: datetime) -> Rfi:
    """The RFI with one more wish: version + 1 with its event; the same object if the customer wants it already.

    Its state allows it (see `engagement.decide_rfi`).

    Raises:
        CommandInvalid: it is not routed yet, the partner was asked before, or there were too many wishes.
    """
    if wanted(rfi, command.partner_id):
        return rfi
    if problem := _problem(rfi, command.partner_id):
        raise CommandInvalid([problem])
    version = rfi.version + 1
    event = Event(
        id=event_id(rfi.id, version, EventType.PARTNER_WANTED),
        type=EventType.PARTNER_WANTED,
        subject=rfi.id,
        rfi_id=rfi.id,
        at=now,
        sequence=version,
        facts={"rfiId": rfi.id, "partnerId": command.partner_id},
    )
    wish = Wish(event_id=event.id, partner_id=command.partner_id, at=now)
    return replace(rfi, version=version, wishes=(*rfi.wishes, wish), outbox=(*untold(rfi), *rfi.outbox, event))


def pending(rfi: Rfi) -> tuple[Wish, ...]:
    """The wishes that nobody has answered yet; of a closed request nobody will."""
    answered = {round_.cause for round_ in rfi.routing.rounds} if rfi.routing else set[str]()
    return tuple(wish for wish in rfi.wishes if wish.event_id not in answered)


def wanted(rfi: Rfi, partner_id: str) -> bool:
    """Whether the partner is about to be asked, or was, because the customer wanted it: once more changes nothing."""
    asked = {chosen.partner_id for chosen in rfi.routing.chosen} if rfi.routing else set[str]()
    waits = {wish.partner_id for wish in pending(rfi)}
    return partner_id in waits or (partner_id in asked and any(w.partner_id == partner_id for w in rfi.wishes))


def left_out(rfi: Rfi) -> frozenset[str]:
    """Partners whom nobody needs to suggest: those who were asked, and those who are about to be."""
    asked = {chosen.partner_id for chosen in rfi.routing.chosen} if rfi.routing else set[str]()
    return frozenset(asked | {wish.partner_id for wish in pending(rfi)})


def _problem(rfi: Rfi, partner_id: str) -> Problem | None:
    if rfi.state is RfiState.ACCEPTED or rfi.routing is None:
        return Problem(
            "/partnerId", "too_early", "the request is being sent to partners right now: try again in a minute"
        )
    if partner_id in left_out(rfi):
        return Problem("/partnerId", "asked_already", "this partner has had the request before: choose another one")
    if len(rfi.wishes) >= MAX_WISHES:
        words = f"you have chosen {MAX_WISHES} more partners already; send a new request if none of them can help"
        return Problem("/partnerId", "too_many", words)
    return None
