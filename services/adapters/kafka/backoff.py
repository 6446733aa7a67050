"""How long is a consumer to wait before it tries again? The schedule is the core's; the dice are thrown here."""

from __future__ import annotations

from datetime import timedelta
from random import random

from services.core.retry import RetryKind, retry_after


def pause_s(attempt: int) -> float:
    """Seconds to wait after failed attempt number `attempt` (from 1); a message is never given up."""
    decision = retry_after(attempt, RetryKind.MESSAGE, jitter=random())  # noqa: S311  spreads load, protects nothing
    return (decision.delay or timedelta(0)).total_seconds()
