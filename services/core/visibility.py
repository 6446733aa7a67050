"""May a partner see the customer's contact now, and might it have seen it before?"""

from __future__ import annotations

from services.core.codes import PolicyName, Stage, Status, Substatus
from services.core.events import EventType
from services.core.policy import Policy
from services.core.referral import Referral

_KEPT_AFTER_CLOSING = frozenset({Substatus.WON, Substatus.LOST})


def contact_visible(referral: Referral, policy: Policy) -> bool:
    """True if this referral's partner may see the customer's name, mail address and phone.

    Active, won and lost: yes. Declined, expired, withdrawn, closed as error: no, also within the undo window.
    New: standard yes, classic from Evaluating on, unless the deployment masks contacts until the accept.
    Erased: nobody is there any more.
    """
    if referral.erased_at is not None:
        return False
    if referral.status is Status.ACTIVE:
        return True
    if referral.status is Status.CLOSED:
        return referral.substatus in _KEPT_AFTER_CLOSING
    if policy.mask_contact_until_accept:
        return False
    return referral.policy is not PolicyName.CLASSIC or referral.stage is Stage.EVALUATING


def contact_was_visible(referral: Referral, policy: Policy) -> bool:
    """True if `contact_visible` may have been true at any time until now, whatever was closed or erased since."""
    happened = {entry.what for entry in referral.history}
    if referral.accepted_at is not None or EventType.ACCEPTED.value in happened:
        return True
    if policy.mask_contact_until_accept:
        return False
    evaluating = referral.stage is Stage.EVALUATING or EventType.INTERESTED.value in happened
    return referral.policy is not PolicyName.CLASSIC or evaluating
