"""Which periods govern a referral: the two policies, with their published defaults; all of it is configuration."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from services.core.codes import PolicyName


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Periods of one policy, each counted from the creation of the referral unless said otherwise."""

    name: PolicyName
    remind_after: timedelta | None
    #: One reminder to a partner who has not answered.
    expire_after: timedelta
    #: End of the answering period of the first stage (classic: New; standard: the whole of New).
    warn_before: timedelta | None
    #: Warning before the first stage's expiry; None = no warning.
    evaluate_for: timedelta | None = None
    #: Classic: length of Evaluating, counted from the interest.
    evaluate_warn_after: timedelta | None = None
    #: Classic: warning in Evaluating, counted from the interest.
    flame_after: timedelta = timedelta(hours=72)
    #: Icon and text of the alert change.
    undo_window: timedelta = timedelta(minutes=5)
    #: Counted from the decision.
    mask_contact_until_accept: bool = False
    #: Hide the customer's contact in New (a deployment's choice).


STANDARD = Policy(
    name=PolicyName.STANDARD,
    remind_after=timedelta(hours=24),
    expire_after=timedelta(days=14),
    warn_before=timedelta(hours=48),
)

CLASSIC = Policy(
    name=PolicyName.CLASSIC,
    remind_after=timedelta(hours=24),
    expire_after=timedelta(hours=72),
    warn_before=None,
    evaluate_for=timedelta(days=7),
    evaluate_warn_after=timedelta(days=5),
)

POLICIES = {PolicyName.STANDARD: STANDARD, PolicyName.CLASSIC: CLASSIC}
