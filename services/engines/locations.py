"""Where do the engines keep their data, logs, process ids and ports?

Everything lies under one folder (the home), so that removing it removes every trace. Jars and Java archives are shared
by all homes of a user and lie in the user's cache folder.
"""

from __future__ import annotations

import json
import os
import random
import socket
import tempfile
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

HOME_VARIABLE = "REFERRALS_HOME"
DEFAULT_HOME = ".referrals"
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Home:
    """The one folder of a running system; the properties name what lies where in it."""

    root: Path

    @property
    def kafka(self) -> Path:
        """The broker's log, metadata and configuration."""
        return self.root / "data" / "kafka"

    def mongo(self, member: int = 1) -> Path:
        """The data of one replica set member, counted from 1."""
        return self.root / "data" / f"mongo-{member}"

    @property
    def mail(self) -> Path:
        """The caught mails and their index."""
        return self.root / "mail"

    @property
    def logs(self) -> Path:
        """One log file per process."""
        return self.root / "logs"

    @property
    def run(self) -> Path:
        """What is running: plan, status, ports."""
        return self.root / "run"

    @property
    def plan(self) -> Path:
        """What the supervisor was asked to run; may hold secrets of the processes' environment."""
        return self.run / "plan.json"

    @property
    def status(self) -> Path:
        """What the supervisor last saw of every process."""
        return self.run / "status.json"

    @property
    def state(self) -> Path:
        """The chosen ports."""
        return self.run / "state.json"

    def log(self, name: str) -> Path:
        """The log file of the process `name`."""
        return self.logs / f"{name}.log"

    def create(self) -> Home:
        """Make the folders, readable by their owner only, and return the home."""
        for folder in (self.root, self.root / "data", self.logs, self.run):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self


def home_from(environ: Mapping[str, str], cwd: Path) -> Home:
    """The home the environment names (REFERRALS_HOME), else `.referrals` in `cwd`."""
    return Home((cwd / environ.get(HOME_VARIABLE, DEFAULT_HOME)).absolute())


#: Where Linux says which ports it gives to outgoing connections.
EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")
#: Below it are ports of well-known services; so many ports are tried before the system is asked.
LOWEST_PORT, PORTS_TRIED = 20_000, 200


def cache_folder(environ: Mapping[str, str]) -> Path:
    """The user's cache folder for jars and Java archives (XDG_CACHE_HOME, else ~/.cache)."""
    base = environ.get("XDG_CACHE_HOME") or str(Path(environ.get("HOME") or Path.home()) / ".cache")
    return Path(base).absolute() / "referral-exchange"


def port_is_free(port: int) -> bool:
    """Whether nobody listens on the loopback port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # A port in TIME_WAIT can be listened on again, as the engines do themselves.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """A loopback port that nobody has at this moment."""
    with ExitStack() as held:
        return _free_port(held, set())


def claim_ports(home: Home, names: Iterable[str], preferred: Mapping[str, int] | None = None) -> dict[str, int]:
    """A loopback port for each name: the one it had last time if still free, else a new one, kept for next time.

    A name that had none gets the `preferred` one if that is free.

    Call it only while the processes of `names` are down, or their own ports look taken.
    """
    known: dict[str, int] = dict(read_json(home.state).get("ports", {}))
    wanted = list(names)
    first = {**(preferred or {}), **known}
    keep = {name: first[name] for name in wanted if name in first and port_is_free(first[name])}
    spoken_for = set(known.values())
    with ExitStack() as held:
        for name in wanted:
            if name not in keep:
                keep[name] = _free_port(held, spoken_for)
    write_json(home.state, {"ports": known | keep})
    return {name: keep[name] for name in wanted}


def _free_port(held: ExitStack, spoken_for: set[int]) -> int:
    """A port nobody has; the socket stays open in `held`, so that the next call gets another one."""
    for wish in _wishes():
        probe = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
        with suppress(OSError):
            probe.bind((LOOPBACK, wish))
            port = int(probe.getsockname()[1])
            if port not in spoken_for:
                return port
    raise AssertionError  # Wishes do not end.


def _wishes() -> Iterator[int]:
    """Ports to try; 0 leaves the choice to the system, and comes last.

    What the system chooses it may give to any connection in the moment before the process that it is for listens there.
    So ports come first that it gives to nobody, in any order, for others may look for some at the same time.
    """
    end = first_given_out()
    if end - LOWEST_PORT >= PORTS_TRIED:
        yield from random.sample(range(LOWEST_PORT, end), PORTS_TRIED)
    yield from repeat(0)


def first_given_out() -> int:
    """The first of the ports that the system gives to outgoing connections; 0 where it does not say."""
    try:
        return int(EPHEMERAL.read_text("utf-8").split()[0])
    except (OSError, ValueError, IndexError):
        return 0


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in the file; empty when the file is not there."""
    try:
        loaded = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    return loaded if isinstance(loaded, dict) else {}


def write_json(path: Path, value: Mapping[str, object]) -> None:
    """Replace the file at once, so that a reader never sees a part; only the owner may read it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(value, file, indent=1)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
