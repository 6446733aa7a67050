"""How is one process kept running: started, looked at, restarted when it dies or hangs, stopped?"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from services.engines.children import Child
from services.engines.locations import Home
from services.engines.processes import ProcessStatus, State, Timing, now_text
from services.engines.watched import Life, Watchable

#: How often a process is looked at for its death, and for its readiness until it is ready, seconds.
_LOOK_S = 0.05
#: How often one that serves is looked at for its death: a supervisor of ten that work costs next to nothing.
_SERVING_LOOK_S = 0.2
_log = logging.getLogger(__name__)


class Watch:
    """Keeps one process running until told to stop."""

    def __init__(self, thing: Watchable, home: Home, timing: Timing, changed: Callable[[], None]) -> None:
        self._thing, self._timing, self._changed = thing, timing, changed
        self._child: Child | None = None
        self._stop = asyncio.Event()
        self._log_path = home.log(thing.name)
        self.status = ProcessStatus(name=thing.name, health_port=thing.health_port, log=str(self._log_path))

    async def run(self) -> None:
        """Start it, and start it again whenever it ends, with growing pauses; returns when it was told to stop."""
        failures = 0
        while not self._stop.is_set():
            began = time.monotonic()
            why = await self._once()
            if self._stop.is_set():
                break
            failures = 1 if time.monotonic() - began > self._timing.stable_after_s else failures + 1
            pause_s = self._timing.backoff_s(failures)
            _log.warning("%s: %s; again in %.1f s", self._thing.name, why, pause_s)
            self.status.restarts += 1
            self._become("restarting", why)
            await self._pause(pause_s)
        await self._end()

    def stop(self) -> None:
        """Ask it to stop; `run` returns once it has."""
        self._stop.set()

    async def _once(self) -> str:
        """One life of the process; why it ended."""
        try:
            self._become("preparing", self.status.why)
            await self._thing.prepare()
            self._child = Child(self._thing.name, self._thing.command(), self._log_path)
            # On this thread, the main one: the kernel ties the process to the life of the thread that starts it.
            self._child.start()
        except Exception as error:  # noqa: BLE001 - whatever it is, the process is tried again
            _log.exception("%s cannot be started", self._thing.name)
            return f"cannot be started: {error}"
        self._become("starting", self.status.why)
        return await self._look_after(self._child)

    async def _look_after(self, child: Child) -> str:
        """Look at the process until it ends, hangs (then it is killed) or is to stop."""
        last_good = next_look = time.monotonic()
        patience_s = max(self._timing.first_answer_s, self._timing.hung_after_s)
        stuck_since: float | None = None
        while not self._stop.is_set():
            if not child.running:
                return f"ended with {child.exit_code}"
            if time.monotonic() >= next_look:
                life = await self._look()
                now = time.monotonic()
                stuck_since = (stuck_since or now) if life is Life.STUCK else None
                if life is Life.GOOD:
                    last_good, patience_s = now, self._timing.hung_after_s
                elif now - last_good > patience_s:
                    await asyncio.to_thread(child.kill)
                    return f"no good answer from /live for {patience_s:g} s: killed"
                elif stuck_since is not None and now - stuck_since >= self._timing.stuck_for_s:
                    await asyncio.to_thread(child.kill)
                    return "/live says that it is stuck: killed"
                next_look = time.monotonic() + (self._timing.poll_s if self._serves else _LOOK_S)
            await self._pause(_SERVING_LOOK_S if self._serves else _LOOK_S)
        return "told to stop"

    @property
    def _serves(self) -> bool:
        return self.status.state == "ready"

    async def _look(self) -> Life:
        """Ask how it is."""
        life = await self._thing.live()
        ready = life is Life.GOOD and await self._thing.ready()
        if ready and self.status.state != "ready":
            self._become("ready")
        elif not ready and self.status.state == "ready":
            self._become("not ready")
        return life

    async def _end(self) -> None:
        if self._child is not None and self._child.running:
            self._become("stopping")
            if await self._goes(self._child):
                self._thing.stopped()
            else:
                _log.warning("%s did not stop in %g s: killed", self._thing.name, self._thing.grace_s)
        self._become("stopped")

    async def _goes(self, child: Child) -> bool:
        """Ask it to stop, wait for its grace beside the others, then kill it; whether it went by itself."""
        child.terminate()
        deadline = time.monotonic() + self._thing.grace_s
        while child.running and time.monotonic() < deadline:  # noqa: ASYNC110 - a process sets no event
            await asyncio.sleep(_LOOK_S)
        went = not child.running
        child.kill()
        return went

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stop.wait()
        except TimeoutError:
            return

    def _become(self, state: State, why: str = "") -> None:
        identity = self._child.identity if self._child and self._child.running else None
        status = self.status
        status.state, status.why, status.since = state, why, now_text()
        status.pid, status.started = (identity.pid, identity.started) if identity else (None, None)
        self._changed()
