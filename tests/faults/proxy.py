"""A network that fails on order: a TCP proxy on loopback, in a thread of its own."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum

from services.engines.locations import LOOPBACK

#: Read at a time; small enough for latency and slices to be felt.
_CHUNK = 64 * 1024
#: SO_LINGER with no time: closing sends RST instead of FIN.
_ABORT = struct.pack("ii", 1, 0)


class Net(StrEnum):
    """What the network does."""

    PASS = "pass"
    #: Connections are refused; those there are, are closed.
    CUT = "cut"
    #: Nothing arrives in either direction, and nobody is told: a half-open connection.
    BLACKHOLE = "blackhole"
    #: Requests arrive, answers do not: the outcome is unknown.
    REPLIES_LOST = "replies lost"
    #: Each chunk waits for `delay_s`.
    LATENCY = "latency"
    #: Seven bytes at a time.
    SLICED = "sliced"
    #: A thousand bytes a second each way.
    SLOW = "slow"


class Proxy:
    """Forwards a port of its own to another one, as `mode` says. Modes hold for connections open already, too."""

    def __init__(self, target: int, port: int = 0) -> None:
        self.target, self.port = target, port
        self.mode, self.delay_s = Net.PASS, 0.0
        self._loop = asyncio.new_event_loop()
        self._open: set[asyncio.StreamWriter] = set()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"proxy of {target}", daemon=True)

    def start(self) -> None:
        """Listen."""
        self._thread.start()
        assert self._started.wait(10)

    def stop(self) -> None:
        """Close everything."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def set(self, mode: Net, delay_s: float = 0.0) -> None:
        """From now on the network does this."""
        self.mode, self.delay_s = mode, delay_s
        if mode is Net.CUT:
            self._loop.call_soon_threadsafe(self._close_all)

    def reset(self) -> None:
        """Reset (RST) every connection there is; new ones are taken as the mode says."""
        self._loop.call_soon_threadsafe(self._abort_all)

    @property
    def connections(self) -> int:
        """How many connections there are, both sides counted."""
        return len(self._open)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, LOOPBACK, self.port, backlog=256))
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        self._loop.run_forever()
        server.close()
        self._close_all()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.mode is Net.CUT:
            _abort(writer)
            return
        try:
            there, here = await asyncio.open_connection(LOOPBACK, self.target)
        except OSError:
            _abort(writer)  # As a port that nobody listens on.
            return
        self._open |= {writer, here}
        await asyncio.gather(self._pump(reader, here, reply=False), self._pump(there, writer, reply=True))
        self._open -= {writer, here}

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, reply: bool) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            while data := await source.read(_CHUNK):
                # Held back, not dropped: TCP repeats what a partition swallowed once it ends.
                while self._swallows(reply):  # noqa: ASYNC110 - the mode is set from another thread
                    await asyncio.sleep(0.05)
                await self._forward(data, sink)
        sink.close()

    def _swallows(self, reply: bool) -> bool:
        return self.mode is Net.BLACKHOLE or (reply and self.mode is Net.REPLIES_LOST)

    async def _forward(self, data: bytes, sink: asyncio.StreamWriter) -> None:
        size = {Net.SLICED: 7, Net.SLOW: 50}.get(self.mode, len(data))
        pause = {Net.LATENCY: self.delay_s, Net.SLOW: 0.05}.get(self.mode, 0.0)
        for at in range(0, len(data), size):
            if pause:
                await asyncio.sleep(pause)
            if self.mode is Net.PASS:  # Healed meanwhile.
                sink.write(data[at:])
                break
            sink.write(data[at : at + size])
        await sink.drain()

    def _close_all(self) -> None:
        for writer in list(self._open):
            writer.close()

    def _abort_all(self) -> None:
        for writer in list(self._open):
            _abort(writer)


def _abort(writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    if sock is not None:
        with suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
    writer.transport.abort()


@contextmanager
def proxied(target: int, port: int = 0) -> Iterator[Proxy]:
    """A proxy for as long as the block lasts."""
    proxy = Proxy(target, port)
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.stop()
