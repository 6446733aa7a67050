"""How does the whole system come up, go down, and tell how it is?

`up` chooses the engines, checks that they can run, and starts a supervising process (`daemon`) that goes on when this
one ends. `down` works whatever is left: a supervisor, or only processes of one that was killed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from services.engines.bundled.jars import JarCache
from services.engines.bundled.mail import import_path
from services.engines.children import LOOK_AGAIN_S, EngineFailed, end_all, tail, wait_until
from services.engines.choose import Choice, Endpoints, Kind, choose
from services.engines.docker import compose_down, compose_up, docker_problem, needed_services
from services.engines.locations import Home, cache_folder
from services.engines.plan import Plan, read_plan, write_plan
from services.engines.preflight import missing
from services.engines.processes import ProcessStatus, Spec, Status, Timing, read_status, write_status

#: Told of each change: name of the process, its new state (or a sentence).
Progress = Callable[[str, str], None]

UP_S = 120.0
#: A process that fails this often before everything is up will not come up.
_HOPELESS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A system that is up. `already`: it was before."""

    endpoints: Endpoints
    status: Status
    already: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """What `down` found: whether a system was there, and what had to be killed."""

    was_running: bool
    killed: tuple[int, ...]


def up(
    home: Home,
    specs: Sequence[Spec],
    engines_kind: Kind | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    project: Path | None = None,
    timing: Timing | None = None,
    members: int = 1,
    on_progress: Progress = lambda _name, _state: None,
    timeout_s: float = UP_S,
) -> Running:
    """Bring up engines and services and return when all are ready.

    Args:
        home: where everything lies.
        specs: the services to run.
        engines_kind: what the user asked for; None leaves the choice to `choose`.
        environ: the environment to choose by, default this process's.
        project: the folder of docker-compose.yml, default the current one.
        timing: the supervisor's patience.
        members: members of the bundled replica set.
        on_progress: told of each change.
        timeout_s: how long all of it may take, seconds, without the first download.

    Raises:
        EnginesUnavailable: nothing was started; says everything that is missing.
        EngineFailed: something does not come up; everything was stopped again.
    """
    environ = os.environ if environ is None else environ
    before = read_status(home)
    if before.running and before.endpoints:
        return Running(endpoints=before.endpoints, status=before, already=True)
    choice = choose(
        environ,
        engines_kind,
        missing_for_bundled=lambda: missing(home.root, environ),
        docker_problem=docker_problem,
    )
    down(home)  # What a killed supervisor may have left.
    project = project or Path.cwd()
    services = needed_services(choice) if choice.kind == "docker" else []
    choice = _first_steps(choice, services, project, environ, on_progress)
    plan = Plan(
        choice=choice,
        specs=specs,
        timing=timing or Timing(),
        project=project,
        members=members,
        docker_services=services,
    )
    write_plan(home.create(), plan)
    try:
        _start_daemon(home)
        return _await_ready(home, timeout_s, on_progress)
    except BaseException:  # Ctrl-C too: nothing stays half-started.
        down(home)
        raise


def _first_steps(
    choice: Choice, services: Sequence[str], project: Path, environ: Mapping[str, str], on_progress: Progress
) -> Choice:
    """What may take minutes the first time (downloads); the choice, with the addresses of Docker's engines if any."""
    if services:
        on_progress("docker", f"starting {', '.join(services)}")
        found = choice.complete(compose_up(project, services))
        return replace(choice, kafka=found.kafka, mongo=found.mongo, smtp=found.smtp)
    if choice.kind == "bundled" and not choice.kafka:
        JarCache(cache_folder(environ)).fetch(environ, lambda text: on_progress("kafka", text))
    return choice


