"""What is remembered of an audit that somebody asked for in the portal?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Why(StrEnum):
    """Why an audit says nothing."""

    TOO_LARGE = "too_large"
    #: More events than may be looked at beside other work.
    TOO_LONG = "too_long"
    ENGINE_AWAY = "engine_away"
    BROKE = "broke"


@dataclass(frozen=True, slots=True)
class AuditFinding:
    """One broken promise: `missing` or `doubled`, of what, on which id, in words."""

    fault: str
    what: str
    subject: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRun:
    """One audit: under way while `ended_at` is None; says nothing if `why` is set; clean if nothing is `broken`."""

    began_at: datetime
    by: str
    ended_at: datetime | None = None
    why: Why | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    broken: int = 0
    findings: tuple[AuditFinding, ...] = ()
    #: The first ones.
