"""How does a service of ours start without loading its code anew? The supervisor's side; `loading` is the other one.

A process of its own, the loader, has the code of all services loaded, and forks. The new process is not the loader's
child but ours from its first line on, so all else is as if we had executed it: we see how it ends, it dies with us, and
the loader may die at any moment without anybody noticing. Whatever goes wrong with it, the service is executed like
any program (docs/adr/0017-services-are-forked.md).
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import logging
import os
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from services.engines.children import Command, Started, execute

#: How long the code may take to load, and a new process to tell its id, seconds.
LOADING_S, ANSWER_S = 120.0, 10.0
#: What is read while a program starts or is imported cannot be told to a fork; what is ours is read later.
_OUR_VARIABLES = "REFERRALS_"
_PR_SET_CHILD_SUBREAPER = 36
_log = logging.getLogger(__name__)


class Adopted:
    """A process that the loader forked and that is our child, as `subprocess.Popen` would show it."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._ended: int | None = None

    def poll(self) -> int | None:
        """How it ended (negative: the signal), or None while it runs."""
        return self._look(os.WNOHANG)

    def wait(self) -> int:
        """Wait for its end; how it ended."""
        ended = self._look(0)
        return 0 if ended is None else ended

    def terminate(self) -> None:
        """SIGTERM, if it runs."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL, if it runs."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            # Until we have seen its end the kernel gives its id to nobody.
            os.kill(self.pid, number)

    def _look(self, options: int) -> int | None:
        if self._ended is None:
            pid, status = os.waitpid(self.pid, options)
            self._ended = os.waitstatus_to_exitcode(status) if pid else None
        return self._ended


class Loader:
    """Starts services by forking; opens nothing before it is needed, and comes back when it has died."""

    def __init__(self, modules: Sequence[str], log: Path, *, answer_s: float = ANSWER_S) -> None:
        """Take the modules to load, and where the loader's own words go."""
        self._modules, self._log_path, self._answer_s = tuple(dict.fromkeys(modules)), log, answer_s
        self._process: Started | None = None
        self._asked: socket.socket | None = None
        self._loading: asyncio.Task[None] | None = None
        self._usable = False

    async def loaded(self) -> None:
        """Return when `start` can fork, or won't: what hinders it is in the log."""
        if self._loading is None or (self._loading.done() and self._dead):
            self.end()
            # On the main thread: the loader dies with it.
            self._begin()
            self._loading = asyncio.create_task(self._await_loaded())
        await asyncio.shield(self._loading)

    def start(self, command: Command, log: Path) -> Started:
        """Start `python -m MODULE …`: forked if that can be, else executed. Call it on the main thread."""
        if not (self._usable and self._can_fork(command)):
            return execute(command, log)
        try:
            return self._fork(command, log)
        except (OSError, ValueError) as error:
            _log.warning("the loader does not fork (%s); %s is executed", error, " ".join(command.argv))
            self.end()  # The next start gets another one.
            return execute(command, log)

    def end(self) -> None:
        """End the loader; what it forked goes on, and who waits for it to load waits no longer."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        if self._asked is not None and (self._loading is None or self._loading.done()):
            self._asked.close()
        self._usable, self._loading, self._asked = False, None, None

    @property
    def _dead(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def _begin(self) -> None:
        self._asked, theirs = socket.socketpair()
        self._asked.setblocking(False)
        argv = (sys.executable, "-m", "services.engines.loading", str(theirs.fileno()), *self._modules)
        with theirs:
            self._process = execute(Command(argv=argv), self._log_path, pass_fds=[theirs.fileno()])

    async def _await_loaded(self) -> None:
        asked = self._asked
        if asked is None:
            return
        with suppress(OSError):  # A TimeoutError is one.
            async with asyncio.timeout(LOADING_S):
                self._usable = bool(await asyncio.get_running_loop().sock_recv(asked, 1))
        if not self._usable:
            asked.close()
            if self._process is not None:
                self._process.kill()
            _log.warning("services are executed: the loader does not load their code, see %s", self._log_path)

    def _can_fork(self, command: Command) -> bool:
        ours = all(name.startswith(_OUR_VARIABLES) for name in command.env)
        return ours and command.argv[:2] == (sys.executable, "-m")

    def _fork(self, command: Command, log: Path) -> Started:
        """Have a process forked, tell it what to be.

        Raises:
            OSError, ValueError: there is none.
        """
        if self._asked is None:
            raise ValueError("there is no loader")
        wish = {"argv": command.argv, "env": {**os.environ, **command.env}}
        ours, theirs = socket.socketpair()
        with ours, _adopting():
            with theirs, log.open("ab") as output:
                socket.send_fds(self._asked, [b"+"], [theirs.fileno(), output.fileno()])
            ours.settimeout(self._answer_s)
            made = Adopted(int(ours.recv(32)))
            try:
                ours.sendall(json.dumps(wish).encode())
            except OSError:
                made.kill()
                made.wait()
                raise
        return made


@contextmanager
def _adopting() -> Iterator[None]:
    """While this lasts a process below us whose parent ends becomes our child (Linux)."""
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        prctl(_PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
