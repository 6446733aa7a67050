"""What differs between watching an engine and watching a service?"""

from __future__ import annotations

import asyncio
from typing import Protocol

from services.engines.bundled.engine import Engine
from services.engines.children import Command
from services.engines.locations import LOOPBACK
from services.engines.processes import Service, Timing


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

    async def ready(self) -> bool:
        """Whether it serves."""

    async def live(self) -> bool:
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

    async def ready(self) -> bool:
        """Whether it serves; asked until it says yes once per start."""
        self._served = self._served or await asyncio.to_thread(self._engine.ready)
        return self._served

    async def live(self) -> bool:
        """Always: see the class."""
        return True

    def stopped(self) -> None:
        """The engine's own."""
        self._engine.stopped()


class WatchedService:
    """A service of ours with /live and /ready."""

    def __init__(self, service: Service, timing: Timing) -> None:
        self._service, self._timing = service, timing
        self.name, self.health_port, self.grace_s = service.name, service.health_port, timing.grace_s

    async def prepare(self) -> None:
        """Nothing to do."""

    def command(self) -> Command:
        """As the spec says."""
        return Command(argv=self._service.argv, env=self._service.env)

    async def ready(self) -> bool:
        """/ready answers 200."""
        return await self._asks("/ready")

    async def live(self) -> bool:
        """/live answers 200."""
        return await self._asks("/live")

    def stopped(self) -> None:
        """Nothing to tidy up."""

    async def _asks(self, path: str) -> bool:
        return self.health_port is None or await http_ok(self.health_port, path, self._timing.answer_s)


async def http_ok(port: int, path: str, timeout_s: float) -> bool:
    """Whether GET on the loopback port answers 200 in time."""
    try:
        async with asyncio.timeout(timeout_s):
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            try:
                writer.write(f"GET {path} HTTP/1.1\r\nHost: {LOOPBACK}\r\nConnection: close\r\n\r\n".encode())
                status_line = await reader.readline()
            finally:
                writer.close()
    except (OSError, ValueError):  # TimeoutError is an OSError; ValueError: a line without end.
        return False
    return status_line.split()[1:2] == [b"200"]
