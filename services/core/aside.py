"""What was put aside for a person, and what may that person do with it?

Three things wait for an operator: records that a consumer could not use (dead letters), referrals that the expirer
could not advance (parked), mails that the senders gave up (failed).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.core.listing import Cursor
from services.core.mail import SendJob
from services.core.ports import DeadLetter
from services.core.referral import Referral


@dataclass(frozen=True, slots=True, kw_only=True)
class Letters:
    """Which open dead letters are meant; a field that is None does not narrow."""

    group: str | None = None
    topic: str | None = None
    reason: str | None = None
    since: datetime | None = None
    #: Put aside at or after this instant.
    text: str | None = None
    #: Occurs in the detail, in capitals or not.


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """How a dead letter was closed: `replayed`, or the words of whoever dropped it."""

    why: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked:
    """A referral that the expirer gave up after so many attempts, and the class of the last error."""

    referral: Referral
    attempts: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """How much is unfinished in the database; for gauges. Instants are None where nothing waits."""

    open_letters: int
    parked_referrals: int
    oldest_unsent: datetime | None
    #: When the oldest event that is not known to be on Kafka came to be (business time).
    oldest_due: datetime | None
    #: When the most overdue referral became due (business time); in the future where nothing is overdue.


class AsideStore(Protocol):
    """What waits for a person. Closing and releasing are conditional: what somebody did before is left as it is."""

    async def letters(self, which: Letters, limit: int, after: Cursor | None = None) -> list[DeadLetter]:
        """Open dead letters without originals, newest first, from behind a place (by `ids.dead_letter_id`) on."""

    async def letter_ids(self, which: Letters, limit: int) -> list[str]:
        """Ids of open dead letters, oldest first: the order in which to replay them."""

    async def letter_counts(self, which: Letters) -> dict[tuple[str, str, str], int]:
        """How many open dead letters there are by (group, topic, reason)."""

    async def closings(self, ids: Sequence[str]) -> Mapping[str, Closing]:
        """How those of the dead letters that are no longer open were closed."""

    async def close(self, ids: Sequence[str], why: str, at: datetime) -> None:
        """Close dead letters; their retention begins `at`. The first word on a letter stands."""

    async def parked(self, limit: int, after: Cursor | None = None) -> list[Parked]:
        """Parked referrals, changed longest ago first, from behind a place on."""

    async def release(self, ids: Sequence[str]) -> int:
        """Make those of the referrals that are parked due as their timers say, with all attempts anew; how many."""

    async def failed(self, limit: int, after: Cursor | None = None) -> list[SendJob]:
        """Mails that were given up, oldest event first, from behind a place on."""

    async def retry(self, ids: Sequence[str], at: datetime) -> int:
        """Make those of the mails that were given up due `at`, with all attempts anew; returns how many."""

    async def waiting(self) -> Waiting:
        """How much is unfinished now."""
