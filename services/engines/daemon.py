"""Who keeps the engines and the services running after `referrals up` has returned?

`python -m services.engines.daemon HOME` reads the plan there, leaves the terminal, and supervises until SIGTERM. It
keeps `run/status.json` true. Services stop before engines, so that they can finish what they have in hand.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from services.engines.bundled.engine import Engine
from services.engines.bundled.together import build_engines, endpoints_of
from services.engines.children import Identity, identify
from services.engines.choose import Endpoints
from services.engines.loader import Loader
from services.engines.locations import Home
from services.engines.plan import Plan, read_plan
from services.engines.processes import Status, services_of, write_status
from services.engines.watch import Watch
from services.engines.watched import Watchable, WatchedEngine, WatchedService

_log = logging.getLogger(__name__)


class Daemon:
    """The supervising process."""

    def __init__(self, home: Home, plan: Plan) -> None:
        self._home, self._plan = home, plan
        self._me: Identity | None = identify(os.getpid())
        self._endpoints: Endpoints | None = None
        self._loader = Loader([name for spec in plan.specs for name in spec.preload], home.log("loader"))
        self._engines: list[Watch] = []
        self._services: list[Watch] = []
        self._stop = asyncio.Event()

    async def run(self) -> None:
        """Bring everything up, watch it until told to stop, bring it down."""
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._stop.set)
        engines = self._own_engines()
        endpoints = self._endpoints = self._plan.choice.complete(endpoints_of(self._home, engines))
        async with asyncio.TaskGroup() as tasks:
            self._engines = self._watch([WatchedEngine(engine) for engine in engines])
            services = services_of(self._plan.specs, self._home, endpoints)
            timing, loader = self._plan.timing, self._loader
            self._services = self._watch([WatchedService(service, timing, loader) for service in services])
            self._tell()
            engine_tasks = [tasks.create_task(watch.run()) for watch in self._engines]
            # Services wait for engines that are not there yet, and begin while those come up.
            service_tasks = [tasks.create_task(watch.run()) for watch in self._services]
            await self._stop.wait()
            self._loader.end()
            await self._end(self._services, service_tasks)
            await self._end(self._engines, engine_tasks)

    def _own_engines(self) -> list[Engine]:
        """The bundled engines for the addresses that the plan does not have."""
        choice = self._plan.choice
        return build_engines(
            self._home,
            kafka=not choice.kafka,
            mongo=not choice.mongo,
            catcher=not choice.smtp,
            members=self._plan.members,
        )

    def _watch(self, things: Sequence[Watchable]) -> list[Watch]:
        return [Watch(thing, self._home, self._plan.timing, self._tell) for thing in things]

    async def _end(self, watches: Sequence[Watch], tasks: Sequence[asyncio.Task[None]]) -> None:
        for watch in watches:
            watch.stop()
        if tasks:
            await asyncio.wait(tasks)

    def _tell(self) -> None:
        """Write what we know; called at every change."""
        statuses = tuple(watch.status for watch in (*self._engines, *self._services))
        write_status(self._home, Status(supervisor=self._me, endpoints=self._endpoints, processes=statuses))


def main(arguments: Sequence[str]) -> int:
    """Detach, make sure that nobody else supervises this home, supervise."""
    home = Home(Path(arguments[0])).create()
    plan = read_plan(home)
    if plan is None:
        return 2
    if os.fork():  # The caller waits for the parent only; the child belongs to nobody and leaves no zombie behind.
        return 0
    os.setsid()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    with (home.run / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _log.error("another supervisor runs in %s", home.root)
            return 3
        # Told before anything runs, so that `down` finds us from the first moment on.
        write_status(home, Status(supervisor=identify(os.getpid()), endpoints=None, processes=()))
        try:
            asyncio.run(Daemon(home, plan).run())
        except Exception:  # noqa: BLE001 - the log is the only place where this process can say it
            _log.exception("the supervisor ends")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
