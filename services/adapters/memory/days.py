"""How is counted in memory what happens many times a day? As the store does: a first and a last time, and how often."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from services.core.foreign_ids import ForeignAskDay
from services.core.reveals import RevealedDay

Day = TypeVar("Day", ForeignAskDay, RevealedDay)


def counted(day: Day, at: datetime) -> Day:
    """The day with one more, which happened then."""
    return replace(day, first_at=min(day.first_at, at), last_at=max(day.last_at, at), times=day.times + 1)
