"""The fastest honest way to hand over mails: raw asyncio, pipelined as RFC 2920 allows, several connections."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

CONNECTIONS = 4


class _Connection(asyncio.Protocol):
    """One SMTP connection; one write carries the body of a mail and the commands of the next."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.greeted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.finished: asyncio.Future[None] | None = None
        self.queue: deque[tuple[bytes, bytes]] = deque()
        self.body: bytes | None = None
        self.wanted = 5
        #: Answers that are still to come: a greeting and four lines for EHLO.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Introduce ourselves."""
        self.transport = transport  # type: ignore[assignment]
        self._write(b"EHLO floor\r\n")

    def run(self, queue: deque[tuple[bytes, bytes]]) -> asyncio.Future[None]:
        """Take mails off the queue until it is empty."""
        self.queue = queue
        self.finished = asyncio.get_running_loop().create_future()
        self._next()
        return self.finished

    def data_received(self, data: bytes) -> None:
        """Count answers; go on when all have come."""
        for line in data.split(b"\r\n"):
            if line and line[:1] not in b"23":
                raise RuntimeError(f"the mail server says {line!r}")
        self.wanted -= data.count(b"\r\n")
        if self.wanted:
            return
        if self.finished is None:
            self.greeted.set_result(None)
        else:
            self._next()

    def _next(self) -> None:
        ending, self.body = self.body, None
        following = self.queue.popleft() if self.queue else None
        if ending is None and following is None:
            if self.finished is not None:
                self.finished.set_result(None)
            return
        self.wanted = (ending is not None) + (3 if following else 0)
        opening, self.body = following or (b"", None)
        self._write((ending or b"") + opening)

    def _write(self, data: bytes) -> None:
        if self.transport is not None:
            self.transport.write(data)


class FloorMail:
    """Open connections to the mail server."""

    def __init__(self, connections: Sequence[_Connection]) -> None:
        self._connections = connections

    async def send(self, mails: Sequence[tuple[str, bytes]]) -> None:
        """Hand over mails (address, content with its final dot); return when all were taken."""
        queue = deque(
            (b"MAIL FROM:<referrals@exchange.example>\r\nRCPT TO:<%b>\r\nDATA\r\n" % address.encode(), content)
            for address, content in mails
        )
        await asyncio.gather(*(connection.run(queue) for connection in self._connections))


async def connect(host: str, port: int) -> FloorMail:
    """Open the connections."""
    loop = asyncio.get_running_loop()
    made = [(await loop.create_connection(_Connection, host, port))[1] for _ in range(CONNECTIONS)]
    await asyncio.gather(*(connection.greeted for connection in made))
    return FloorMail(made)
