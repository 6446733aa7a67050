"""Which outcome does an event of a referral tell of, once it can't be undone any more? Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from services.core.events import Event, EventType
from services.core.referral import Referral
from services.core.rfi import Rfi
from services.matching.learning import Outcome, Result
from services.matching.signals import signals

#: Types of events that tell of outcomes; others need not be read.
TYPES = frozenset({EventType.SETTLED, EventType.EXPIRED})

#: A decision counts when it is settled; an expiry at once. Errors and withdrawals say nothing of the partner.
_SETTLED = {
    EventType.ACCEPTED.value: Result.ACCEPTED,
    EventType.DECLINED.value: Result.DECLINED,
    EventType.WON.value: Result.WON,
    EventType.LOST.value: Result.LOST,
}


def result_in(event: Event) -> Result | None:
    """What an event says that became of its referral; None for all that is no outcome."""
    if event.type is EventType.EXPIRED:
        return Result.EXPIRED
    if event.type is not EventType.SETTLED:
        return None
    cause = event.facts.get("cause")
    return _SETTLED.get(str(cause.get("type"))) if isinstance(cause, Mapping) else None


def terms_of(rfi: Rfi) -> dict[str, float]:
    """The signs of what was asked for, with their weights; none of one whose customer was erased."""
    if rfi.erased_at is not None:
        return {}
    return {signal.key: signal.weight for signal in signals(rfi)}


def outcome_of(event: Event, result: Result, terms: Mapping[str, float], referral: Referral | None) -> Outcome:
    """The outcome with what was asked for; without terms (an erased RFI) it counts, and teaches none."""
    reason = event.facts.get("reason")
    return Outcome(
        event_id=event.id,
        result=result,
        at=event.at,
        terms=terms,
        reason=reason if isinstance(reason, str) else None,
        response=_response(result, referral) if referral else None,
    )


def _response(result: Result, referral: Referral) -> timedelta | None:
    """From the delivery to the first answer."""
    answered: datetime | None = None
    if result is Result.ACCEPTED:
        answered = referral.accepted_at
    elif result is Result.DECLINED:
        answered = referral.closed_at
    return max(answered - referral.created_at, timedelta(0)) if answered else None
