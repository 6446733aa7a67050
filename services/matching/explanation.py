"""What is said of a match when somebody asks why?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.core.rfi import Routing


@dataclass(frozen=True, slots=True, kw_only=True)
class TermVerdict:
    """One term that the RFI asks for, and whether the profile offers it."""

    words: str
    source: str
    #: Where it was found: keyword, product, service, industry, in the title, …
    weight: float
    matched: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileVerdict:
    """One profile of a partner against the RFI."""

    partner_id: str
    profile_id: str
    version: int
    outcome: str
    #: `chosen`, or the code that says why not (as in `Skipped.because`).
    score: float
    rank: int | None
    #: From 1, among all partners that could get it now; None when something excludes the profile.
    region: str
    #: A reason as `services.core.reasons` writes it.
    distance: str
    #: How far its nearest known location is, and what was asked.
    size: str
    availability: str
    #: Active or paused, and how many of its capacity are open.
    terms: tuple[TermVerdict, ...]
    would_help: tuple[str, ...]
    #: What would have changed the outcome, one action each.


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What the matcher makes of an RFI now; what was stored when it was routed may differ, and wins."""

    rfi_id: str
    at: datetime
    rules: str
    routing: Routing
    profiles: tuple[ProfileVerdict, ...]
    partner_known: bool = True
    #: False: nobody with the id that was asked for has a profile.
