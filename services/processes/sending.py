"""Do the senders of mails or webhooks get on? If not, the process is replaced."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

#: A mail server may take 10 minutes over the final dot (RFC 5321); senders silent for longer are stuck.
SENDERS_STUCK_AFTER_S = 900.0


@dataclass(slots=True)
class Sending:
    """Whether the notifier's senders get on; they tell at least once a second unless a mail server is very slow."""

    at: float = field(default_factory=time.monotonic)

    def progressed(self) -> None:
        """A sender got on."""
        self.at = time.monotonic()

    def stuck(self) -> str | None:
        """Why the process should be replaced, or None."""
        idle_s = time.monotonic() - self.at
        return f"no sender got on for {idle_s:.0f} s" if idle_s > SENDERS_STUCK_AFTER_S else None
