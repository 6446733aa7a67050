"""Is a consumer getting on, or does it only look alive? What /live and /ready ask."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Progress:
    """What one consumer loop did last. Times are readings of `clock` (monotonic seconds).

    Waiting for a dependency counts as progress: a restart would not help, so the process stays live but is not ready.
    """

    name: str
    clock: Callable[[], float] = time.monotonic
    batch_limit_s: float = 45.0
    poll_limit_s: float = 30.0
    join_limit_s: float = 120.0
    waiting_on: str | None = "start"
    #: What the loop waits for (kafka, mongo, ...), None when it works.
    stopped: str | None = None
    #: Why the loop has stopped for good.
    polled_at: float | None = None
    in_hand_since: float | None = None
    joining_since: float | None = None
    records: int = field(default=0)
    #: Records handled since the start.

    def polled(self) -> None:
        """The loop asked Kafka for records."""
        self.polled_at = self.clock()

    def took(self) -> None:
        """The loop has a batch in hand."""
        self.in_hand_since = self.polled_at = self.clock()

    def done(self, records: int = 0) -> None:
        """The batch is done, or put back."""
        self.in_hand_since = None
        self.polled_at = self.clock()
        self.records += records

    def joining(self) -> None:
        """The group is sharing out its partitions anew."""
        self.joining_since = self.joining_since or self.clock()

    def joined(self) -> None:
        """The partitions are shared out."""
        self.joining_since = None

    def stuck(self) -> str | None:
        """Why the process should be replaced, or None."""
        now = self.clock()
        if self.stopped:
            return f"{self.name}: stopped: {self.stopped}"
        if self.in_hand_since is not None:
            held_s = now - self.in_hand_since
            return f"{self.name}: one batch in hand for {held_s:.0f} s" if held_s > self.batch_limit_s else None
        if self.waiting_on is not None:
            return None
        if self.joining_since is not None and now - self.joining_since > self.join_limit_s:
            return f"{self.name}: without partitions for {now - self.joining_since:.0f} s"
        if self.polled_at is not None and now - self.polled_at > self.poll_limit_s:
            return f"{self.name}: no poll for {now - self.polled_at:.0f} s"
        return None

    def unready(self) -> str | None:
        """Why no work is done at the moment, or None."""
        if self.waiting_on is not None:
            return f"{self.name}: waiting on {self.waiting_on}"
        if self.joining_since is not None:
            return f"{self.name}: joining its group"
        return self.stuck()
