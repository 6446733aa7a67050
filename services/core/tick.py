"""What has become due at an instant? Reminders, warnings, flame, expiry and the end of undo windows, as one change.

After an outage several stages may be due at once. They are taken in the order of their instants, and one that a later
stage has overtaken is only recorded, so that nobody gets yesterday's reminder together with today's expiry:

    overtaken       by a later one that is due too
    reminder        flame change, warning, expiry
    warning         expiry
    flame change    expiry (the flame still counts as changed)

The end of an undo window is never overtaken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from services.core.change import ReferralChange
from services.core.codes import Flame
from services.core.creation import SYSTEM
from services.core.events import EventType
from services.core.policy import Policy
from services.core.referral import Referral, Timers
from services.core.transitions import EXPIRED

_SETTLE, _EXPIRE, _FLAME, _WARN, _REMIND = "settle", "expiry", "flame change", "warning", "reminder"
_TIMERS = {_SETTLE: "settle_at", _EXPIRE: "expire_at", _FLAME: "flame_at", _WARN: "warn_at", _REMIND: "remind_at"}
_OVERTAKEN_BY = {_REMIND: {_FLAME, _WARN, _EXPIRE}, _WARN: {_EXPIRE}, _FLAME: {_EXPIRE}}
_EVENTS = {_REMIND: EventType.REMINDER_DUE, _WARN: EventType.EXPIRING_SOON, _FLAME: EventType.FLAME_CHANGED}


def advance(referral: Referral, now: datetime, policy: Policy) -> Referral | None:  # noqa: ARG001 - one signature with `decide`
    """The referral with everything done that is due at `now` (version + 1), or None if nothing is.

    Nothing is done before its instant, and nothing twice: the answer has nothing left that is due at `now`.
    """
    stages = _due(referral.timers, now)
    if not stages:
        return None
    change = ReferralChange(referral, now, SYSTEM)
    change.set(timers=replace(referral.timers, **{_TIMERS[stage]: None for stage in stages}))
    skipped: list[str] = []
    for index, stage in enumerate(stages):
        if _OVERTAKEN_BY.get(stage, set()) & set(stages[index + 1 :]):
            _skip(change, stage)
            skipped.append(stage)
        else:
            _fire(change, stage, now, tuple(skipped))
            skipped.clear()
    return change.done()


def _due(timers: Timers, now: datetime) -> Sequence[str]:
    """Stages due at `now`, in order; nothing after an expiry, which ends them all."""
    at = {stage: getattr(timers, field) for stage, field in _TIMERS.items()}
    due = [stage for stage, instant in at.items() if instant is not None and instant <= now]
    # A stable sort: at one instant the order is that of _TIMERS, so the expiry comes before the flame.
    due.sort(key=lambda stage: at[stage])
    return due[: due.index(_EXPIRE) + 1] if _EXPIRE in due else due


def _skip(change: ReferralChange, stage: str) -> None:
    if stage == _FLAME:
        change.set(flame=Flame.OVERDUE)
    change.note(f"skipped {stage}")


def _fire(change: ReferralChange, stage: str, now: datetime, skipped: tuple[str, ...]) -> None:
    facts = {"skipped": list(skipped)} if skipped else None
    if stage == _SETTLE:
        change.settle()
    elif stage == _EXPIRE:
        change.set(
            status=EXPIRED.status,
            substatus=EXPIRED.substatus,
            stage=EXPIRED.stage,
            closed_at=now,
            timers=Timers(),
        )
        change.tell(EXPIRED.event, facts)
    else:
        if stage == _FLAME:
            change.set(flame=Flame.OVERDUE)
        change.tell(_EVENTS[stage], facts)
