"""Which profiles are paused at an instant? Flagged in the index, and turned back when the pause is over."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from datetime import datetime


class Pauses:
    """The ends of all pauses.

    Args:
        flag: marks a profile as paused, or as no longer paused.
    """

    def __init__(self, flag: Callable[[int, bool], None]) -> None:
        self._flag = flag
        self._ends: list[tuple[datetime, int]] = []
        #: Ascending; those from `_from` on are flagged.
        self._from = 0

    def turn(self, now: datetime) -> None:
        """Flag who is paused at this instant, and nobody else. An instant may lie before the last one."""
        until = bisect_right(self._ends, now, key=_end)
        for _, number in self._ends[self._from : until]:
            self._flag(number, False)
        for _, number in self._ends[until : self._from]:
            self._flag(number, True)
        self._from = until

    def add(self, end: datetime, number: int) -> None:
        """A profile is paused until then."""
        at = bisect_right(self._ends, end, key=_end)
        self._ends.insert(at, (end, number))
        if at < self._from:
            self._from += 1
        else:
            self._flag(number, True)

    def drop(self, end: datetime, number: int) -> None:
        """It is not any more."""
        at = self._ends.index((end, number), bisect_left(self._ends, end, key=_end))
        self._ends.pop(at)
        if at < self._from:
            self._from -= 1
        else:
            self._flag(number, False)


def _end(pause: tuple[datetime, int]) -> datetime:
    return pause[0]
