"""What do all rounds stand on: the engines, the mail server, fresh topics, a fresh database, and the processes?"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError
from aiokafka.protocol.admin import DescribeGroupsRequest, DescribeGroupsRequest_v1
from pymongo import MongoClient

from bench.systems import PROCESSES, System
from schemas.topics import TOPICS
from services.engines.bundled import BundledEngines, running_engines
from services.engines.children import Child, Command, tail, wait_until

_READY_S = 60.0
_LOOK_AGAIN_S = 0.05
_TICKS = os.sysconf("SC_CLK_TCK")


class BenchFailed(Exception):
    """A round did not do what it should have done; its numbers are worth nothing."""


class Stage:
    """Engines and mail server, running."""

    def __init__(self, engines: BundledEngines, sink: Child, sink_port: int, logs: Path) -> None:
        self._engines, self._sink, self.sink_port, self.logs = engines, sink, sink_port, logs
        self.kafka, self.mongo = engines.endpoints.kafka, engines.endpoints.mongo
        self.client: MongoClient[dict[str, Any]] = MongoClient(self.mongo, tz_aware=True, w="majority", journal=True)

    def forget(self, database: str) -> None:
        """Drop a round's database and put everything on disk, so that the next round does not wait for this one's."""
        self.client.drop_database(database)
        self.client.admin.command("fsync")
        os.sync()

    def cpu_of_engines(self) -> dict[str, float]:
        """CPU seconds that each engine has used, this process among them."""
        pids = {"kafka": self._engines["kafka"].pid, "mongod": self._engines["mongo"].pid}
        sink = self._sink.identity
        named = {**pids, "sink": sink.pid if sink else None, "publisher": os.getpid()}
        return {name: cpu_s(pid) for name, pid in named.items() if pid is not None}

    @contextmanager
    def processes(self, system: System, database: str, smtp_port: int) -> Iterator[dict[str, Child]]:
        """The three processes of a system, started; stopped in order at the end."""
        env = self._environment(database, smtp_port)
        children = {
            name: Child(name, system.command(name, env, self.logs), self.logs / f"{system.name}-{name}.log")
            for name in PROCESSES
        }
        try:
            for child in children.values():
                child.start()
            yield children
        finally:
            for child in children.values():
                child.terminate()
            for child in children.values():
                child.stop(20.0)

    def _environment(self, database: str, smtp_port: int) -> dict[str, str]:
        return {
            "REFERRALS_KAFKA": self.kafka,
            "REFERRALS_MONGO": self.mongo,
            "REFERRALS_MONGO_DATABASE": database,
            "REFERRALS_SMTP": f"127.0.0.1:{smtp_port}",
            "REFERRALS_INTAKE_PORT": "0",
            "BENCH_TEMPLATES": str(self.logs.parent / "templates.bson"),
        }

    async def ready(self, system: System, children: Mapping[str, Child]) -> None:
        """Wait until every group of the system has its partitions and its processes are idle."""
        await until(lambda: all_run(children), what="the processes run")
        async with self.admin() as admin:
            async with asyncio.timeout(_READY_S):
                while not await _stable(admin, system.groups):
                    all_run(children)
                    await asyncio.sleep(_LOOK_AGAIN_S)
        await _idle(children)

    async def fresh_topics(self, system: System) -> None:
        """Delete this system's topics and make them anew."""
        async with self.admin() as admin:
            names = [f"{system.prefix}{spec.topic.value}" for spec in TOPICS]
            there = set(names) & set(await admin.list_topics())
            if there:
                await admin.delete_topics(sorted(there))
            async with asyncio.timeout(_READY_S):
                while set(names) & set(await admin.list_topics()):  # noqa: ASYNC110 - Kafka and processes have no event to wait on
                    await asyncio.sleep(_LOOK_AGAIN_S)
            wanted = [
                NewTopic(f"{system.prefix}{s.topic.value}", s.partitions, 1, topic_configs=_kept(s)) for s in TOPICS
            ]
            answer = await admin.create_topics(wanted)
            if refused := [error for error in answer.topic_errors if error[1]]:
                raise BenchFailed(f"Kafka refuses topics: {refused}")
            async with asyncio.timeout(_READY_S):
                while not set(names) <= set(await admin.list_topics()):  # noqa: ASYNC110 - Kafka and processes have no event to wait on
                    await asyncio.sleep(_LOOK_AGAIN_S)

    @asynccontextmanager
    async def admin(self) -> AsyncIterator[Any]:
        """Kafka's administration."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka)
        await admin.start()
        try:
            yield admin
        finally:
            await admin.close()


@contextmanager
def stage(home: Path) -> Iterator[Stage]:
    """Start engines and mail server in a folder; stop them at the end."""
    logs = home / "bench"
    logs.mkdir(parents=True)
    with running_engines(home, catcher=False) as engines:
        port = free_port()
        sink = Child("sink", Command(argv=(sys.executable, "-m", "bench.sink", str(port))), logs / "sink.log")
        sink.start()
        try:
            if not wait_until(lambda: _answers(port), 20.0):
                raise BenchFailed(f"the mail server does not start: {tail(sink.log)}")
            yield Stage(engines, sink, port, logs)
        finally:
            sink.stop(1.0)


def cpu_s(pid: int) -> float:
    """CPU seconds of a process, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def cpu_of(children: Mapping[str, Child]) -> dict[str, float]:
    """CPU seconds of processes."""
    return {name: cpu_s(child.identity.pid) for name, child in children.items() if child.identity}


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


async def until(condition: Callable[[], bool], *, what: str, within_s: float = _READY_S) -> None:
    """Wait until a condition holds.

    Raises:
        BenchFailed: it does not in time.
    """
    try:
        async with asyncio.timeout(within_s):
            while not condition():  # noqa: ASYNC110 - Kafka and processes have no event to wait on
                await asyncio.sleep(_LOOK_AGAIN_S)
    except TimeoutError as error:
        raise BenchFailed(f"not within {within_s:g} s: {what}") from error


def all_run(children: Mapping[str, Child]) -> bool:
    """True while every process runs.

    Raises:
        BenchFailed: one has ended; shows the end of its log.
    """
    for name, child in children.items():
        if not child.running:
            raise BenchFailed(f"{name} ended with {child.exit_code}; its log ends:\n{tail(child.log)}")
    return True


class _DescribeGroups(DescribeGroupsRequest):
    """The question in its second version: aiokafka 0.14 reads answers of the newest one with an older one's layout."""

    def build(self, _request_struct_class: Any) -> Any:
        """The request."""
        return DescribeGroupsRequest_v1(self._groups)


async def _stable(admin: Any, groups: Sequence[str]) -> bool:
    names = [str(group) for group in groups]
    try:
        # One broker is everybody's coordinator.
        answer = await admin._send_request(_DescribeGroups(names), await admin.find_coordinator(names[0]))  # noqa: SLF001
    except KafkaError:
        return False  # The coordinator is still being chosen.
    return all(state == "Stable" and members for _, _, state, _, _, members in answer.groups)


async def _idle(children: Mapping[str, Child]) -> None:
    """Wait until the processes use little CPU."""
    for _ in range(100):
        before = sum(cpu_of(children).values())
        await asyncio.sleep(0.3)
        if sum(cpu_of(children).values()) - before < 0.06:
            return
    raise BenchFailed("the processes do not come to rest")


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 1.0):
            return True
    except OSError:
        return False


def _kept(spec: Any) -> dict[str, str]:
    return {"cleanup.policy": "compact"} if spec.retention is None else {}
