"""How does one change of a referral come about, so that state, history and events always go together?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from services.core.creation import created_event
from services.core.events import Event, EventType
from services.core.facts import cause_of, facts_of
from services.core.ids import event_id
from services.core.referral import HISTORY_LIMIT, HistoryEntry, Referral


class ReferralChange:
    """One change under construction: version + 1, whatever is set, told and noted, all in one new referral.

    `referral` is the state so far; each event takes its facts from the state at the moment it is told.
    """

    def __init__(self, referral: Referral, now: datetime, by: str) -> None:
        self._before, self._now, self._by = referral, now, by
        self._events: list[Event] = []
        self._history: list[HistoryEntry] = []
        self.referral = replace(referral, version=referral.version + 1, updated_at=now)

    def event_id(self, kind: EventType) -> str:
        """The id that an event of this change has or will have."""
        return event_id(self.referral.id, self.referral.version, kind)

    def set(self, **fields: Any) -> None:
        """Set fields of the referral."""
        self.referral = replace(self.referral, **fields)

    def tell(self, kind: EventType, facts: Mapping[str, object] | None = None, *, note: str | None = None) -> None:
        """Add an event and its line of history; `facts` come on top of those every event has."""
        self._events.append(
            Event(
                id=self.event_id(kind),
                type=kind,
                subject=self.referral.id,
                rfi_id=self.referral.rfi_id,
                at=self._now,
                sequence=self.referral.version,
                facts=facts_of(self.referral, self._by) | dict(facts or {}),
            )
        )
        self.note(kind.value, note)

    def note(self, what: str, note: str | None = None) -> None:
        """Add a line of history that nobody outside hears of."""
        self._history.append(
            HistoryEntry(at=self._now, version=self.referral.version, what=what, by=self._by, note=note)
        )

    def settle(self) -> None:
        """Make the last decision final: it can't be undone any more, and those who waited for that hear of it."""
        undo = self.referral.undo
        if undo is None:
            return
        self.set(undo=None, timers=replace(self.referral.timers, settle_at=None))
        self.tell(EventType.SETTLED, {"cause": cause_of(undo)})

    def done(self) -> Referral:
        """The referral after the change, with everything unsent in its outbox, in order.

        The first change puts `created` in front: the router tells of a new referral without storing that event, so
        if it crashed before it did, the events of this change must not be the first that Kafka sees of the referral.
        """
        first = (created_event(self._before),) if self._before.version == 1 else ()
        return replace(
            self.referral,
            history=(*self._before.history, *self._history)[-HISTORY_LIMIT:],
            outbox=(*first, *self._before.outbox, *self._events),
        )
