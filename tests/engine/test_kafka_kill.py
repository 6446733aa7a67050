"""kill -9 in the middle of a batch: nothing is lost, only the batch in hand is seen twice, and the wait is short."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

from services.adapters.kafka.admin import KafkaAdmin
from services.adapters.kafka.producer import KafkaPublisher
from tests.kafka_world import new_topic, outgoing, until

ROOT = Path(__file__).parent.parent.parent


def start(kafka: str, topic: str, group: str, out: Path) -> subprocess.Popen[bytes]:
    program = Path(__file__).with_name("kafka_program.py")
    command = [sys.executable, str(program), kafka, topic, group, str(out), "one"]
    return subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.DEVNULL)


async def test_a_killed_consumer_loses_nothing_and_its_successor_need_not_wait_for_the_session(
    kafka: str, tmp_path: Path
) -> None:
    topic, group, out = await new_topic(kafka), "group-killed", tmp_path / "out"
    out.touch()
    publisher, admin = KafkaPublisher(kafka), KafkaAdmin(kafka)
    values = [f"{n:04}" for n in range(300)]
    await publisher.publish(outgoing(topic, *values))
    await publisher.stop()

    first = start(kafka, topic, group, out)
    await until(lambda: len(out.read_text().split()) > 50)
    first.kill()
    first.wait()
    assert len(out.read_text().split()) < 300

    async def all_committed() -> bool:
        return not any((await admin.lag(group, [topic])).values())

    second = start(kafka, topic, group, out)
    try:
        # Far below the session of 60 s: the same instance gets its partitions back at once.
        await until(all_committed, within_s=30)
    finally:
        second.kill()
        second.wait()
    seen = Counter(out.read_text().split())
    assert sorted(seen) == values
    assert sum(seen.values()) - len(values) <= 5
