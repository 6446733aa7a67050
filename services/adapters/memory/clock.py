"""How does a test turn the clock? The twin of port `Clock`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

#: When a clock begins unless told otherwise.
BEGINNING = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class TurnableClock:
    """Stands still until it is turned; `shift` turns business time alone, as a sandbox does."""

    def __init__(self, at: datetime = BEGINNING) -> None:
        self._real = at
        self._shift = timedelta()

    def now(self) -> datetime:
        """Business time."""
        return self._real + self._shift

    def real_now(self) -> datetime:
        """The unshifted time."""
        return self._real

    def advance(self, by: timedelta) -> datetime:
        """Let time pass; returns the new business time."""
        self._real += by
        return self.now()

    def shift(self, by: timedelta) -> datetime:
        """Shift business time without letting real time pass; returns the new business time."""
        self._shift += by
        return self.now()
