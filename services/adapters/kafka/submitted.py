"""How are records taken out of the topic that publishers write to, once intake has read them?"""

from __future__ import annotations

from collections.abc import Mapping

from schemas.topics import Group, Topic
from services.adapters.kafka.admin import KafkaAdmin


class KafkaSubmittedLog:
    """Port `SubmittedLog`. Kafka deletes from the beginning of a partition, so others' records before it go as well.

    Nothing is lost by that: what intake has read is in the database.
    """

    def __init__(self, admin: KafkaAdmin) -> None:
        self._admin = admin

    async def ends(self) -> Mapping[int, int]:
        """As Kafka tells them."""
        found = await self._admin.end_offsets([Topic.RFI_SUBMITTED])
        return {partition: end for (_, partition), end in found.items()}

    async def delete_before(self, upto: Mapping[int, int]) -> bool:
        """A second time Kafka finds nothing before the offsets."""
        done = await self._admin.committed(Group.INTAKE)
        wanted = {(str(Topic.RFI_SUBMITTED), partition): end for partition, end in upto.items() if end}
        if any(done.get(place, 0) < end for place, end in wanted.items()):
            return False
        await self._admin.delete_before(wanted)
        return True
