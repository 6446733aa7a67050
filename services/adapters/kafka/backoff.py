"""How long is a consumer to wait before it tries a batch again?"""

from __future__ import annotations

from dataclasses import dataclass
from random import random


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Exponential waiting with a cap and jitter: attempt 1 waits about `first_s`, each further one twice as long."""

    first_s: float = 0.2
    cap_s: float = 30.0
    jitter: float = 0.5
    #: Share of the delay that is random, so that instances do not all come back at once.

    def delay_s(self, attempt: int, chance: float | None = None) -> float:
        """Seconds to wait after failed attempt number `attempt` (from 1). `chance` (0 to 1) replaces the dice."""
        # The exponent is bounded: 2.0 ** 2000 would overflow after a long outage.
        full = min(self.cap_s, self.first_s * 2.0 ** min(attempt - 1, 30))
        return full * (1.0 - self.jitter * (random() if chance is None else chance))
