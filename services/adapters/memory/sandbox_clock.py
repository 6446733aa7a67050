"""How would a sandbox's clock be kept if there were no database? The twin of port `SandboxClockStore`."""

from __future__ import annotations

from datetime import timedelta

from services.adapters.memory.faults import Faults, faulty


class MemorySandboxClock:
    """The offset, in `stored`."""

    def __init__(self, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self.stored = timedelta()

    @faulty
    async def offset(self) -> timedelta:
        """Zero if none was stored."""
        return self.stored

    @faulty
    async def advance(self, by: timedelta) -> timedelta:
        """Add, never backwards.

        Raises:
            ValueError: `by` is negative.
        """
        if by < timedelta():
            raise ValueError("the clock of a sandbox goes forward only")
        self.stored += by // timedelta(milliseconds=1) * timedelta(milliseconds=1)
        return self.stored
