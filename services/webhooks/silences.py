"""Which receivers gave no answer lately, or a slow one, and for how long is each left alone?

A post to somebody who is not there takes the whole time-out, and while it does others wait. So a receiver that was
silent is left alone before the next one tries: as long as the first step of the schedule, then twice as long each time,
a minute at most. One that answers slowly rests for as long as its answer took: others have half of the time at least.
Known to one process, and forgotten with it: what it knows is only when trying is in vain.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from services.core.webhooks import PAUSE, SCHEDULE

#: An answer that takes longer is a slow one. Of others a whole batch takes no longer than one post to nobody.
SLOW = timedelta(seconds=3)


@dataclass(slots=True)
class Silences:
    """Webhooks by id, each with how often it was silent in a row and until when it is left alone."""

    known: dict[str, tuple[int, datetime]] = field(default_factory=dict)

    def until(self, webhook_id: str, now: datetime) -> datetime | None:
        """The end of its rest, None if it may be tried."""
        _, until = self.known.get(webhook_id, (0, now))
        return until if until > now else None

    def silent(self, webhook_id: str, now: datetime) -> None:
        """It gave no answer; what was under way to it at the same time fails with it and counts once."""
        times, until = self.known.get(webhook_id, (0, now))
        if until <= now:
            # Ten times is a minute by far, and no number that grows for ever.
            self.known[webhook_id] = min(times + 1, 10), now + min(SCHEDULE[0] * 2**times, PAUSE)

    def answered(self, webhook_id: str, now: datetime, took: timedelta) -> None:
        """It answered, whatever it said."""
        self.forget(webhook_id)
        if took > SLOW:
            self.known[webhook_id] = 0, now + min(took, PAUSE)

    def forget(self, webhook_id: str) -> None:
        """Nothing is posted to it any more, or nothing is known against it."""
        self.known.pop(webhook_id, None)
