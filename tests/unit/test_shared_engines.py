"""Do workers that run side by side share one engine, and does it outlast the last of them?"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import pytest

from services.engines.choose import Endpoints
from tests.shared_engines import shared

#: A wait that only a broken test outlasts, seconds.
LONG = 20


class Starts:
    """Engines without a process: how many were started, how many of them still run."""

    def __init__(self) -> None:
        self.started, self.running = 0, 0

    @contextmanager
    def __call__(self) -> Iterator[Endpoints]:
        self.started += 1
        self.running += 1
        yield Endpoints(kafka=f"127.0.0.1:{self.started}", mongo="", smtp="", mail_dir=None, kind="bundled")
        self.running -= 1


class Worker:
    """A process of the run: `joined` once it has the engine, keeps it until `done`."""

    def __init__(self, folder: Path, starts: Starts) -> None:
        self.folder, self.starts = folder, starts
        self.joined, self.done = Event(), Event()

    def work(self) -> tuple[str, int]:
        """Use the engine; its address, and how many ran at the end of the use."""
        with shared(self.folder, self.starts) as endpoints:
            self.joined.set()
            assert self.done.wait(LONG)
            return endpoints.kafka, self.starts.running


def test_an_owner_waits_for_the_others_and_stops_the_engine_last(tmp_path: Path) -> None:
    starts = Starts()
    owner, other = Worker(tmp_path, starts), Worker(tmp_path, starts)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(owner.work)
        assert owner.joined.wait(LONG)
        second = pool.submit(other.work)
        assert other.joined.wait(LONG)
        owner.done.set()
        with pytest.raises(TimeoutError):
            first.result(timeout=0.3)
        other.done.set()
        assert second.result(LONG) == ("127.0.0.1:1", 1)
        assert first.result(LONG) == ("127.0.0.1:1", 1)
    assert (starts.started, starts.running) == (1, 0)


def test_who_comes_after_the_last_use_starts_an_engine_anew(tmp_path: Path) -> None:
    starts = Starts()
    for number in (1, 2):
        with shared(tmp_path, starts) as endpoints:
            assert endpoints.kafka == f"127.0.0.1:{number}"
        assert starts.running == 0


def test_an_engine_that_cannot_be_had_is_nobodys(tmp_path: Path) -> None:
    @contextmanager
    def broken() -> Iterator[Endpoints]:
        raise OSError("no room")
        yield

    with pytest.raises(OSError, match="no room"), shared(tmp_path, broken):
        pytest.fail("it must not be had")
    with shared(tmp_path, Starts()) as endpoints:
        assert endpoints.kafka == "127.0.0.1:1"
