"""How far behind is each consumer group: how many records, and since when does the oldest of them wait?"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from services.adapters.kafka.admin import KafkaAdmin
from services.adapters.kafka.follower import Follower


@dataclass(frozen=True, slots=True)
class Backlog:
    """What a group has still to do; `oldest` is Kafka's time of the first such record, None when there is none."""

    records: int
    oldest: datetime | None


async def backlogs(admin: KafkaAdmin, follower: Follower, reads: Mapping[str, Collection[str]]) -> dict[str, Backlog]:
    """The backlog of each group in the topics that it reads.

    Raises:
        DependencyUnavailable: Kafka does not answer.
    """
    found: dict[str, Backlog] = {}
    for group, lags in (await admin.lags(reads)).items():
        behind = [place for place, number in lags.items() if number]
        done = await admin.committed(group) if behind else {}
        # Where a group has committed nothing it begins at the beginning, wherever that is by now.
        times = await follower.times({place: done.get(place, 0) for place in behind})
        found[group] = Backlog(sum(lags.values()), min(times.values(), default=None))
    return found
