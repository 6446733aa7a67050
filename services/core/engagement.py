"""What does a customer's decision make of the whole request, and of each referral of it?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar

from services.core.codes import RfiState, Status, WithdrawReason
from services.core.commands import Withdraw
from services.core.creation import untold
from services.core.errors import CommandInvalid, Problem, TransitionRefused
from services.core.events import Event, EventType
from services.core.ids import event_id
from services.core.referral import Referral
from services.core.rfi import Rfi
from services.core.wishes import AskPartner, with_wish


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawRfi:
    """The customer takes the request back from everybody."""

    name: ClassVar[str] = "withdraw"
    by: str
    reason: WithdrawReason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoosePartner:
    """The customer tells that it chose this partner; the others need not go on."""

    name: ClassVar[str] = "choose a partner"
    by: str
    partner_id: str


RfiCommand = WithdrawRfi | ChoosePartner | AskPartner

_REASONS: Mapping[object, WithdrawReason] = {reason.value: reason for reason in WithdrawReason}
_CLOSED = frozenset({RfiState.WITHDRAWN, RfiState.CHOSEN})


def decide_rfi(rfi: Rfi, command: RfiCommand, now: datetime) -> Rfi:
    """The RFI as the command leaves it: version + 1 with its event; the same object if it says what holds already.

    Raises:
        TransitionRefused: it was withdrawn before, or another partner was chosen; says which and since when.
        CommandInvalid: the chosen partner does not have this request, or the wanted one can't be asked.
    """
    if _holds(rfi, command):
        return rfi
    if rfi.state in _CLOSED:
        raise TransitionRefused(command.name, "closed", rfi.state.value, rfi.closed_at, subject="request")
    if rfi.erased_at is not None:
        raise TransitionRefused(command.name, "closed", "erased", rfi.erased_at, subject="request")
    if isinstance(command, AskPartner):
        return with_wish(rfi, command, now)
    if isinstance(command, WithdrawRfi):
        facts: dict[str, object] = {"rfiId": rfi.id}
        if command.reason is not None:
            facts["reason"] = command.reason.value
        return _close(rfi, RfiState.WITHDRAWN, EventType.WITHDRAWN_BY_CUSTOMER, facts, now)
    if rfi.routing is None or all(chosen.partner_id != command.partner_id for chosen in rfi.routing.chosen):
        raise CommandInvalid([Problem("/partnerId", "not_asked", "choose a partner that this request was sent to")])
    facts = {"rfiId": rfi.id, "partnerId": command.partner_id}
    chosen_rfi = replace(rfi, chosen_partner_id=command.partner_id)
    return _close(chosen_rfi, RfiState.CHOSEN, EventType.PARTNER_CHOSEN, facts, now)


def sibling_command(event: Event, referral: Referral) -> Withdraw | None:
    """What an engagement event asks of one referral of its RFI; None if nothing, however often it is asked."""
    if event.type is EventType.WITHDRAWN_BY_CUSTOMER:
        # A reason that a newer version of us has added must not keep the referral open.
        return _withdrawal(referral, _REASONS.get(event.facts.get("reason")))
    if event.type is EventType.PARTNER_CHOSEN and event.facts.get("partnerId") != referral.partner_id:
        return _withdrawal(referral, WithdrawReason.CHOSE_ANOTHER)
    return None


def overtaken_command(rfi: Rfi, referral: Referral) -> Withdraw | None:
    """What the state of the RFI asks of a referral that came about while the customer decided; None if nothing."""
    if rfi.state is RfiState.WITHDRAWN:
        return _withdrawal(referral, None)
    if rfi.state is RfiState.CHOSEN and rfi.chosen_partner_id != referral.partner_id:
        return _withdrawal(referral, WithdrawReason.CHOSE_ANOTHER)
    return None


def _holds(rfi: Rfi, command: RfiCommand) -> bool:
    if isinstance(command, WithdrawRfi):
        return rfi.state is RfiState.WITHDRAWN
    if isinstance(command, AskPartner):
        return False
    return rfi.state is RfiState.CHOSEN and rfi.chosen_partner_id == command.partner_id


def _close(rfi: Rfi, state: RfiState, kind: EventType, facts: dict[str, object], now: datetime) -> Rfi:
    version = rfi.version + 1
    event = Event(
        id=event_id(rfi.id, version, kind),
        type=kind,
        subject=rfi.id,
        rfi_id=rfi.id,
        at=now,
        sequence=version,
        facts=facts,
    )
    return replace(rfi, state=state, version=version, closed_at=now, outbox=(*untold(rfi), *rfi.outbox, event))


def _withdrawal(referral: Referral, reason: WithdrawReason | None) -> Withdraw | None:
    # A closed referral that can still be undone must become final, or the undo would reopen it.
    if referral.status is Status.CLOSED and referral.undo is None:
        return None
    return Withdraw(by="customer", reason=reason)
