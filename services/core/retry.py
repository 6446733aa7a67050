"""When is a failed attempt tried again, and when is it given up? Pure: the dice (`jitter`) are an argument."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class RetryKind(StrEnum):
    """What is tried again: each kind has its own schedule."""

    MAIL = "mail"
    MESSAGE = "message"


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryDecision:
    """Wait `delay` and try again; None means give up, and then `because` says why."""

    delay: timedelta | None
    because: str = ""

    @property
    def give_up(self) -> bool:
        """True when there is no further attempt."""
        return self.delay is None


#: Longest waits for a mail after its first, second, … attempt; the last repeats.
MAIL_STEPS = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(minutes=30),
    timedelta(hours=1),
    timedelta(hours=4),
)
#: A mail is given up this long after its first attempt (RFC 5321, 4.5.4.1), or earlier at its own deadline.
MAIL_PATIENCE = timedelta(days=5)
#: Shortest wait for a mail: the same second would meet the same refusal.
MAIL_PAUSE = timedelta(seconds=5)
#: Waits for a message double from the first to the last of these.
MESSAGE_FIRST, MESSAGE_LAST = timedelta(seconds=0.2), timedelta(seconds=30)


def retry_after(
    attempt: int,
    kind: RetryKind,
    *,
    jitter: float,
    elapsed: timedelta = timedelta(0),
    patience: timedelta | None = None,
) -> RetryDecision:
    """What follows the failure of the `attempt`-th attempt (from 1).

    Full jitter: the wait lies anywhere between nothing and the schedule's step, so that what failed together does not
    come back together.

    Args:
        attempt: how many attempts there have been.
        kind: whose schedule.
        jitter: a number in [0, 1).
        elapsed: time since the first attempt.
        patience: time from the first attempt after which the attempt is pointless, such as a deadline; a mail never
            waits longer than MAIL_PATIENCE, a message without patience is tried for ever.

    Raises:
        ValueError: `attempt` or `jitter` is out of its range.
    """
    if attempt < 1 or not 0 <= jitter < 1:
        raise ValueError(f"attempt counts from 1 and jitter lies in [0, 1): got {attempt} and {jitter}")
    limits = [limit for limit in (patience, MAIL_PATIENCE if kind is RetryKind.MAIL else None) if limit is not None]
    delay = _step(attempt, kind) * jitter
    if kind is RetryKind.MAIL:
        delay = max(delay, MAIL_PAUSE)
    if limits and elapsed + delay >= min(limits):
        return RetryDecision(delay=None, because=f"{attempt} attempts, and no time left for another")
    return RetryDecision(delay=delay)


def _step(attempt: int, kind: RetryKind) -> timedelta:
    if kind is RetryKind.MAIL:
        return MAIL_STEPS[min(attempt, len(MAIL_STEPS)) - 1]
    # Beyond 2**10 the last step is long reached; a bound keeps the power small.
    doublings: int = 2 ** min(attempt - 1, 10)
    return min(MESSAGE_FIRST * doublings, MESSAGE_LAST)
