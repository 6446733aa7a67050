"""What is kept of a profile's outcomes between two of them, and how is each outcome counted once?

An outcome is one record of `referral.events`. With the state is kept how far each partition was read for this profile,
in the same write: a record at or before that place is in the state already, however often and however late it comes
again. Places are (offset, broker's time), so that a topic made anew, whose offsets begin again, is not taken for old.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.core.ports import Change, Record, Saved


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadUpTo:
    """The last record of one partition that is in a state."""

    partition: int
    offset: int
    at: datetime
    #: Broker's time, the latest of all records so far.


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptPast:
    """The state of one profile, as it is stored."""

    id: str
    #: Of the profile.
    partner_id: str
    version: int
    #: Of the state; it grows with every outcome.
    read: tuple[ReadUpTo, ...] = ()
    state: str
    #: JSON, as the statistics room writes it.


def is_in(record: Record, read: Sequence[ReadUpTo]) -> bool:
    """Whether a record's outcome is in a state that was read up to these places."""
    place = next((each for each in read if each.partition == record.partition), None)
    return place is not None and record.offset <= place.offset and record.timestamp <= place.at


def read_with(read: Sequence[ReadUpTo], record: Record) -> tuple[ReadUpTo, ...]:
    """The places after one more record, in the order of partitions."""
    places = {each.partition: each for each in read}
    before = places.get(record.partition)
    at = record.timestamp if before is None else max(before.at, record.timestamp)
    places[record.partition] = ReadUpTo(partition=record.partition, offset=record.offset, at=at)
    return tuple(places[number] for number in sorted(places))


class PastStore(Protocol):
    """The pasts of profiles, by profile id."""

    async def load(self, ids: Sequence[str]) -> dict[str, KeptPast]:
        """The stored ones, by id."""

    async def save(self, changes: Sequence[Change[KeptPast]]) -> Saved:
        """Replace each whose stored version is still the expected one, 0 meaning that none is stored.

        What is written counts as unpublished. Ours written before (an answer was lost) counts as written.
        """

    async def all(self, after: str, limit: int) -> list[KeptPast]:
        """The next ones in the order of their ids, those greater than `after` ("" begins)."""

    async def unpublished(self, limit: int) -> list[KeptPast]:
        """Those whose newest version is not known to be on Kafka."""

    async def mark_published(self, versions: Mapping[str, int]) -> None:
        """Note that these versions (by profile id) are on Kafka; a newer stored version stays unpublished."""