def down(home: Home, on_progress: Progress = lambda _name, _state: None) -> Stopped:
    """Stop everything that `up` started in this home, services first; leaves no process behind.

    Safe to call when nothing runs. The data stays.
    """
    found = read_status(home)
    plan = read_plan(home)
    was_running = found.running
    killed: list[int] = []
    if was_running and found.supervisor:
        found.supervisor.signal(signal.SIGTERM)
        patience_s = (plan.timing.grace_s if plan else 0.0) + 30.0
        _watch_changes(home, lambda: not found.running, patience_s, on_progress)
        killed += [victim.pid for victim in end_all([found.supervisor], 0.0)]
    # Of a killed supervisor's children none should be left (the kernel kills them); make sure.
    left = read_status(home)
    killed += [victim.pid for victim in end_all(left.leftovers(), 5.0)]
    if found.processes or found.supervisor:
        stopped = tuple(_stopped(process) for process in left.processes)
        write_status(home, Status(supervisor=None, endpoints=None, processes=stopped))
        if plan and plan.docker_services:
            compose_down(plan.project, plan.docker_services)
    return Stopped(was_running=was_running, killed=tuple(killed))


def status(home: Home) -> Status:
    """How the system is now. Processes whose supervisor is gone are shown as what they are: running or stopped."""
    seen = read_status(home)
    if seen.running:
        return seen
    processes = tuple(p if (i := p.identity()) and i.alive() else _stopped(p) for p in seen.processes)
    return Status(supervisor=None, endpoints=None, processes=processes)


def log_paths(home: Home) -> dict[str, Path]:
    """The log file of every process there ever was in this home, by name; the supervisor's own is among them."""
    return {path.stem: path for path in sorted(home.logs.glob("*.log"))}


def _stopped(process: ProcessStatus) -> ProcessStatus:
    return ProcessStatus(
        name=process.name,
        restarts=process.restarts,
        since=process.since,
        health_port=process.health_port,
        log=process.log,
        why=process.why,
    )


def _start_daemon(home: Home) -> None:
    """Start the supervising process; returns when it has gone into the background."""
    with home.log("supervisor").open("ab") as log:
        subprocess.run(  # noqa: S603 - our own words
            [sys.executable, "-m", "services.engines.daemon", str(home.root)],
            env={**os.environ, **import_path()},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            check=True,
        )
    wait_until(lambda: read_status(home).supervisor is not None, 10.0)


def _await_ready(home: Home, timeout_s: float, on_progress: Progress) -> Running:
    """Wait for all to be ready; when that fails, stop everything and say why."""

    def decided() -> bool:
        now = read_status(home)
        return now.ready or not now.running or any(p.restarts >= _HOPELESS for p in now.processes)

    _watch_changes(home, decided, timeout_s, on_progress)
    reached = read_status(home)
    if reached.endpoints and reached.ready:
        return Running(endpoints=reached.endpoints, status=reached, already=False)
    raise EngineFailed(_why_not(home, reached, timeout_s))


def _why_not(home: Home, reached: Status, timeout_s: float) -> str:
    guilty = [process for process in reached.processes if process.restarts] or [
        process for process in reached.processes if process.state not in {"ready", "stopped"}
    ]
    if not guilty:
        return f"the supervisor ended; {home.log('supervisor')} ends:\n{tail(home.log('supervisor'))}"
    parts = [
        f"{p.name} is {p.state} ({p.why or f'not ready after {timeout_s:g} s'}); {p.log} ends:\n{tail(Path(p.log))}"
        for p in guilty
    ]
    return "\n".join(parts)


def _watch_changes(home: Home, done: Callable[[], bool], timeout_s: float, on_progress: Progress) -> None:
    """Report each change of state until `done` or the time is over."""
    known: dict[str, str] = {}
    deadline = time.monotonic() + timeout_s
    over = False
    while not over:
        over = done() or time.monotonic() > deadline
        for process in read_status(home).processes:
            if known.get(process.name) != process.state:
                known[process.name] = process.state
                on_progress(process.name, process.state)
        if not over:
            time.sleep(LOOK_AGAIN_S)


__all__ = ["Choice", "Running", "Spec", "Status", "Stopped", "Timing", "down", "log_paths", "status", "up"]
