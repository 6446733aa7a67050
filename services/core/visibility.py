"""May a partner see the customer's contact now?"""

from __future__ import annotations

from services.core.codes import PolicyName, Stage, Status, Substatus
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
