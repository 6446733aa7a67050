"""Do the bundled Kafka and MongoDB keep what they acknowledged, through kill -9, new ports and a lost primary?"""

from __future__ import annotations

import os
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import jgo
import pymongo
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import UnknownTopicOrPartitionError
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import WriteConcern

from services.engines.bundled import running_engines
from services.engines.bundled.jars import JarCache
from services.engines.bundled.kafka_lock import JARS, KAFKA_VERSION
from services.engines.bundled.together import BundledEngines
from services.engines.children import EngineFailed, wait_until
from services.engines.locations import cache_folder, read_json
from tests.bundled import need_bundled


@pytest.fixture(autouse=True)
def _bundled(tmp_path: Path) -> None:
    need_bundled(tmp_path)


async def create_topic(address: str, name: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, num_partitions=1, replication_factor=1)])
    finally:
        await admin.close()


async def produce(address: str, topic: str, values: list[bytes]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=address, acks="all", enable_idempotence=True)
    await producer.start()
    try:
        for value in values:
            await producer.send_and_wait(topic, value)
    finally:
        await producer.stop()


async def read(address: str, topic: str, count: int) -> list[bytes]:
    consumer = AIOKafkaConsumer(bootstrap_servers=address, auto_offset_reset="earliest", enable_auto_commit=False)
    await consumer.start()
    try:
        consumer.assign([TopicPartition(topic, 0)])
        return [bytes((await consumer.getone()).value or b"") for _ in range(count)]
    finally:
        await consumer.stop()


async def insert(uri: str, numbers: range) -> None:
    client: AsyncIOMotorClient[dict[str, int]] = AsyncIOMotorClient(uri)
    try:
        things = client["kept"].get_collection("things", write_concern=WriteConcern("majority"))
        for number in numbers:
            await things.insert_one({"_id": number})
    finally:
        client.close()


async def stored(uri: str) -> list[int]:
    client: AsyncIOMotorClient[dict[str, int]] = AsyncIOMotorClient(uri)
    try:
        return [document["_id"] async for document in client["kept"]["things"].find().sort("_id")]
    finally:
        client.close()


class Stranger(socketserver.BaseRequestHandler):
    """Somebody else's server: it hangs up on everybody."""

    def handle(self) -> None:
        self.request.close()


@contextmanager
def stranger(port: int) -> Iterator[None]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", port), Stranger, bind_and_activate=False) as server:
        server.allow_reuse_address = True
        server.server_bind()
        server.server_activate()
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


async def test_kafka_has_every_acknowledged_record_after_kill_9(tmp_path: Path) -> None:
    with running_engines(tmp_path, mongo=False, catcher=False) as engines:
        address = engines.endpoints.kafka
        await create_topic(address, "kept")
        values = [b"record %d" % number for number in range(200)]
        await produce(address, "kept", values)
        engines["kafka"].kill()
        engines["kafka"].start()
        assert await read(address, "kept", 200) == values


async def test_a_topic_nobody_created_is_an_error(tmp_path: Path) -> None:
    with running_engines(tmp_path, mongo=False, catcher=False) as engines:
        admin = AIOKafkaAdminClient(bootstrap_servers=engines.endpoints.kafka)
        await admin.start()
        try:
            await admin.list_topics()
            (described,) = await admin.describe_topics(["misspelt"])
            assert described["error_code"] == UnknownTopicOrPartitionError.errno
        finally:
            await admin.close()


async def test_mongo_has_every_acknowledged_write_after_kill_9(tmp_path: Path) -> None:
    with running_engines(tmp_path, kafka=False, catcher=False) as engines:
        await insert(engines.endpoints.mongo, range(200))
        engines["mongo"].kill()
        engines["mongo"].start()
        assert await stored(engines.endpoints.mongo) == list(range(200))


async def test_data_outlives_a_stop_and_ports_that_somebody_took(tmp_path: Path) -> None:
    with running_engines(tmp_path, catcher=False) as engines:
        before = engines.endpoints
        await create_topic(before.kafka, "kept")
        await produce(before.kafka, "kept", [b"one"])
        await insert(before.mongo, range(3))
    ports = read_json(tmp_path / "run" / "state.json")["ports"]
    with (
        stranger(ports["kafka"]),
        stranger(ports["kafka-controller"]),
        stranger(ports["mongo-1"]),
        running_engines(tmp_path, catcher=False) as engines,
    ):
        after = engines.endpoints
        assert (after.kafka, after.mongo) != (before.kafka, before.mongo)
        assert await read(after.kafka, "kept", 1) == [b"one"]
        assert await stored(after.mongo) == [0, 1, 2]


