"""How does a test, or anything else that wants them for a while, get the bundled engines in one line?"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from services.engines.bundled.engine import Engine
from services.engines.bundled.kafka import KafkaBroker
from services.engines.bundled.mail import MailCatcher
from services.engines.bundled.mongod import replica_set
from services.engines.children import Child, EngineFailed, tail, wait_until
from services.engines.choose import Endpoints
from services.engines.locations import Home, claim_ports

READY_S = 120.0
_log = logging.getLogger(__name__)


def build_engines(
    home: Home,
    *,
    kafka: bool = True,
    mongo: bool = True,
    catcher: bool = True,
    members: int = 1,
    environ: Mapping[str, str] | None = None,
    on_progress: Callable[[str], None] | None = None,
) -> list[Engine]:
    """The engines asked for, with their ports chosen; nothing is started."""
    mongos = [f"mongo-{member}" for member in range(1, members + 1)] if mongo else []
    names = [*(["kafka", "kafka-controller"] if kafka else []), *mongos, *(["mail"] if catcher else [])]
    ports = claim_ports(home.create(), names)
    engines: list[Engine] = []
    if kafka:
        engines.append(
            KafkaBroker(
                home=home,
                port=ports["kafka"],
                controller_port=ports["kafka-controller"],
                environ=os.environ if environ is None else environ,
                on_progress=on_progress,
            )
        )
    engines += replica_set(home, [ports[name] for name in mongos])
    if catcher:
        engines.append(MailCatcher(home=home, port=ports["mail"]))
    return engines


def endpoints_of(home: Home, engines: Sequence[Engine]) -> Endpoints:
    """The addresses of engines from `build_engines`; empty for those that were not asked for."""

    def address(prefix: str) -> str:
        return next((engine.address for engine in engines if engine.name.startswith(prefix)), "")

    smtp = address("mail")
    return Endpoints(
        kafka=address("kafka"), mongo=address("mongo"), smtp=smtp, mail_dir=home.mail if smtp else None, kind="bundled"
    )


class Running:
    """One engine and its process, for faults in tests: `kill()`, then `start()` on the same data."""

    def __init__(self, engine: Engine, log: Path) -> None:
        self.engine, self._log = engine, log
        self._child: Child | None = None

    @property
    def pid(self) -> int | None:
        """The id of the process, None before the first start."""
        return self._child.identity.pid if self._child and self._child.identity else None

    def launch(self) -> None:
        """Prepare and start the process, tied to the life of the calling thread; it does not serve yet."""
        self.engine.prepare()
        self._child = Child(self.engine.name, self.engine.command(), self._log)
        self._child.start()

    def wait(self) -> None:
        """Wait until it serves.

        Raises:
            EngineFailed: it ended or does not serve in time; the message has the end of its log.
        """
        child = self._child
        served = child is not None and wait_until(lambda: not child.running or self.engine.ready(), READY_S)
        if not served or child is None or not child.running:
            raise EngineFailed(f"{self.engine.name} does not start; {self._log} ends:\n{tail(self._log)}")

    def start(self) -> None:
        """Start the process and wait until it serves."""
        self.launch()
        self.wait()

    def kill(self) -> None:
        """SIGKILL, at once."""
        if self._child:
            self._child.kill()

    def terminate(self) -> None:
        """Ask it to stop, without waiting."""
        if self._child:
            self._child.terminate()

    def stop(self) -> None:
        """Stop it in order."""
        if self._child and self._child.stop(self.engine.stop_grace_s):
            self.engine.stopped()


class BundledEngines:
    """Engines that run; `endpoints` for clients, `[name]` for one of them (kafka, mongo or mongo-1…, mail)."""

    def __init__(self, home: Home, engines: Sequence[Engine]) -> None:
        self.endpoints = endpoints_of(home, engines)
        self._running = {engine.name: Running(engine, home.log(engine.name)) for engine in engines}

    def __getitem__(self, name: str) -> Running:
        return self._running[name]

    def start(self) -> None:
        """Start all at once; if one fails, stop the others and raise its error."""
        started = time.monotonic()
        try:
            for running in self._running.values():
                running.launch()
            with ThreadPoolExecutor(len(self._running) or 1) as pool:
                list(pool.map(Running.wait, self._running.values()))
        except BaseException:
            self.stop()
            raise
        _log.info("engines ready in %.1f s: %s", time.monotonic() - started, ", ".join(self._running))

    def stop(self) -> None:
        """Stop all at once; nothing is left running."""
        for running in self._running.values():
            running.terminate()
        for running in self._running.values():
            running.stop()


@contextmanager
def running_engines(
    home: Path, *, kafka: bool = True, mongo: bool = True, catcher: bool = True, members: int = 1
) -> Iterator[BundledEngines]:
    """The engines for as long as the block lasts, with a handle on each process."""
    place = Home(home.absolute())
    engines = BundledEngines(place, build_engines(place, kafka=kafka, mongo=mongo, catcher=catcher, members=members))
    engines.start()
    try:
        yield engines
    finally:
        engines.stop()


@contextmanager
def bundled_engines(
    home: Path, *, kafka: bool = True, mongo: bool = True, catcher: bool = True, members: int = 1
) -> Iterator[Endpoints]:
    """The engines for as long as the block lasts; data lies under `home` and is there again next time."""
    with running_engines(home, kafka=kafka, mongo=mongo, catcher=catcher, members=members) as engines:
        yield engines.endpoints
