"""Who was shown a customer's contact, when, and over which way: the audit of disclosures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class Way(StrEnum):
    """How a contact reached its reader."""

    API = "api"
    PAGE = "page"
    EXPORT = "export"
    DOWNLOAD = "download"
    #: vCard.


@dataclass(frozen=True, slots=True, kw_only=True)
class Reveal:
    """One disclosure. `by` is the reader as in histories: `partner:<user>`; no contact stands here."""

    referral_id: str
    rfi_id: str
    partner_id: str
    by: str
    way: Way
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RevealedDay:
    """All disclosures of one contact to one reader over one way on one day (UTC)."""

    referral_id: str
    partner_id: str
    by: str
    way: Way
    first_at: datetime
    last_at: datetime
    times: int


class RevealLog(Protocol):
    """Where disclosures are written down, before the contact leaves."""

    async def record(self, reveals: Sequence[Reveal]) -> None:
        """Write them down; those of a day are counted, repeated ones too."""

    async def of_referral(self, referral_id: str) -> list[RevealedDay]:
        """Every disclosure of a referral, oldest first."""