def primary(engines: BundledEngines, home: Path) -> str | None:
    """The name of the member that is primary."""
    with pymongo.MongoClient[dict[str, object]](engines.endpoints.mongo, serverSelectionTimeoutMS=500) as client:
        client.admin.command("ping")
        found = client.primary
    ports = read_json(home / "run" / "state.json")["ports"]
    return next((name for name, port in ports.items() if found and port == found[1]), None)


@pytest.mark.slow
async def test_three_members_elect_another_primary_and_keep_acknowledged_writes(tmp_path: Path) -> None:
    with running_engines(tmp_path, kafka=False, catcher=False, members=3) as engines:
        uri = engines.endpoints.mongo
        await insert(uri, range(50))
        first = primary(engines, tmp_path)
        assert first is not None
        engines[first].kill()
        await insert(uri, range(50, 100))  # The driver waits for the election.
        assert await stored(uri) == list(range(100))
        engines[first].start()
        assert await stored(uri) == list(range(100))


def test_every_engine_listens_on_loopback_only(tmp_path: Path) -> None:
    with running_engines(tmp_path) as engines:
        pids = {engines[name].pid for name in ("kafka", "mongo", "mail")}
        listening = {address for pid in pids if pid for address in listening_of(pid)}
    assert len(listening) == 4
    # 127.0.0.1, as the kernel writes it in its two tables.
    assert {address.partition(":")[0] for address in listening} <= {"0100007F", "0000000000000000FFFF00000100007F"}


def listening_of(pid: int) -> set[str]:
    """Local addresses of the process's listening sockets, as in /proc/net/tcp."""
    inodes = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = str(descriptor.readlink())
        except FileNotFoundError:
            continue
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    rows = [row.split() for table in ("tcp", "tcp6") for row in Path(f"/proc/net/{table}").read_text().splitlines()[1:]]
    return {row[1] for row in rows if row[3] == "0A" and row[9] in inodes}


def test_nothing_is_left_running_after_the_block(tmp_path: Path) -> None:
    with running_engines(tmp_path) as engines:
        pids = [engines[name].pid for name in ("kafka", "mongo", "mail")]
        assert all(Path(f"/proc/{pid}").exists() for pid in pids)
    assert wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), 5)


def test_an_engine_that_cannot_start_says_what_its_log_says(tmp_path: Path) -> None:
    (tmp_path / "data" / "mongo-1" / "WiredTiger").mkdir(parents=True)
    with pytest.raises(EngineFailed, match=r"mongo does not start; .*mongo\.log ends:"), running_engines(tmp_path):
        pytest.fail("it must not start")


def test_a_second_start_needs_no_network(tmp_path: Path) -> None:
    JarCache(cache_folder(os.environ)).fetch(os.environ)
    ready = JarCache(cache_folder(os.environ)).fetch({"REFERRALS_MAVEN_URL": "http://127.0.0.1:1"})
    assert f"kafka_2.13-{KAFKA_VERSION}.jar" in ready


def test_without_network_and_jars_the_error_names_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(EngineFailed, match="REFERRALS_MAVEN_URL"):
        JarCache(tmp_path).fetch({"REFERRALS_MAVEN_URL": "http://127.0.0.1:1"})


def test_a_jar_that_is_not_the_pinned_one_is_refused(tmp_path: Path) -> None:
    coordinate, _ = JARS[0]
    group, artifact, version = coordinate.split(":")
    path = tmp_path / "maven" / Path(*group.split(".")) / artifact / version / f"{artifact}-{version}.jar"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"not a jar")
    with pytest.raises(EngineFailed, match="cannot download"):
        JarCache(tmp_path).fetch({"REFERRALS_MAVEN_URL": "http://127.0.0.1:1"})
    assert not path.exists()


@pytest.mark.slow
def test_the_pinned_jars_are_what_maven_resolves() -> None:
    resolved = jgo.resolve(f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}+org.slf4j:slf4j-simple:1.7.36")
    names = {f"{artifact.groupId}:{artifact.artifactId}:{artifact.version}" for artifact in resolved}
    assert names == {coordinate for coordinate, _ in JARS}
