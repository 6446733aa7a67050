"""How is one process kept running: started, looked at, restarted when it dies or hangs, stopped?"""

from __future__ import annotations

import asyncio
import logging
import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from services.engines.children import Child
from services.engines.locations import Home
from services.engines.processes import ProcessStatus, State, Timing, now_text
from services.engines.watched import Life, Watchable

#: How often a process that does not serve is asked whether it does, seconds: first, and at the longest. In between it
#: is a share of the time that it has taken so far, so that whoever waits hardly waits longer.
_LOOK_S, _LONGEST_LOOK_S, _SHARE = 0.05, 0.25, 0.05
#: How often one is looked at for its death where the kernel does not tell.
_DEATH_LOOK_S = 0.2
_log = logging.getLogger(__name__)


class Watch:
    """Keeps one process running until told to stop."""

    def __init__(self, thing: Watchable, home: Home, timing: Timing, changed: Callable[[], None]) -> None:
        self._thing, self._timing, self._changed = thing, timing, changed
        self._child: Child | None = None
        self._stop = asyncio.Event()
        #: Told to stop, or the process has ended.
        self._news = asyncio.Event()
        #: When it is asked again whether it gets on, though it serves; on the monotonic clock.
        self._life_good_until = 0.0
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
        self._news.set()

    async def _once(self) -> str:
        """One life of the process; why it ended."""
        try:
            self._become("preparing", self.status.why)
            await self._thing.prepare()
            if self._stop.is_set():
                return "told to stop"
            self._child = Child(self._thing.name, self._thing.command(), self._log_path, self._thing.start)
            # On this thread, the main one: the kernel ties the process to the life of the thread that starts it.
            self._child.start()
        except Exception as error:  # noqa: BLE001 - whatever it is, the process is tried again
            _log.exception("%s cannot be started", self._thing.name)
            return f"cannot be started: {error}"
        self._become("starting", self.status.why)
        self._life_good_until = 0.0
        with self._told_of_the_end(self._child) as told:
            return await self._look_after(self._child, math.inf if told else _DEATH_LOOK_S)

    @contextmanager
    def _told_of_the_end(self, child: Child) -> Iterator[bool]:
        """Let the kernel tell us when the process ends; false where it does not."""
        loop, ended = asyncio.get_running_loop(), child.ended_fd()

        if ended is not None:
            loop.add_reader(ended, self._heard_of_the_end, ended)
        try:
            yield ended is not None
        finally:
            if ended is not None:
                loop.remove_reader(ended)
                os.close(ended)
            if not self._stop.is_set():
                self._news.clear()

    def _heard_of_the_end(self, ended: int) -> None:
        # The file stays readable: once is enough.
        asyncio.get_running_loop().remove_reader(ended)
        self._news.set()

    async def _look_after(self, child: Child, death_look_s: float) -> str:
        """Look at the process until it ends, hangs (then it is killed) or is to stop."""
        last_good = next_look = waits_since = time.monotonic()
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
                if self._serves:
                    waits_since = now
                next_look = time.monotonic() + self._next_look_s(time.monotonic() - waits_since)
            await self._pause(min(death_look_s, next_look - time.monotonic()))
        return "told to stop"

    def _next_look_s(self, waited_s: float) -> float:
        """How long until it is asked again how it is, when it has been waited for so long."""
        if self._serves:
            return self._timing.poll_s
        return min(max(_LOOK_S, waited_s * _SHARE), _LONGEST_LOOK_S)

    @property
    def _serves(self) -> bool:
        return self.status.state == "ready"

    async def _look(self) -> Life:
        """Ask how it is. One that serves gets on: what it says of that is asked for less often."""
        ready = self._serves and self._life_known and await self._thing.ready()
        life = Life.GOOD if ready else await self._asked_for_life()
        ready = ready or (life is Life.GOOD and await self._thing.ready())
        if ready and self.status.state != "ready":
            # Why it was restarted stays to be seen.
            self._become("ready", self.status.why)
        elif not ready and self.status.state == "ready":
            self._become("not ready", self.status.why)
        return life

    @property
    def _life_known(self) -> bool:
        return time.monotonic() < self._life_good_until

    async def _asked_for_life(self) -> Life:
        life = await self._thing.live()
        self._life_good_until = time.monotonic() + self._timing.stuck_for_s if life is Life.GOOD else 0.0
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
                await self._news.wait()
        except TimeoutError:
            return

    def _become(self, state: State, why: str = "") -> None:
        identity = self._child.identity if self._child and self._child.running else None
        status = self.status
        status.state, status.why, status.since = state, why, now_text()
        status.pid, status.started = (identity.pid, identity.started) if identity else (None, None)
        self._changed()
