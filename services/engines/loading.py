"""What forks into services: a process that has loaded their code. The supervisor starts and asks it (`loader`).

`python -m services.engines.loading SOCKET MODULE…` imports the modules, tells so over the socket, and forks for each
byte that comes there with two files: a socket to the supervisor, and the log. What is forked waits until the
supervisor is its parent, ties its life to it, tells its id, reads what to be, and becomes `python -m MODULE …`.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import runpy
import socket
import sys
import time
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from services.engines.children import die_with

LOADED = b"."
#: How long the kernel may take to give a process whose parent has ended to the supervisor, seconds.
ADOPTED_WITHIN_S = 10.0
_PR_SET_NAME = 15


def main(arguments: Sequence[str]) -> int:
    """Load, then fork until the supervisor closes the socket; the exit code. In a forked process: be the service."""
    supervisor = os.getppid()
    asked = socket.socket(fileno=int(arguments[0]))
    # What is loaded stays for good. Left out of every collection its pages stay shared.
    gc.disable()
    for name in arguments[1:]:
        import_module(name)
    gc.freeze()
    gc.enable()
    if len(list(Path("/proc/self/task").iterdir())) > 1:
        sys.stderr.write("a module started a thread when it was imported: a fork would not have it\n")
        return 1
    asked.sendall(LOADED)
    while True:
        _, files, _, _ = socket.recv_fds(asked, 1, 2)
        if not files:
            return 0
        if _forked():
            asked.close()
            _become(supervisor, *files)
            return 0
        for file in files:
            os.close(file)


def _forked() -> bool:
    """Fork twice: true in the new process, whose parent has ended, so that it is given to the supervisor."""
    between = os.fork()
    if between:
        os.waitpid(between, 0)
        return False
    try:
        if os.fork():
            os._exit(0)
    except OSError:
        os._exit(1)
    return True


def _become(supervisor: int, talk: int, log: int) -> None:
    """Be the service, to its end; without a supervisor that says which, end at once."""
    os.setsid()
    _await_parent(supervisor)
    # From here on it dies with the supervisor, as what is executed does.
    die_with(supervisor)()
    with socket.socket(fileno=talk) as conversation:
        conversation.sendall(str(os.getpid()).encode())
        with conversation.makefile("rb") as words:
            wish = words.read()
    if not wish:
        os._exit(1)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    _run(**json.loads(wish))


def _await_parent(supervisor: int) -> None:
    deadline = time.monotonic() + ADOPTED_WITHIN_S
    while os.getppid() != supervisor:
        if time.monotonic() > deadline:
            os._exit(1)
        time.sleep(0.0005)


def _run(argv: list[str], env: dict[str, str]) -> None:
    """As the interpreter runs `python -m MODULE …` with this environment."""
    os.environ.clear()
    os.environ.update(env)
    _show(argv)
    sys.argv[1:] = argv[3:]
    runpy.run_module(argv[2], run_name="__main__", alter_sys=True)


def _show(argv: list[str]) -> None:
    """Let `ps` and `top` show what this has become, if our own command line has the room for it."""
    ctypes.CDLL(None).prctl(_PR_SET_NAME, os.fsencode(argv[-1])[:15], 0, 0, 0)
    fields = Path("/proc/self/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    first, end = int(fields[45]), int(fields[46])
    words = b"".join(os.fsencode(word) + b"\0" for word in argv)
    if len(words) <= end - first:
        ctypes.memmove(first, words.ljust(end - first, b"\0"), end - first)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
