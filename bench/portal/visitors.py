"""Who visits: as many as there are, one behind the other; or so many a second, however long each has to wait."""

from __future__ import annotations

import asyncio
import itertools
import re
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from html import unescape

from bench.stage import BenchFailed

_NEXT = re.compile(r'<a href="([^"]+)" rel="next"')


@dataclass(frozen=True, slots=True)
class Visit:
    """One request: where to, as whom, and what for a page that is."""

    path: str
    cookie: str
    kind: str = "first page"

    def wire(self) -> bytes:
        """As it is sent."""
        cookie = f"Cookie: referrals={self.cookie}\r\n" if self.cookie else ""
        return (
            f"GET {self.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/html\r\nAccept-Language: en\r\n{cookie}\r\n"
        ).encode()


class Line:
    """One connection that is kept; a client library would use more of the CPU than what is measured."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def visit(self, request: bytes) -> bytes:
        """Send a request, read the answer; what it says.

        Raises:
            BenchFailed: it is not 200.
        """
        if self._streams is not None and self._streams[0].at_eof():
            # The server hangs up on who was idle for some seconds, as it may.
            await self.close()
            self._streams = None
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise BenchFailed(f"answered {head[:60]!r}")
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        return await reader.readexactly(length)

    async def close(self) -> None:
        """Hang up."""
        if self._streams is not None:
            self._streams[1].close()
            # The server may have hung up first.
            with suppress(ConnectionError):
                await self._streams[1].wait_closed()


def next_page(page: str) -> str | None:
    """Where a page of a list leads on to; None from the last one."""
    found = _NEXT.search(page)
    return unescape(found[1]) if found else None


async def page_of(port: int, visit: Visit) -> str:
    """What one visitor sees."""
    line = Line(port)
    body = await line.visit(visit.wire())
    await line.close()
    return body.decode()


async def busy(port: int, visits: Sequence[Visit], seconds: float, at_once: int) -> float:
    """Visits a second when `at_once` visitors come again as soon as they have their page; each comes at least once."""
    wires, done, end = itertools.cycle([visit.wire() for visit in visits]), 0, time.perf_counter() + seconds
    begun = time.perf_counter()

    async def visitor() -> None:
        nonlocal done
        line = Line(port)
        # On a busy machine the time may be over before the first of them has begun.
        while True:
            await line.visit(next(wires))
            done += 1
            if time.perf_counter() >= end:
                break
        await line.close()

    await asyncio.gather(*(visitor() for _ in range(at_once)))
    return done / (time.perf_counter() - begun)


async def steady(port: int, visits: Sequence[Visit], seconds: float, per_second: float) -> dict[str, list[float]]:
    """Waits in seconds of visits that come at a steady pace, each counted from when it was due, by kind and rising."""
    coming = itertools.cycle([(visit.kind, visit.wire()) for visit in visits])
    waits: defaultdict[str, list[float]] = defaultdict(list)
    free: list[Line] = []
    begun = time.perf_counter()

    async def one(due: float) -> None:
        line = free.pop() if free else Line(port)
        kind, wire = next(coming)
        await line.visit(wire)
        waits[kind].append(time.perf_counter() - due)
        free.append(line)

    async with asyncio.TaskGroup() as visitors:
        for number in range(int(seconds * per_second)):
            due = begun + number / per_second
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            visitors.create_task(one(due))
    for line in free:
        await line.close()
    return {kind: sorted(found) for kind, found in waits.items()}


def quantile(rising: Sequence[float], share: float) -> float:
    """The value that this share of values does not exceed."""
    return rising[min(len(rising) - 1, int(len(rising) * share))]
