"""One round of one system: fresh topics and database, processes ready and idle, RFIs in, time until all is done."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Self

from aiokafka import AIOKafkaProducer
from pymongo.database import Database

from bench.load import MAILS_PER_RFI, REFERRALS_PER_RFI, network, rfi
from bench.stage import BenchFailed, Stage, all_run, cpu_of, until
from bench.systems import NAIVE, System
from schemas.topics import Topic
from services.adapters.kafka.partitioner import partition_of
from services.adapters.mongo.documents import PARTNERS, PROFILES
from services.adapters.mongo.driver import Mongo
from services.adapters.mongo.indexes import ensure_indexes
from services.engines.children import Child

_ROUND_S = 180.0
_LOOK_AGAIN_S = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What one round measured."""

    system: str
    rfis: int
    seconds: float
    cpu_s: dict[str, float]
    #: CPU seconds by process, engines and publisher among them.

    @property
    def rate(self) -> float:
        """RFIs per second."""
        return self.rfis / self.seconds


class Sink:
    """The mail server's counter."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def count(self) -> int:
        """Mails taken since the last reset."""
        return int((await self._ask(b"XCOUNT")).split()[1])

    async def reset(self) -> None:
        """Begin at zero."""
        await self._ask(b"XRESET")

    async def _ask(self, command: bytes) -> bytes:
        if self._reader is None or self._writer is None:
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self.port)
            await self._reader.readline()
        self._writer.write(command + b"\r\n")
        return await self._reader.readline()

    def close(self) -> None:
        """Close the connection."""
        if self._writer is not None:
            self._writer.close()


async def run_round(stage: Stage, system: System, database: str, smtp_port: int | None = None) -> Round:
    """Measure one round; the database is left for the caller to look at and to drop.

    Raises:
        BenchFailed: it did not end, or left other numbers of documents or mails than it should.
    """
    await stage.fresh_topics(system)
    await seed(stage, system, database)
    sink = Sink(smtp_port or stage.sink_port)
    await sink.reset()
    try:
        with stage.processes(system, database, sink.port) as children:
            await stage.ready(system, children)
            async with _Publisher(stage, system) as publish:
                before = {**cpu_of(children), **stage.cpu_of_engines()}
                began = perf_counter()
                await publish()
                await _done(stage.client[database], sink, system, children)
                seconds = perf_counter() - began
                await _settled(stage.client[database], system)
                after = {**cpu_of(children), **stage.cpu_of_engines()}
            await _verify(stage.client[database], sink, system)
    finally:
        sink.close()
    cpu = {name: after[name] - before[name] for name in after}
    return Round(system=system.name, rfis=system.rfis, seconds=seconds, cpu_s=cpu)


async def seed(stage: Stage, system: System, database: str) -> None:
    """Indexes and the partner network. The naive stack has the index that its one query needs."""
    db = stage.client[database]
    if system.name == NAIVE.name:
        db.profiles.create_index([("country", 1), ("keywords", 1)])
    else:
        with Mongo(stage.mongo, database) as mongo:
            await ensure_indexes(mongo)
    partners, profiles = zip(*network(), strict=True)
    db.partners.insert_many([PARTNERS.to_doc(partner) for partner in partners])
    docs = [PROFILES.to_doc(profile) for profile in profiles]
    for doc in docs:
        del doc["unpublished"]  # As if their publication were long ago: they stand in the database.
    db.profiles.insert_many(docs)


class _Publisher:
    """All RFIs of a round, in record batches that are ready to go."""

    def __init__(self, stage: Stage, system: System) -> None:
        self._producer = AIOKafkaProducer(
            bootstrap_servers=stage.kafka, acks="all", compression_type="lz4", max_batch_size=256 * 1024
        )
        self._topic, self._rfis = system.topic(Topic.RFI_SUBMITTED), system.rfis
        self._batches: list[tuple[int, Any]] = []

    async def __aenter__(self) -> Self:
        await self._producer.start()
        partitions = len(await self._producer.partitions_for(self._topic))
        open_batches: dict[int, Any] = {}
        for number in range(self._rfis):
            key, value = rfi(number)
            partition = partition_of(key, partitions)
            batch = open_batches.get(partition)
            if batch is None or batch.append(key=key, value=value, timestamp=None) is None:
                batch = open_batches[partition] = self._producer.create_batch()
                batch.append(key=key, value=value, timestamp=None)
                self._batches.append((partition, batch))
        for _, batch in self._batches:
            batch.close()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._producer.stop()

    async def __call__(self) -> None:
        """Put them on Kafka, as fast as it takes them."""
        sent = [await self._producer.send_batch(batch, self._topic, partition=p) for p, batch in self._batches]
        await asyncio.gather(*sent)


async def _done(db: Database[dict[str, Any]], sink: Sink, system: System, children: Mapping[str, Child]) -> None:
    """Return when every mail has been taken and every referral stored."""
    mails, referrals = system.rfis * MAILS_PER_RFI, system.rfis * REFERRALS_PER_RFI
    try:
        async with asyncio.timeout(_ROUND_S):
            while await sink.count() < mails or db.referrals.estimated_document_count() < referrals:
                all_run(children)
                await asyncio.sleep(_LOOK_AGAIN_S)
    except TimeoutError as error:
        there = f"{await sink.count()} of {mails} mails, {db.referrals.estimated_document_count()} of {referrals}"
        raise BenchFailed(f"{system.name}: after {_ROUND_S:g} s {there} referrals") from error


async def _settled(db: Database[dict[str, Any]], system: System) -> None:
    """Wait for what follows the mails: the results of send jobs, or the notes of the naive stack."""
    if system.name == NAIVE.name:
        await until(lambda: not db.referrals.count_documents({"mailed_at": None}), what="mails are noted")
    else:
        await until(lambda: not db.send_jobs.count_documents({"state": "leased"}), what="send jobs are finished")


async def _verify(db: Database[dict[str, Any]], sink: Sink, system: System) -> None:
    """Count everything exactly."""
    wanted = {name: number * system.rfis for name, number in system.stored.items()}
    found = {name: db[name].count_documents({}) for name in wanted}
    wanted["mails"], found["mails"] = system.rfis * MAILS_PER_RFI, await sink.count()
    if system.name != NAIVE.name:
        wanted["sent"], found["sent"] = wanted["send_jobs"], db.send_jobs.count_documents({"state": "sent"})
        wanted["routed"], found["routed"] = system.rfis, db.rfis.count_documents({"state": "routed"})
    wanted["dead letters"], found["dead letters"] = 0, db.dead_letters.count_documents({})
    if wanted != found:
        raise BenchFailed(f"{system.name}: wanted {wanted}, found {found}")
