"""What does a consumer subscribe to, and within which limits?"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from schemas.topics import Topic
from services.core.ports import Record

#: A replayed dead letter names the group it is for; every other group skips it.
REPLAY_GROUP_HEADER = "x-referrals-replay-group"


def is_for(record: Record, group: str) -> bool:
    """Whether the group is to handle the record: always, unless it is a dead letter replayed for another one.

    On `rfi.submitted` the header means nothing: strangers write there and intake alone reads, so an RFI that names a
    group would be dropped without a word.
    """
    if record.topic == Topic.RFI_SUBMITTED:
        return True
    named = [value for name, value in record.headers if name == REPLAY_GROUP_HEADER]
    return not named or group.encode() in named


#: Takes records that Kafka's client cannot decode, each with why not, as far as their bytes could be had.
DamagedHandler: TypeAlias = Callable[[Sequence[tuple[Record, str]]], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """The topics of one consumer group and how its batches are treated.

    `concurrency` is the number of consumers in this process; each has its own partitions and one batch at a time.
    """

    topics: tuple[str, ...]
    group: str
    max_records: int = 1000
    concurrency: int = 1
    retry_limit: int = 10
    #: Tries of a batch after which an error that names no dependency (a conflict) is put on its record.
    internal_error_limit: int = 10
    #: Internal errors in a row, without a success, after which the consumer stops.
    damaged: DamagedHandler | None = None
    #: What is done with records that cannot be decoded; None puts them aside as dead letters.


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How long delivery waits for what, in seconds."""

    session_timeout_s: float = 10.0
    #: Without a heartbeat for so long the group gives a member's partitions to others.
    revoke_wait_s: float = 25.0
    #: How long a rebalance waits for the batch in hand.
    commit_timeout_s: float = 10.0
    start_timeout_s: float = 60.0
    #: For one attempt to start; there is always another one.
    drain_s: float = 15.0
    #: How long a stop waits for the batch in hand.
    leave_s: float = 5.0
    #: How long a stop waits for Kafka, after that.
    batch_limit_s: float = 45.0
    #: A batch in hand for longer makes the process not live.
    poll_limit_s: float = 30.0
    #: No poll for longer makes the process not live, unless it waits for a dependency.
