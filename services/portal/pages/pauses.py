"""Until which day is a business profile paused, as a form takes it and as pages show it?

A day is meant where its reader is. Bounds keep every zone's arithmetic within what calendars can say.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from services.core.errors import Problem
from services.portal.pages.fields import date_of

_FIELD = "/pausedUntil"
#: As the instants that programs send (`v1.wire`); the last day begins before the end wherever its reader is.
_FIRST, _LAST = date(2000, 1, 1), date(2199, 12, 31)
_END = datetime(2200, 1, 1, tzinfo=UTC)


def pause_shown(until: datetime | None, now: datetime) -> datetime | None:
    """Until when a profile is paused, None when it is not; what was stored without bounds ends with them."""
    return None if until is None or until <= now else min(until, _END)


def pause_day(until: datetime | None, now: datetime, zone: str) -> str:
    """The day that a form begins with: where the reader is; empty for no pause."""
    shown = pause_shown(until, now)
    return "" if shown is None else shown.astimezone(ZoneInfo(zone)).date().isoformat()


def pause_entered(
    values: Mapping[str, str], before: datetime | None, now: datetime, zone: str, problems: list[Problem]
) -> datetime | None:
    """The beginning of the day that was entered; a day that was not changed is the instant it was.

    Args:
        values: the form's fields.
        before: until when the profile is paused now.
        now: the clock's.
        zone: of the reader.
        problems: is told what is wrong with the day.
    """
    day = date_of(values, _FIELD, problems)
    if day is None:
        return None
    if before is not None and day.isoformat() == pause_day(before, now, zone):
        return before
    if day < _FIRST:
        problems.append(Problem(_FIELD, "in_the_past", "a pause must end in the future; leave it empty for none"))
        return None
    if day > _LAST:
        problems.append(Problem(_FIELD, "too_late", f"give a day until {_LAST}; leave it empty for no pause"))
        return None
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)
