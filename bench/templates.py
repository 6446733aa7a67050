"""What does the product store, tell and mail for one RFI? Copied from a real round, for the floor to repeat.

The floor writes the same documents, records and mails with other ids, so both systems move the same bytes.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import bson
from aiokafka import AIOKafkaConsumer

from bench.sink import Sink
from bench.stage import BenchFailed, Stage
from schemas.topics import Topic

#: RFIs that are copied; their documents, records and mails differ as real ones do.
COPIED = 100

_TO = re.compile(rb"^To:(?:.|\r\n[ \t])*?([^\s<>]+@[^\s<>]+)", re.MULTILINE)
_TOLD = (Topic.RFI_ACCEPTED, Topic.ENGAGEMENT_EVENTS, Topic.REFERRAL_EVENTS)


class Keeping(Sink):
    """The benchmark's mail server, with a memory."""

    kept: ClassVar[dict[str, bytes]] = {}
    #: The last mail of each address, as it was on the wire, up to the final dot.

    def _step(self, answers: list[bytes]) -> bool:
        if self.in_data and (end := self.buffer.find(b"\r\n.\r\n")) >= 0:
            mail = self.buffer[: end + 5]
            if found := _TO.search(mail):
                Keeping.kept[found[1].decode()] = mail
        return super()._step(answers)


@asynccontextmanager
async def keeping_sink() -> AsyncIterator[int]:
    """A mail server in this process that keeps what it takes; yields its port."""
    server = await asyncio.get_running_loop().create_server(Keeping, "127.0.0.1", 0)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()


@dataclass(frozen=True, slots=True)
class Template:
    """What one RFI became."""

    rfi: dict[str, Any]
    #: As intake inserts it.
    routed: dict[str, Any]
    #: What the router sets on it.
    referrals: list[dict[str, Any]]
    jobs: list[dict[str, Any]]
    #: Those of the partners in the order of `referrals`, then the customer's; as they are inserted, leased.
    mails: list[bytes]
    records: dict[str, dict[str, Any]]
    #: One of each topic: value and headers.


async def copy_templates(stage: Stage, database: str, target: Path) -> None:
    """Write what the product left in a database, on Kafka and in `Keeping` to a file.

    Raises:
        BenchFailed: something is missing.
    """
    db = stage.client[database]
    records = {topic.value: await _first_record(stage, topic) for topic in _TOLD}
    templates = []
    for rfi in db.rfis.find().sort("_id", 1).limit(COPIED):
        referrals = list(db.referrals.find({"rfi_id": rfi["_id"]}))
        jobs = {job.get("referral_id"): job for job in db.send_jobs.find({"rfi_id": rfi["_id"]})}
        ordered = [jobs[referral["_id"]] for referral in referrals] + [jobs[None]]
        routed = {"routing": rfi.pop("routing"), "state": rfi["state"]}
        template = {
            "rfi": {**rfi, "state": "accepted", "version": 1},
            "routed": routed,
            "referrals": referrals,
            "jobs": [_as_inserted(job) for job in ordered],
            "mails": [Keeping.kept[job["address"]] for job in ordered],
            "records": records,
        }
        templates.append(template)
    if len(templates) < COPIED:
        raise BenchFailed(f"the warm-up left {len(templates)} RFIs, {COPIED} are needed")
    await asyncio.to_thread(target.write_bytes, b"".join(bson.encode(template) for template in templates))


def read_templates(source: Path) -> list[Template]:
    """The templates of a file."""
    templates = [Template(**doc) for doc in bson.decode_all(source.read_bytes())]
    for template in templates:
        for record in template.records.values():
            record["headers"] = [(name, value) for name, value in record["headers"]]
    return templates


def _as_inserted(job: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in job.items() if name != "sent_at"}
    return {**kept, "state": "leased", "lease_owner": "notifier-1@floor:12345", "lease_until": job["sent_at"]}


async def _first_record(stage: Stage, topic: Topic) -> dict[str, Any]:
    consumer = AIOKafkaConsumer(topic.value, bootstrap_servers=stage.kafka, auto_offset_reset="earliest")
    await consumer.start()
    try:
        async with asyncio.timeout(20):
            record = await consumer.getone()
    finally:
        await consumer.stop()
    return {"value": record.value, "headers": [[name, value] for name, value in record.headers]}
