"""Which facts does an event of a referral carry? Ids, codes and instants as JSON values; never names or addresses."""

from __future__ import annotations

from services.core.codes import Flame, Status
from services.core.commands import role_of
from services.core.events import EventType
from services.core.referral import Referral, UndoPoint

#: The event that each decision which can be undone has caused.
DECISION_EVENTS = {
    "accept": EventType.ACCEPTED,
    "decline": EventType.DECLINED,
    "win": EventType.WON,
    "lose": EventType.LOST,
}


def facts_of(referral: Referral, by: str) -> dict[str, object]:
    """The facts every referral event has: what it is, and where it stands after the change."""
    facts: dict[str, object] = {
        "referralId": referral.id,
        "rfiId": referral.rfi_id,
        "partnerId": referral.partner_id,
        "profileId": referral.profile_id,
        "locationId": referral.location_id,
        "status": referral.status.value,
        "substatus": referral.substatus.value,
        "stage": referral.stage.value,
        "version": referral.version,
        "policy": referral.policy.value,
        "round": referral.round,
        "picked": referral.picked,
        "by": role_of(by),
    }
    if referral.status is Status.NEW and referral.expires_at is not None:
        facts["expiresAt"] = referral.expires_at.isoformat()
    if referral.next_best:
        facts["nextBest"] = True
    if referral.flame is not Flame.NONE:
        facts["flame"] = referral.flame.value
    if referral.details.reason is not None:
        facts["reason"] = referral.details.reason
    return facts


def cause_of(undo: UndoPoint) -> dict[str, object]:
    """The decision that an event settles or takes back."""
    return {"eventId": undo.event_id, "type": DECISION_EVENTS[undo.command].value}
