"""Which profiles are paused at an instant? Flagged in the index, and turned back when the pause is over."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
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
        self._late: list[tuple[datetime, int]] = []
        #: Came many at once, are flagged, and not among the others yet.

    def turn(self, now: datetime) -> None:
        """Flag who is paused at this instant, and nobody else. An instant may lie before the last one."""
        self._join()
        until = bisect_right(self._ends, now, key=_end)
        for _, number in self._ends[self._from : until]:
            self._flag(number, False)
        for _, number in self._ends[until : self._from]:
            self._flag(number, True)
        self._from = until

    def add_all(self, pauses: Iterable[tuple[datetime, int]]) -> None:
        """Many profiles are paused, each until some time; as `add` says of each."""
        for pause in pauses:
            self._late.append(pause)
            self._flag(pause[1], True)

    def add(self, end: datetime, number: int) -> None:
        """A profile is paused until then."""
        self._join()
        at = bisect_right(self._ends, end, key=_end)
        self._ends.insert(at, (end, number))
        if at < self._from:
            self._from += 1
        else:
            self._flag(number, True)

    def drop(self, end: datetime, number: int) -> None:
        """It is not any more."""
        self._join()
        at = self._ends.index((end, number), bisect_left(self._ends, end, key=_end))
        self._ends.pop(at)
        if at < self._from:
            self._from -= 1
        else:
            self._flag(number, False)

    def _join(self) -> None:
        """Put those that came late among the others."""
        if not self._late:
            return
        before = self._ends[self._from - 1][0] if self._from else None
        over = [number for end, number in self._late if before is not None and end < before]
        for number in over:
            self._flag(number, False)
        self._ends = sorted([*self._ends, *self._late], key=_end)
        self._from += len(over)
        self._late = []


def _end(pause: tuple[datetime, int]) -> datetime:
    return pause[0]
