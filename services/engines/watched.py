"""What differs between watching an engine and watching a service?"""

from __future__ import annotations

import asyncio
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from services.engines.bundled.engine import Engine
from services.engines.children import Command, Started, execute
from services.engines.loader import Loader
from services.engines.locations import LOOPBACK
from services.engines.processes import Service, Timing


class Life(StrEnum):
    """What a process says of itself."""

    GOOD = "good"
    #: It answers that it gets no further: replacing it helps.
    STUCK = "stuck"
    #: It says nothing, or nothing sensible: it may only be busy.
    SILENT = "silent"


class Watchable(Protocol):
    """What differs between an engine and a service."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def health_port(self) -> int | None:
        """Where it tells how it is, None when it doesn't."""

    @property
    def grace_s(self) -> float:
        """How long it may take to stop."""

    async def prepare(self) -> None:
        """What must be done before each start."""

    def command(self) -> Command:
        """What to run."""

    def start(self, command: Command, log: Path) -> Started:
        """Run it, with its output in the log."""

    async def ready(self) -> bool:
        """Whether it serves."""

    async def live(self) -> Life:
        """Whether it makes progress."""

    def stopped(self) -> None:
        """Tidy up after it went by itself."""


class WatchedEngine:
    """An engine. Only its death is noticed once it serves: its clients notice the rest and wait."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.name, self.grace_s = engine.name, engine.stop_grace_s
        self.health_port: int | None = None
        self._served = False

    async def prepare(self) -> None:
        """The engine's own preparation, off the event loop."""
        self._served = False
        await asyncio.to_thread(self._engine.prepare)

    def command(self) -> Command:
        """The engine's."""
        return self._engine.command()

    def start(self, command: Command, log: Path) -> Started:
        """As any program."""
        return execute(command, log)

    async def ready(self) -> bool:
        """Whether it serves; asked until it says yes once per start."""
        self._served = self._served or await asyncio.to_thread(self._engine.ready)
        return self._served

    async def live(self) -> Life:
        """Always: see the class."""
        return Life.GOOD

    def stopped(self) -> None:
        """The engine's own."""
        self._engine.stopped()


class WatchedService:
    """A service of ours with /live and /ready."""

    def __init__(self, service: Service, timing: Timing, loader: Loader) -> None:
        self._service, self._timing, self._loader = service, timing, loader
        self.name, self.health_port, self.grace_s = service.name, service.health_port, timing.grace_s

    async def prepare(self) -> None:
        """Let its code be loaded."""
        if self._service.preload:
            await self._loader.loaded()

    def command(self) -> Command:
        """As the spec says."""
        return Command(argv=self._service.argv, env=self._service.env)

    def start(self, command: Command, log: Path) -> Started:
        """Forked where its code is loaded, if it can be; as any program otherwise."""
        return self._loader.start(command, log) if self._service.preload else execute(command, log)

    async def ready(self) -> bool:
        """/ready answers 200."""
        return await self._asked("/ready") == _OK

    async def live(self) -> Life:
        """/live answers 200; 503 says that it is stuck."""
        match await self._asked("/live"):
            case 200:
                return Life.GOOD
            case 503:
                return Life.STUCK
            case _:
                return Life.SILENT

    def stopped(self) -> None:
        """Nothing to tidy up."""

    async def _asked(self, path: str) -> int | None:
        return _OK if self.health_port is None else await http_status(self.health_port, path, self._timing.answer_s)


_OK = 200


async def http_status(port: int, path: str, timeout_s: float) -> int | None:
    """What GET on the loopback port answers, None when nothing sensible comes in time."""
    try:
        async with asyncio.timeout(timeout_s):
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            try:
                writer.write(f"GET {path} HTTP/1.1\r\nHost: {LOOPBACK}\r\nConnection: close\r\n\r\n".encode())
                status_line = await reader.readline()
            finally:
                writer.close()
        return int(status_line.split()[1])
    except (OSError, ValueError, IndexError):  # TimeoutError is an OSError; the others: no answer in HTTP.
        return None
