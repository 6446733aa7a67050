"""How does the Partner Center contract spell states, reasons and sizes, and what do its words mean here?

Withdrawn and the section Evaluating are ours: there a withdrawn referral was never accepted and is Expired, or was and
is Lost to another vendor; one that is being evaluated is New/Received. What is read is read generously (numbers of
reasons, any case); what is told is told in one way.
"""

from __future__ import annotations

from services.core.codes import (
    DECLINE_ONLY,
    PARTNER_CENTER_CODES,
    CloseReason,
    ErrorReason,
    Status,
    Substatus,
)
from services.core.listing import AllOf, AnyOf, Comparison, Condition, Field, Op
from services.core.referral import Referral

#: Substatuses that the contract knows.
SUBSTATUSES = tuple(each for each in Substatus if each is not Substatus.WITHDRAWN)

#: Which status each substatus belongs to.
STATUS_OF = {
    Substatus.PENDING: Status.NEW,
    Substatus.RECEIVED: Status.NEW,
    Substatus.ACCEPTED: Status.ACTIVE,
    Substatus.WON: Status.CLOSED,
    Substatus.LOST: Status.CLOSED,
    Substatus.DECLINED: Status.CLOSED,
    Substatus.EXPIRED: Status.CLOSED,
    Substatus.ERROR: Status.CLOSED,
}

_CLOSE_REASONS: dict[str, CloseReason] = {reason.value.lower(): reason for reason in CloseReason} | {
    str(number): reason for reason, number in PARTNER_CENTER_CODES.items()
}
_ERROR_REASONS = {reason.value.lower(): reason for reason in ErrorReason}


def substatus_of(referral: Referral) -> Substatus:
    """The substatus in the contract's words."""
    if referral.substatus is not Substatus.WITHDRAWN:
        return referral.substatus
    return Substatus.EXPIRED if referral.accepted_at is None else Substatus.LOST


def reason_of(referral: Referral) -> str | None:
    """Why it was closed, in words that the contract can carry."""
    if referral.substatus is Substatus.WITHDRAWN:
        return None if referral.accepted_at is None else CloseReason.CHOSE_ANOTHER.value
    return referral.details.reason


def close_reason(text: str, *, lost: bool) -> CloseReason | None:
    """A reason to decline or (`lost`) for losing, from its code or its number; None if there is none like it."""
    found = _CLOSE_REASONS.get(text.strip().lower())
    return None if lost and found in DECLINE_ONLY else found


def error_reason(text: str) -> ErrorReason | None:
    """A reason to close as an error; None if there is none like it."""
    return _ERROR_REASONS.get(text.strip().lower())


def close_reasons(*, lost: bool) -> str:
    """The reasons to choose from, for people."""
    allowed = [each for each in CloseReason if not (lost and each in DECLINE_ONLY)]
    return ", ".join(
        f"{each.value} ({PARTNER_CENTER_CODES[each]})" if each in PARTNER_CENTER_CODES else each.value
        for each in allowed
    )


def status_of(text: str) -> Status | None:
    """A status, whatever its case."""
    return next((each for each in Status if each.value.lower() == text.strip().lower()), None)


def wire_substatus(text: str) -> Substatus | None:
    """A substatus that the contract knows, whatever its case."""
    return next((each for each in SUBSTATUSES if each.value.lower() == text.strip().lower()), None)


def substatus_condition(substatus: Substatus, op: Op) -> Condition:
    """What a comparison with a substatus of the contract asks of our referrals."""
    withdrawn = Comparison(Field.SUBSTATUS, Op.EQ, Substatus.WITHDRAWN.value)
    told_as = {Substatus.EXPIRED: "no", Substatus.LOST: "yes"}.get(substatus)
    plain = Comparison(Field.SUBSTATUS, op, substatus.value)
    if told_as is None:
        return plain
    accepted = Comparison(Field.ACCEPTED, Op.EQ, told_as)
    if op is Op.EQ:
        return AnyOf((plain, AllOf((withdrawn, accepted))))
    still = Comparison(Field.SUBSTATUS, Op.NE, Substatus.WITHDRAWN.value)
    otherwise = Comparison(Field.ACCEPTED, Op.NE, told_as)
    return AllOf((plain, AnyOf((still, otherwise))))
