"""A process to be killed: consumes a topic and appends each value to a file.

Usage: kafka_program.py KAFKA TOPIC GROUP FILE INSTANCE
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence

from services.adapters.kafka.subscription import Timing
from services.core.ports import Record
from tests.kafka_world import Handled, World


async def main(kafka: str, topic: str, group: str, path: str, instance: str) -> None:
    out = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    async def append(records: Sequence[Record]) -> None:
        for record in records:
            os.write(out, (record.value or b"") + b"\n")
            await asyncio.sleep(0.005)

    timing = Timing(session_timeout_s=60.0)
    world = World(kafka, topic, group, Handled(append), timing=timing, instance=instance, max_records=5)
    await world.delivery.run(asyncio.Event())


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
