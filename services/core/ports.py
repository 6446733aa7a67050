"""Which doors lead out of the rules, and what may fail behind each.

Every port is a Protocol with a real adapter and an in-memory twin; one behaviour suite (tests/contract) holds both to
the same words. Unless said otherwise a method may raise `DependencyUnavailable` and nothing else of its own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, Protocol, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One Kafka record as it lies in the log; nothing in it is decoded, so nothing in it can fail."""

    topic: str
    partition: int
    offset: int
    timestamp: datetime
    #: Broker's time of the record, aware, UTC.
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()

    @property
    def where(self) -> str:
        """`topic/partition/offset`, the record's name in logs and dead letters."""
        return f"{self.topic}/{self.partition}/{self.offset}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A message to publish. The key picks the partition as every Kafka client would, unless `partition` is given.

    With a `lane` that text picks the partition in the key's place: messages of one lane lie side by side, in order.
    """

    topic: str
    key: str
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()
    partition: int | None = None
    lane: str | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """A record that its handler could not use, and why. The error's verdict must be a dead letter."""

    record: Record
    error: Exception


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A record put aside for a person: what, from where, for which consumer group, why, after how many attempts."""

    group: str
    record: Record
    reason: str
    #: Class name of the error.
    detail: str
    #: The error's words, without personal data.
    attempts: int = 1
    at: datetime


#: A handler takes a batch and returns the records it could not use; an exception concerns the whole batch.
BatchHandler = Callable[[Sequence[Record]], Awaitable[Sequence[Failure]]]


class Publisher(Protocol):
    """Puts messages on Kafka."""

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        """Return when every message is acknowledged by the broker; messages of one key keep their order.

        Raises:
            DependencyUnavailable: not all were acknowledged in time; any of them may have been written.
        """


class Clock(Protocol):
    """What time it is. `now` is business time: deadlines, reminders; a sandbox may shift it."""

    def now(self) -> datetime:
        """The business time, aware, UTC."""

    def real_now(self) -> datetime:
        """The unshifted time (leases), aware, UTC, following the database's clock."""


@dataclass(frozen=True, slots=True)
class Change(Generic[T]):
    """A document as it should become, under the condition that the stored one still has version `expected`."""

    document: T
    expected: int


@dataclass(slots=True)
class Saved:
    """What a bulk of conditional writes did: ids written, and ids that somebody else had changed before."""

    written: list[str] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)


#: Anything JSON can say, as stored in `why`, `facts` and the like.
JsonMap = Mapping[str, object]
