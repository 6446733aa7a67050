"""What is known of an erasure, and what does erasing need of the world?

An erasure is written down before anything is erased, by ids alone, so that whoever finds it unfinished can go on with
it: no name and no address stands in it. What it does may be done again at any time and does nothing the second time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from services.core.rfi import Rfi


class Because(StrEnum):
    """Why data is erased."""

    REQUEST = "request"
    #: The customer asked for it, itself or through an operator.
    RETENTION = "retention"
    #: It has been kept for as long as it may be.


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """One order to erase, and how far it has come."""

    id: str
    at: datetime
    #: Business time of the order.
    by: str
    #: `customer`, `operator:<name>` or `system`.
    because: Because
    rfi_ids: tuple[str, ...] = ()
    original_ids: tuple[str, ...] = ()
    #: Refusals and dead letters whose kept originals name the customer.
    submitted_upto: Mapping[str, int] = field(default_factory=dict)
    #: Where `rfi.submitted` ended, by partition (number as text); what lies before is deleted once intake has read it.
    look_again_at: datetime
    #: Real time. What was under way when it was ordered may have been written since, and is looked for once more then.
    done_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What there is to erase, by ids and counts."""

    rfi_ids: tuple[str, ...] = ()
    original_ids: tuple[str, ...] = ()
    referrals: int = 0
    mails_waiting: int = 0
    mails_sent: int = 0
    #: To the customer; those can't be called back.
    partners_shown: tuple[str, ...] = ()
    #: Ids of partners to whom the customer's contact was disclosed.

    @property
    def nothing(self) -> bool:
        """Whether there is nothing to erase."""
        return not self.rfi_ids and not self.original_ids


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """The kept bytes of a refused or dead-lettered record."""

    id: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


class ErasureStore(Protocol):
    """Where erasures are written down, and the writes that only they need."""

    async def put(self, erasure: Erasure) -> None:
        """Insert or replace."""

    async def unfinished(self, limit: int) -> list[Erasure]:
        """Those not done yet, the oldest first."""

    async def listed(self, limit: int) -> list[Erasure]:
        """The newest, newest first."""

    async def rfi_ids_of(self, email: str) -> list[str]:
        """The requests whose customer has this mail address, however it is written."""

    async def accepted_before(self, at: datetime, after: datetime | None, limit: int) -> list[Rfi]:
        """Requests with their data that were accepted after `after` (None begins) and before `at`; the oldest first.

        Those accepted at one instant come together, so there may be more than `limit`. Those that the router has not
        seen yet are left out.
        """

    async def refusals_of(self, source: str, publisher_id: str) -> list[str]:
        """Ids of all refusals of a publisher's RFI."""

    async def originals(self, after: str, limit: int) -> list[Original]:
        """The next originals in the order of their ids, those greater than `after` ("" begins)."""

    async def forget_originals(self, ids: Sequence[str]) -> int:
        """Delete originals; what is said about them stays. Returns how many there were."""

    async def forget_recipients(self, rfi_ids: Sequence[str], why: str) -> int:
        """Take name and address out of the mails to the customers of these requests; returns how many changed.

        Those that were not sent will not be.
        """


class SubmittedLog(Protocol):
    """The topic that publishers write to: the one that holds customers' data."""

    async def ends(self) -> Mapping[int, int]:
        """The offset behind the last record of each partition."""

    async def delete_before(self, upto: Mapping[int, int]) -> bool:
        """Delete the records before these offsets (by partition); False when intake has not read them all yet.

        Nothing is deleted then.
        """
