"""Which instants govern a referral after each step? Periods come from the policy; every instant is UTC."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from services.core.policy import Policy
from services.core.referral import Timers


def timers_for_new(policy: Policy, created_at: datetime, *, contact_requested: bool) -> Timers:
    """Timers of a new referral.

    A reminder or warning that would not come before the expiry is never set. The flame's change may be set at or after
    the expiry: whichever is due first is done, and at one instant the expiry comes first.
    """
    expire_at = created_at + policy.expire_after
    remind_at = created_at + policy.remind_after if policy.remind_after is not None else None
    warn_at = expire_at - policy.warn_before if policy.warn_before is not None else None
    return Timers(
        remind_at=remind_at if remind_at is not None and remind_at < expire_at else None,
        warn_at=warn_at if warn_at is not None and warn_at > created_at else None,
        flame_at=created_at + policy.flame_after if contact_requested else None,
        expire_at=expire_at,
    )


def timers_for_interest(policy: Policy, timers: Timers, now: datetime) -> Timers:
    """Timers in Evaluating: a new deadline and its warning; the interest answers the reminder; the flame goes on."""
    expire_at = now + (policy.evaluate_for if policy.evaluate_for is not None else policy.expire_after)
    warn_at = now + policy.evaluate_warn_after if policy.evaluate_warn_after is not None else None
    return Timers(
        warn_at=warn_at if warn_at is not None and warn_at < expire_at else None,
        flame_at=timers.flame_at,
        expire_at=expire_at,
    )


def timers_after_accept(policy: Policy, timers: Timers, now: datetime) -> Timers:
    """Timers of an active referral: nothing expires; the flame goes on; the undo window runs."""
    return Timers(flame_at=timers.flame_at, settle_at=now + policy.undo_window)


def timers_after_closing(policy: Policy, now: datetime) -> Timers:
    """Timers of a referral closed by a decision: the undo window, and nothing else."""
    return Timers(settle_at=now + policy.undo_window)


def timers_after_undo(before: Timers, *, flame_changed: bool) -> Timers:
    """Timers as they were before the decision.

    An instant that has passed meanwhile is due at the next tick, the reminder too: the partner has not answered after
    all. A flame that changed within the window is not changed again.
    """
    return replace(before, flame_at=None if flame_changed else before.flame_at, settle_at=None)
