"""How would records be taken out of the topic of publishers if there were no Kafka? The twin of port `SubmittedLog`."""

from __future__ import annotations

from collections.abc import Mapping

from schemas.topics import Group, Topic
from services.adapters.memory.faults import Faults, faulty
from services.adapters.memory.kafka import MemoryLog


class MemorySubmittedLog:
    """Over a log in memory: records that are deleted leave an empty one, so that offsets stay."""

    def __init__(self, log: MemoryLog, faults: Faults | None = None) -> None:
        self.faults = faults or Faults("kafka")
        self._log = log

    @faulty
    async def ends(self) -> Mapping[int, int]:
        """How long each partition is."""
        return {number: len(lane) for number, lane in enumerate(self._log.partitions(Topic.RFI_SUBMITTED))}

    @faulty
    async def delete_before(self, upto: Mapping[int, int]) -> bool:
        """Once intake has read them all."""
        topic = str(Topic.RFI_SUBMITTED)
        done = {number: self._log.committed.get((Group.INTAKE, topic, number), 0) for number in upto}
        if any(done[number] < end for number, end in upto.items()):
            return False
        for number, end in upto.items():
            self._log.delete_before(topic, number, end)
        return True
