"""How a process runs: its loops side by side until a signal or the first that dies, then a bounded stop.

A loop that dies takes the process with it, so that a supervisor replaces it: half a process is worse than none. A stop
that outlasts its grace is ended hard; everything here is safe to kill at any line.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import structlog
import uvicorn

from services.adapters.http_patience import ImpatientProtocol
from services.core.errors import Misconfigured, Transient

log = structlog.get_logger("process")

#: A loop runs until `stop` is set.
Loop = Callable[[asyncio.Event], Awaitable[None]]

#: Exit codes: 0 asked to stop, 1 a loop died, 70 the stop outlasted its grace.
EXIT_LOOP_DIED, EXIT_STOP_HUNG = 1, 70


async def run_loops(loops: Mapping[str, Loop], *, grace_s: float) -> int:
    """Run all loops until SIGTERM, SIGINT or the end of one; returns the exit code."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, _told, number, stop)
    # What start-up made lives as long as the process: leave it out of every later collection.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    tasks: dict[asyncio.Future[Any], str] = {asyncio.ensure_future(loop(stop)): name for name, loop in loops.items()}
    waiter: asyncio.Future[Any] = asyncio.ensure_future(stop.wait())
    done, _ = await asyncio.wait({*tasks, waiter}, return_when=asyncio.FIRST_COMPLETED)
    died = [task for task in done if task is not waiter and not stop.is_set()]
    for task in died:
        log.error("loop_died", loop=tasks[task], exc_info=task.exception())
    stop.set()
    waiter.cancel()
    watchdog = _end_hard_after(grace_s)
    results = await asyncio.gather(*tasks, return_exceptions=True)
    watchdog.cancel()
    for name, result in zip(tasks.values(), results, strict=True):
        if isinstance(result, BaseException):
            log.error("loop_failed", loop=name, error=type(result).__name__)
    return EXIT_LOOP_DIED if died else 0


def _told(number: signal.Signals, stop: asyncio.Event) -> None:
    # Whoever looks for why a process is gone finds that it was asked to go.
    log.info("told_to_stop", signal=number.name)
    stop.set()


def _end_hard_after(grace_s: float) -> threading.Timer:
    """A timer of the operating system's: it works when the event loop is stuck as well."""

    def end() -> None:
        os.write(2, b'{"event": "stop_hung", "level": "critical"}\n')
        os._exit(EXIT_STOP_HUNG)

    timer = threading.Timer(grace_s, end)
    timer.daemon = True
    timer.start()
    return timer


class _Server(uvicorn.Server):
    """uvicorn without its own signal handlers: signals are run_loops' business."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._leaving = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield

    def leave(self) -> None:
        """Stop serving."""
        self.should_exit = True
        self._leaving.set()

    async def main_loop(self) -> None:
        """As uvicorn's, which looks ten times a second whether it is to end: an idle process is mostly that."""
        # The count of 0 renews the header `date`, which changes once a second.
        while not await self.on_tick(0):
            with suppress(TimeoutError):
                await asyncio.wait_for(self._leaving.wait(), 1.0)


def http_loop(
    app: Any,
    host: str,
    port: int,
    *,
    connections: int | None = None,
    protocol: type[ImpatientProtocol] = ImpatientProtocol,
) -> Loop:
    """An ASGI application as a loop; beyond so many `connections` others are told to come again (503)."""

    async def run(stop: asyncio.Event) -> None:
        server = _Server(
            uvicorn.Config(
                app,
                host=host,
                port=port,
                log_config=None,
                access_log=False,
                lifespan="off",
                http=protocol,
                limit_concurrency=connections,
                server_header=False,
                timeout_graceful_shutdown=5,
            )
        )
        serving, stopping = asyncio.ensure_future(server.serve()), asyncio.ensure_future(stop.wait())
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        server.leave()
        stopping.cancel()
        await serving
        if not stop.is_set():
            raise Misconfigured(f"cannot serve on {host}:{port}: is another process using this port?")

    return run


def repeat(work: Callable[[], Awaitable[object]], every_s: float) -> Loop:
    """Do something again and again until stopped; a dependency being away is logged and waited out."""

    async def run(stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await work()
            except Transient as error:
                log.warning("repeated_work_waits", reason=str(error))
            try:
                await asyncio.wait_for(stop.wait(), every_s)
            except TimeoutError:
                continue

    return run
