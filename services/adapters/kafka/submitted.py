"""How are records taken out of the topic that publishers write to, once intake has read them?"""

from __future__ import annotations

from collections.abc import Mapping

from schemas.topics import Group, Topic
from services.adapters.kafka.admin import KafkaAdmin


class KafkaSubmittedLog:
    """Port `SubmittedLog`. Kafka deletes from the beginning of a partition, so others' records before it go as well.

    Nothing is lost by that: what intake has read is in the database. Tests name a topic and a group of their own.
    """

    def __init__(self, admin: KafkaAdmin, topic: str = Topic.RFI_SUBMITTED, group: str = Group.INTAKE) -> None:
        self._admin, self._topic, self._group = admin, str(topic), str(group)

    async def ends(self) -> Mapping[int, int]:
        """As Kafka tells them."""
        found = await self._admin.end_offsets([self._topic])
        return {partition: end for (_, partition), end in found.items()}

    async def delete_before(self, upto: Mapping[int, int]) -> bool:
        """What is gone already, by us or by the topic's retention, waits for nobody."""
        begins, done = await self._admin.begin_offsets([self._topic]), await self._admin.committed(self._group)
        places = {(self._topic, partition): end for partition, end in upto.items()}
        wanted = {place: end for place, end in places.items() if begins.get(place, 0) < end}
        if any(done.get(place, 0) < end for place, end in wanted.items()):
            return False
        await self._admin.delete_before(wanted)
        return True
