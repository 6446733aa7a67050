"""The floor: the same bytes and the same durable writes as the product's, and nothing else.

Three processes (`python -m bench.floor intake|router|notifier`) over bare aiokafka `getmany` and record batches, bulk
writes of the MongoDB driver and pipelined SMTP. No reads, no validation, no matching, no rendering, no framework: what
is written was copied from the product (bench/templates.py), with other ids.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import TopicPartition
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import UpdateMany, UpdateOne

from bench.floor_mail import FloorMail, connect
from bench.load import REFERRALS_PER_RFI, number_of
from bench.templates import Template, read_templates
from schemas.topics import Topic

PREFIX = os.environ.get("BENCH_PREFIX", "")
BATCH = 1000
#: Jobs that are sent and noted together.
MAILS = 500


def identifier(number: int, part: int) -> str:
    """An id in the form of the product's: its beginning is spread like a hash, its end says what it belongs to."""
    return str(UUID(int=(((number * 64 + part) * 0x9E3779B97F4A7C15) & (2**64 - 1)) << 64 | part << 56 | number))


def parts_of(id_: bytes) -> tuple[int, int]:
    """The number of the RFI and the part that an id was made from."""
    return int(id_[-12:], 16), int(id_[19:21], 16)


class Floor:
    """One process of the floor."""

    def __init__(self, templates: Sequence[Template]) -> None:
        self.templates = templates
        client: Any = AsyncIOMotorClient(os.environ["REFERRALS_MONGO"], w="majority", journal=True)
        self.db = client[os.environ["REFERRALS_MONGO_DATABASE"]]
        self.producer = AIOKafkaProducer(
            bootstrap_servers=os.environ["REFERRALS_KAFKA"],
            acks="all",
            enable_idempotence=True,
            compression_type="lz4",
            max_batch_size=512 * 1024,
        )
        self.queue: asyncio.Queue[list[tuple[dict[str, Any], bytes]]] = asyncio.Queue(4)

    def template(self, number: int) -> Template:
        """What the product made of an RFI like this one."""
        return self.templates[number % len(self.templates)]

    async def intake(self, keys: Sequence[bytes]) -> None:
        """Store RFIs, tell the router."""
        numbers = [number_of(key) for key in keys]
        await self.db.rfis.insert_many(
            [{**self.template(n).rfi, "_id": identifier(n, 0)} for n in numbers], ordered=False
        )
        await self.publish(Topic.RFI_ACCEPTED, [(identifier(n, 0), n) for n in numbers])

    async def router(self, keys: Sequence[bytes]) -> None:
        """Store routings and referrals, tell the notifier."""
        numbers = [parts_of(key)[0] for key in keys]
        await self.db.rfis.bulk_write(
            [
                UpdateOne({"_id": identifier(n, 0)}, {"$set": self.template(n).routed, "$inc": {"version": 1}})
                for n in numbers
            ],
            ordered=False,
        )
        await self.db.referrals.insert_many(
            [
                {**referral, "_id": identifier(n, part), "rfi_id": identifier(n, 0)}
                for n in numbers
                for part, referral in enumerate(self.template(n).referrals, 1)
            ],
            ordered=False,
        )
        told = [(identifier(n, part), n) for n in numbers for part in range(1, REFERRALS_PER_RFI + 1)]
        await asyncio.gather(
            self.publish(Topic.ENGAGEMENT_EVENTS, [(identifier(n, 0), n) for n in numbers]),
            self.publish(Topic.REFERRAL_EVENTS, told),
        )

    async def notifier(self, keys: Sequence[bytes]) -> None:
        """Store send jobs, hand them to the senders."""
        jobs: list[tuple[dict[str, Any], bytes]] = []
        for number, part in map(parts_of, keys):
            template = self.template(number)
            job = {
                **template.jobs[part - 1],
                "_id": identifier(number, part + 16),
                "rfi_id": identifier(number, 0),
            }
            jobs.append((job, template.mails[part - 1]))
        await self.db.send_jobs.insert_many([job for job, _ in jobs], ordered=False)
        for at in range(0, len(jobs), MAILS):
            await self.queue.put(jobs[at : at + MAILS])

    async def send(self, mail: FloorMail) -> None:
        """Send what the notifier stored, and note it."""
        while True:
            jobs = await self.queue.get()
            await mail.send([(job["address"], content) for job, content in jobs])
            done = {"state": "sent", "attempts": 1, "cut_at_dot": 0, "sent_at": jobs[0][0]["at"]}
            gone = {"lease_owner": "", "lease_until": "", "claim": "", "last_error": ""}
            ours = {"_id": {"$in": [job["_id"] for job, _ in jobs]}}
            await self.db.send_jobs.bulk_write([UpdateMany(ours, {"$set": done, "$unset": gone})], ordered=False)

    async def publish(self, topic: Topic, keys: Sequence[tuple[str, int]]) -> None:
        """The product's record of this topic, once for each key."""
        name = f"{PREFIX}{topic.value}"
        partitions = len(await self.producer.partitions_for(name))
        lanes: dict[int, list[tuple[bytes, int]]] = {}
        for text, number in keys:
            lanes.setdefault(number % partitions, []).append((text.encode(), number))
        sent: list[Any] = []
        for partition, lane in lanes.items():
            batch = self.producer.create_batch()
            for key, number in lane:
                record = self.template(number).records[topic.value]
                value, headers = record["value"], record["headers"]
                if batch.append(key=key, value=value, timestamp=None, headers=headers) is None:
                    sent.append(await self.producer.send_batch(batch, name, partition=partition))
                    batch = self.producer.create_batch()
                    batch.append(key=key, value=value, timestamp=None, headers=headers)
            batch.close()
            sent.append(await self.producer.send_batch(batch, name, partition=partition))
        await asyncio.gather(*sent)

    async def consume(self, process: str, topics: Sequence[Topic]) -> None:
        """Batches to a step, then their offsets, for ever."""
        step: Callable[[Sequence[bytes]], Awaitable[None]] = getattr(self, process)
        consumer = AIOKafkaConsumer(
            *(f"{PREFIX}{topic.value}" for topic in topics),
            bootstrap_servers=os.environ["REFERRALS_KAFKA"],
            group_id=f"floor-{process}",
            auto_offset_reset="earliest",
            enable_auto_commit=False,
        )
        await consumer.start()
        while True:
            found = await consumer.getmany(timeout_ms=500, max_records=BATCH)
            if not found:
                continue
            if process == "notifier":
                # An engagement's event is the customer's mail, which is the last of the template.
                keys = [_job_key(r.topic, r.key or b"") for records in found.values() for r in records]
            else:
                keys = [r.key or b"" for records in found.values() for r in records]
            await step(keys)
            await consumer.commit({TopicPartition(*tp): records[-1].offset + 1 for tp, records in found.items()})


def _job_key(topic: str, key: bytes) -> bytes:
    if topic.endswith(Topic.REFERRAL_EVENTS):
        return key
    number, _ = parts_of(key)
    return identifier(number, REFERRALS_PER_RFI + 1).encode()


async def main(process: str) -> None:
    """Run one process until killed."""
    floor = Floor(read_templates(Path(os.environ["BENCH_TEMPLATES"])))
    await floor.producer.start()
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    topics = {
        "intake": (Topic.RFI_SUBMITTED,),
        "router": (Topic.RFI_ACCEPTED,),
        "notifier": (Topic.REFERRAL_EVENTS, Topic.ENGAGEMENT_EVENTS),
    }
    async with asyncio.TaskGroup() as tasks:
        if process == "notifier":
            host, _, port = os.environ["REFERRALS_SMTP"].partition(":")
            for _ in range(2):
                tasks.create_task(floor.send(await connect(host, int(port))))
        tasks.create_task(floor.consume(process, topics[process]))


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1]))
