"""Who asked for a thing by its id that is somebody else's? Told that there is none, they leave a note.

A note holds ids and an operation, nothing of the thing and nothing of people. Those of a day are counted, not repeated,
and all of them go after `KEPT`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

#: How long a note is kept after it was last met.
KEPT = timedelta(days=90)


class Thing(StrEnum):
    """What an id can be of."""

    REFERRAL = "referral"
    REQUEST = "request"
    PARTNER = "partner"
    PROFILE = "profile"
    PERSON = "person"
    PROGRAM = "program"
    WEBHOOK = "webhook"
    DELIVERY = "delivery"


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignAsk:
    """One request for another's thing. `by` is who asked as in histories: `partner:<user or program>`."""

    by: str
    partner_id: str
    operation: str
    thing: Thing
    thing_id: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignAskDay:
    """All of a day (UTC) by one for one thing by one operation."""

    id: str
    by: str
    partner_id: str
    operation: str
    thing: Thing
    thing_id: str
    first_at: datetime
    last_at: datetime
    times: int


class ForeignAskLog(Protocol):
    """Where they are noted. Both may raise `DependencyUnavailable("mongo")`."""

    async def note(self, asks: Sequence[ForeignAsk]) -> None:
        """Note them; those of a day are counted."""

    async def newest(self, limit: int) -> list[ForeignAskDay]:
        """The last met first."""
