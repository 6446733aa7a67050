"""How do the workers of one test run share one set of engines: who starts it, and when may it be stopped?

A broker for every worker would cost a start and 700 MB each. The first worker that wants an engine starts and owns it;
the others are told its address. The kernel ends an engine with its owner, so the owner outlasts the other users.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import IO

from services.engines.choose import Endpoints

#: How often an owner looks whether it is the last user, and how long the others may still need it, seconds.
LOOK_AGAIN_S, OTHERS_NEED_S = 0.1, 3600.0


@contextmanager
def shared(folder: Path, start: Callable[[], AbstractContextManager[Endpoints]]) -> Iterator[Endpoints]:
    """One engine for every process that asks in the same folder; stopped when nobody uses it any more.

    Args:
        folder: where the processes meet; theirs alone.
        start: how the engine is started and stopped, should nobody run it yet. What it raises is raised here.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as mine:
        owner, users = (mine.enter_context((folder / name).open("a")) for name in ("owner", "users"))
        engine = mine.enter_context(ExitStack())
        with _turn(folder):
            owned = _taken(owner, fcntl.LOCK_EX)
            if owned:
                endpoints = engine.enter_context(start())
                (folder / "endpoints.json").write_text(json.dumps(asdict(endpoints), default=str), "utf-8")
            else:
                endpoints = _read(folder / "endpoints.json")
            fcntl.flock(users, fcntl.LOCK_SH)
        yield endpoints
        end = time.monotonic() + OTHERS_NEED_S
        while owned and not _stopped(folder, users, engine):
            # Locks go with their processes: who still has one after so long hangs, and is not waited for.
            if time.monotonic() > end:
                raise TimeoutError(f"somebody still uses the engine of {folder}: look for a test that hangs")
            time.sleep(LOOK_AGAIN_S)


def _stopped(folder: Path, users: IO[str], engine: ExitStack) -> bool:
    """Stop the engine if nobody else uses it; nobody can begin to meanwhile."""
    with _turn(folder):
        if not _taken(users, fcntl.LOCK_EX):
            return False
        engine.close()
        return True


@contextmanager
def _turn(folder: Path) -> Iterator[None]:
    """Only one process at a time starts, joins or stops."""
    with (folder / "turn").open("a") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        yield


def _taken(file: IO[str], how: int) -> bool:
    """Whether the lock could be had at once. The kernel frees the locks of a process that ends, however it ends."""
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(path: Path) -> Endpoints:
    stored = json.loads(path.read_text("utf-8"))
    return Endpoints(**stored | {"mail_dir": Path(stored["mail_dir"]) if stored["mail_dir"] else None})


def in_parallel() -> bool:
    """Whether this is one of several workers."""
    return "PYTEST_XDIST_WORKER" in os.environ
