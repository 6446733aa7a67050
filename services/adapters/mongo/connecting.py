"""With which options is a connection to MongoDB opened?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How long to wait, in seconds."""

    choose_server_s: float = 3.0
    #: Until a primary is known.
    operation_s: float = 10.0
    #: One operation with the driver's own retries.


def options_of(timing: Timing, listeners: Sequence[Any]) -> dict[str, Any]:
    """What all connections have in common; how long an operation may take is said by each of them."""
    return {
        "appname": "referral-exchange",
        "tz_aware": True,
        "uuidRepresentation": "standard",
        "w": "majority",
        "journal": True,
        "retryWrites": True,
        "retryReads": True,
        "readConcernLevel": "majority",
        "serverSelectionTimeoutMS": int(timing.choose_server_s * 1000),
        "connectTimeoutMS": int(timing.choose_server_s * 1000),
        "event_listeners": list(listeners),
    }
