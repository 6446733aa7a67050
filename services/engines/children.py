"""How does one process start so that it can always be found, stopped, and never outlives its parent unnoticed?"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

#: How often a bounded wait looks again.
LOOK_AGAIN_S = 0.02
_PR_SET_PDEATHSIG = 1


class EngineFailed(Exception):
    """A process did not start, or ended while it was needed; the message says where its log is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What to run: arguments and what its environment has beyond ours."""

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Identity:
    """A process that cannot be mistaken for another: its id, and when it started (clock ticks since boot).

    The kernel gives ids away again; the pair it does not.
    """

    pid: int
    started: int

    def alive(self) -> bool:
        """Whether this very process still runs (a zombie does not)."""
        seen = _stat(self.pid)
        return seen is not None and seen[0] not in "ZX" and seen[1] == self.started

    def signal(self, number: signal.Signals) -> None:
        """Send the signal if the process is still this one."""
        if self.alive():
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                return  # It ended between the look and the signal.


def identify(pid: int) -> Identity | None:
    """The identity of a running process, or None when there is none with this id."""
    seen = _stat(pid)
    return Identity(pid, seen[1]) if seen else None


def _stat(pid: int) -> tuple[str, int] | None:
    """State letter and start time from /proc; the command's name in it may hold spaces and brackets."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text[text.rindex(")") + 2 :].split()
    return fields[0], int(fields[19])


class Started(Protocol):
    """A process that is a child of ours, as `subprocess.Popen` shows it."""

    @property
    def pid(self) -> int:
        """Its id; nobody else's before its end was seen here."""

    def poll(self) -> int | None:
        """How it ended (negative: the signal), or None while it runs."""

    def wait(self) -> int:
        """Wait for its end; how it ended."""

    def terminate(self) -> None:
        """SIGTERM."""

    def kill(self) -> None:
        """SIGKILL."""


#: Starts a process with its output at the end of a log file. It dies with this one, however that happens.
Start = Callable[[Command, Path], Started]


def execute(command: Command, log: Path, pass_fds: Sequence[int] = ()) -> subprocess.Popen[bytes]:
    """Start a program. The kernel kills it when the calling thread's process dies, however that happens."""
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603 - the caller's own words
            command.argv,
            env={**os.environ, **command.env},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C in the terminal is for the supervisor, which stops things in order.
            # Two system calls and no Python locks, which is what makes it safe beside threads.
            preexec_fn=die_with(os.getpid()),  # noqa: PLW1509
            pass_fds=pass_fds,
        )


class Child:
    """One process of ours, with its output in a log file."""

    def __init__(self, name: str, command: Command, log: Path, start: Start = execute) -> None:
        self.name, self.command, self.log = name, command, log
        self._start = start
        self._process: Started | None = None
        self.identity: Identity | None = None

    def start(self) -> None:
        """Start it; it dies with us."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self._process = self._start(self.command, self.log)
        self.identity = identify(self._process.pid)

    @property
    def exit_code(self) -> int | None:
        """How it ended (negative: the signal), or None while it runs or before it started."""
        return self._process.poll() if self._process else None

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def ended_fd(self) -> int | None:
        """A file that can be read as soon as it has ended, for the caller to close; None where there is no such."""
        if self._process is None or not self.running:
            return None
        try:
            return os.pidfd_open(self._process.pid)
        except OSError:  # An old kernel, a sandbox; or it has ended and was seen to.
            return None

    def terminate(self) -> None:
        """Ask it to stop."""
        if self._process is not None and self.running:
            self._process.terminate()

    def kill(self) -> None:
        """End it now (SIGKILL) and wait until it is gone."""
        if self._process is not None:
            if self.running:
                self._process.kill()
            self._process.wait()

    def stop(self, grace_s: float) -> bool:
        """Ask it to stop, kill it after `grace_s`; whether it went by itself."""
        self.terminate()
        went = wait_until(lambda: not self.running, grace_s)
        self.kill()
        return went


def wait_until(condition: Callable[[], bool], timeout_s: float) -> bool:
    """Look until the condition holds or the time is over; whether it held."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(LOOK_AGAIN_S)
    return True


def tail(log: Path, lines: int = 15) -> str:
    """The last lines of a log, for an error message."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 8192))
            return "\n".join(file.read().decode("utf-8", "replace").splitlines()[-lines:])
    except FileNotFoundError:
        return ""


def die_with(parent: int) -> Callable[[], None]:
    """A function for the new process that ties its life to its parent's (Linux)."""
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def tie() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # It died before the line above.
            os._exit(1)

    return tie


def end_all(victims: Sequence[Identity], grace_s: float) -> list[Identity]:
    """Ask these processes, which need not be our children, to stop; kill those that do not. Returns the killed ones."""
    for victim in victims:
        victim.signal(signal.SIGTERM)
    wait_until(lambda: not any(v.alive() for v in victims), grace_s)
    stubborn = [victim for victim in victims if victim.alive()]
    for victim in stubborn:
        victim.signal(signal.SIGKILL)
    wait_until(lambda: not any(v.alive() for v in stubborn), 5.0)
    return stubborn
