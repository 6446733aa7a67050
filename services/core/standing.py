"""What has the past taught about a profile? Made of outcomes, published on `partner.stats`, used in matching."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many referrals of a profile had which outcome, since the beginning."""

    received: int = 0
    accepted: int = 0
    declined: int = 0
    won: int = 0
    lost: int = 0
    expired: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What matching knows of a profile beyond what its partner declared. A profile without a past has none."""

    profile_id: str
    version: int
    #: Grows with every outcome; the highest one holds.
    at: datetime
    #: Of the last outcome; `prior` and `terms` are decayed to this instant.
    prior: float = 0.5
    #: From 0 to 1, how well it does with what it gets; a profile without a past has 0.5.
    terms: Mapping[str, float] = field(default_factory=dict)
    #: Learned terms (keys as `services.matching.signals` writes them), each from -1 (it can't) to 1 (it did, often).
    response: timedelta | None = None
    #: Median time from delivery to the first answer; None when it never answered. For display.
    counts: Counts = field(default_factory=Counts)
