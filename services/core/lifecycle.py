"""What does a command make of a referral? The decision, pure: state in, new state or a typed refusal out.

Nothing here looks at a deadline before it decides: a referral is open until the expirer has written that it is not, so
an accept that arrives after the deadline but before that write still wins. The conditional write (id, version) decides
such a race; whoever loses it loads the referral again, decides anew, and gets a refusal that says what won and when.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from services.core import commands as c
from services.core import deadlines
from services.core.change import ReferralChange
from services.core.codes import Flame, Status, Substatus
from services.core.details import details_after, says_nothing_new, team_after
from services.core.errors import CommandInvalid, TransitionRefused, UndoRefused
from services.core.events import EventType
from services.core.facts import cause_of
from services.core.policy import Policy
from services.core.referral import Referral, Timers, UndoPoint
from services.core.requirements import problems_of
from services.core.transitions import UNDOABLE, Effect, Special, Where, effect_of, hint_for, where


def decide(referral: Referral, command: c.Command, now: datetime, policy: Policy) -> Referral:
    """The referral as the command leaves it: version + 1, with history and events; or the same object if unchanged.

    Args:
        referral: the state so far.
        command: what is asked.
        now: business time, aware, UTC.
        policy: periods of the referral's policy.

    Raises:
        TransitionRefused: the state forbids it; says the state, since when, and what to do instead.
        UndoRefused: there is nothing to undo, or no longer.
        CommandInvalid: something is missing or wrong; lists all of it.
    """
    place = where(referral)
    effect = effect_of(command, place)
    if effect is None:
        raise _refusal(referral, command, place)
    if effect is Special.UNCHANGED:
        return referral
    if problems := problems_of(command, referral, now):
        raise CommandInvalid(problems)
    if effect is Special.RESTORED:
        return _undo(referral, command, now)
    change = ReferralChange(referral, now, command.by)
    if effect is Special.FINAL:
        change.settle()
        return change.done()
    if isinstance(command, c.Edit | c.AddContact) and says_nothing_new(referral, command):
        return referral
    _close_undo_window(change, command, now)
    _apply(change, command, effect, now, policy)
    return change.done()


def _apply(change: ReferralChange, command: c.Command, effect: Effect, now: datetime, policy: Policy) -> None:
    before = change.referral
    change.set(
        status=effect.status,
        substatus=effect.substatus,
        stage=effect.stage,
        details=details_after(before.details, command),
        team=team_after(before.team, command),
        **_times(before, command, effect, now, policy),
    )
    if (decision := UNDOABLE.get(type(command))) is not None:
        change.set(undo=_undo_point(before, decision, change.event_id(effect.event), now + policy.undo_window))
    change.tell(effect.event, note=change.referral.details.reason_notes if effect.status is Status.CLOSED else None)


def _times(before: Referral, command: c.Command, effect: Effect, now: datetime, policy: Policy) -> dict[str, Any]:
    """The instants that a step changes: timers, the deadline shown, when it was accepted or closed."""
    if effect.status is Status.CLOSED:
        undoable = type(command) in UNDOABLE
        timers = deadlines.timers_after_closing(policy, now) if undoable else Timers()
        return {"closed_at": now, "timers": timers}
    if effect.event is EventType.ACCEPTED:
        return {"accepted_at": now, "timers": deadlines.timers_after_accept(policy, before.timers, now)}
    if effect.event is EventType.INTERESTED:
        timers = deadlines.timers_for_interest(policy, before.timers, now)
        return {"timers": timers, "expires_at": timers.expire_at}
    return {}


def _undo_point(before: Referral, decision: str, event: str, until: datetime) -> UndoPoint:
    return UndoPoint(
        command=decision,
        status=before.status,
        # Whoever decided has seen it: an undo does not make it unread.
        substatus=Substatus.RECEIVED if before.status is Status.NEW else before.substatus,
        stage=before.stage,
        timers=before.timers,
        details=before.details,
        team=before.team,
        until=until,
        event_id=event,
    )


def _close_undo_window(change: ReferralChange, command: c.Command, now: datetime) -> None:
    """End the undo window of an accept that something else follows, so that it can't be undone beneath it.

    A result (won, lost) builds on the accept, so the accept is settled first. A withdrawal or an error within the
    window makes the accept void: nobody is told of it any more.
    """
    undo = change.referral.undo
    if undo is None or isinstance(command, c.Edit | c.AddContact):
        return
    if isinstance(command, c.Win | c.Lose) or now >= undo.until:
        change.settle()
        return
    change.set(undo=None)
    change.note(f"void {undo.command}")


def _undo(referral: Referral, command: c.Command, now: datetime) -> Referral:
    undo = referral.undo
    if undo is None or now >= undo.until:
        raise _refusal(referral, command, where(referral))
    change = ReferralChange(referral, now, command.by)
    change.set(
        status=undo.status,
        substatus=undo.substatus,
        stage=undo.stage,
        details=undo.details,
        team=undo.team,
        timers=deadlines.timers_after_undo(undo.timers, flame_changed=referral.flame is Flame.OVERDUE),
        accepted_at=None if undo.status is Status.NEW else referral.accepted_at,
        closed_at=None,
        undo=None,
    )
    change.tell(EventType.UNDONE, {"cause": cause_of(undo)})
    return change.done()


def _refusal(referral: Referral, command: c.Command, place: Where) -> TransitionRefused | UndoRefused:
    status, substatus = referral.status.value, referral.substatus.value
    if isinstance(command, c.Undo):
        if referral.undo is not None:
            until = referral.undo.until.isoformat()
            return UndoRefused(f"the {referral.undo.command} can't be undone any more: the undo window ended {until}")
        final = ", and that is final" if referral.status is Status.CLOSED else ""
        return UndoRefused(f"there is nothing to undo: the referral is {status}/{substatus}{final}")
    since = referral.closed_at or referral.accepted_at or referral.created_at
    return TransitionRefused(command.name, status, substatus, since, hint=hint_for(command, place))
