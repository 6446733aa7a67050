"""What does the supervisor run, and what does it know of each process?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from services.engines.children import Identity
from services.engines.choose import Endpoints
from services.engines.locations import Home, claim_ports, read_json, write_json

State = Literal["preparing", "starting", "ready", "not ready", "restarting", "stopping", "stopped"]

#: `health_port` of a spec that lets us choose a free port for each instance and keep it.
CHOOSE_PORT = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """A service to keep running.

    In `argv` and the values of `env` these are filled in: `{port}` (health port), `{instance}` (1, 2, …), `{name}`,
    `{home}`, `{kafka}`, `{mongo}`, `{smtp}`. The engines' addresses are also in its environment as REFERRALS_KAFKA,
    REFERRALS_MONGO and REFERRALS_SMTP. With several instances the names are `router-1`, `router-2`, …, and a fixed
    `health_port` counts up with them. Without a `health_port` only its death is noticed. With `preload`, modules that
    a Python program of ours consists of, it is forked from a process that has them loaded (`loader`).
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    health_port: int | None = CHOOSE_PORT
    instances: int = 1
    preload: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How patient the supervisor is; all in seconds."""

    poll_s: float = 1.0
    answer_s: float = 5.0
    hung_after_s: float = 30.0
    #: Without a good answer for so long a process counts as hung, once it has given one.
    stuck_for_s: float = 3.0
    #: A process that says of itself that it is stuck is given this long to think again.
    first_answer_s: float = 90.0
    #: Until then it starts, which takes its time on a busy machine: killing it only makes it begin anew.
    backoff_first_s: float = 0.2
    backoff_most_s: float = 30.0
    stable_after_s: float = 20.0
    grace_s: float = 20.0

    def backoff_s(self, failures: int) -> float:
        """How long to wait before the restart after this many failures in a row (1, 2, …)."""
        return min(self.backoff_most_s, self.backoff_first_s * 2.0 ** min(failures - 1, 16))


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One instance of a spec with everything filled in."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    health_port: int | None
    preload: Sequence[str] = ()


def services_of(specs: Sequence[Spec], home: Home, endpoints: Endpoints) -> list[Service]:
    """Every instance of every spec, with its health port chosen."""
    named = [(spec, number, name) for spec in specs for number, name in _instances(spec)]
    ports = claim_ports(home, [name for spec, _, name in named if spec.health_port == CHOOSE_PORT])
    services = []
    for spec, number, name in named:
        port = ports.get(name) or (spec.health_port and spec.health_port + number - 1)
        fill = {
            "{port}": str(port or ""),
            "{instance}": str(number),
            "{name}": name,
            "{home}": str(home.root),
            "{kafka}": endpoints.kafka,
            "{mongo}": endpoints.mongo,
            "{smtp}": endpoints.smtp,
        }
        env = {**endpoints.environment(), **{key: _filled(value, fill) for key, value in spec.env.items()}}
        argv = tuple(_filled(argument, fill) for argument in spec.argv)
        services.append(Service(name=name, argv=argv, env=env, health_port=port, preload=spec.preload))
    return services


def _instances(spec: Spec) -> Iterator[tuple[int, str]]:
    for number in range(1, spec.instances + 1):
        yield number, spec.name if spec.instances == 1 else f"{spec.name}-{number}"


def _filled(text: str, fill: Mapping[str, str]) -> str:
    # Not str.format: an environment value may be JSON, whose braces are its own.
    for mark, value in fill.items():
        text = text.replace(mark, value)
    return text


@dataclass(slots=True, kw_only=True)
class ProcessStatus:
    """What the supervisor last saw of one process; `since` is when `state` began, `why` is set after a failure."""

    name: str
    state: State = "stopped"
    pid: int | None = None
    started: int | None = None
    restarts: int = 0
    since: str = ""
    health_port: int | None = None
    log: str = ""
    why: str = ""

    def identity(self) -> Identity | None:
        """The process, for finding out whether it still runs."""
        return Identity(self.pid, self.started) if self.pid is not None and self.started is not None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """A whole system: its supervisor (None when it does not run), the engines' addresses, every process."""

    supervisor: Identity | None
    endpoints: Endpoints | None
    processes: tuple[ProcessStatus, ...]

    @property
    def running(self) -> bool:
        """Whether it is supervised."""
        return self.supervisor is not None and self.supervisor.alive()

    @property
    def ready(self) -> bool:
        """Whether it is supervised and every process serves."""
        return self.running and self.endpoints is not None and all(p.state == "ready" for p in self.processes)

    def leftovers(self) -> list[Identity]:
        """Recorded processes that still run."""
        identities = [process.identity() for process in self.processes]
        return [identity for identity in identities if identity and identity.alive()]


def now_text() -> str:
    """The machine's time for status files, ISO 8601 in UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def write_status(home: Home, status: Status) -> None:
    """Replace the status file."""
    endpoints = status.endpoints and {**asdict(status.endpoints), "mail_dir": str(status.endpoints.mail_dir or "")}
    supervisor = status.supervisor and asdict(status.supervisor)
    processes = [asdict(process) for process in status.processes]
    write_json(home.status, {"supervisor": supervisor, "endpoints": endpoints, "processes": processes})


def read_status(home: Home) -> Status:
    """The status file; of a system that never ran, an empty one."""
    stored = read_json(home.status)
    supervisor, endpoints = stored.get("supervisor"), stored.get("endpoints")
    return Status(
        supervisor=Identity(**supervisor) if supervisor else None,
        endpoints=_endpoints(endpoints) if endpoints else None,
        processes=tuple(ProcessStatus(**process) for process in stored.get("processes", ())),
    )


def _endpoints(stored: Mapping[str, Any]) -> Endpoints:
    return Endpoints(**{**stored, "mail_dir": Path(stored["mail_dir"]) if stored["mail_dir"] else None})
