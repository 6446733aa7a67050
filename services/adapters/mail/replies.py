"""How are SMTP replies read when many may arrive at once?

aiosmtplib opens the connection (greeting, EHLO, STARTTLS, authentication), but its protocol keeps one reply at a time
and drops what else arrived with it. So the open transport is handed to this protocol, which queues whole replies.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from dataclasses import dataclass

#: Longest reply, all its lines together; a server that sends more is broken or hostile.
_MAX_REPLY = 32 * 1024
_REPLY = re.compile(rb"[2-5][0-9]{2}(?![^ -])")


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply of the server: its code and its words."""

    code: int
    text: str


class ConnectionBrokenError(Exception):
    """The connection is of no use any more: cut, silent for too long, or speaking something that is not SMTP."""


class ReplyQueue(asyncio.Protocol):
    """Receives replies; `read` gives them one by one, in order."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._buffer = bytearray()
        self._lines: list[bytes] = []
        self._size = 0
        self._replies: deque[Reply] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._broken: str | None = None

    @property
    def usable(self) -> bool:
        """Whether another transaction may begin: open, and nothing said that was not asked for."""
        return self._broken is None and not self._replies and not self._transport.is_closing()

    def data_received(self, data: bytes) -> None:
        """Take whole replies off the stream."""
        self._buffer += data
        *whole, rest = self._buffer.split(b"\n")
        self._buffer = rest
        for line in whole:
            if self._broken is not None:
                # After something unreadable nobody knows which command a further reply answers.
                break
            self._take(bytes(line).rstrip(b"\r"))
        if self._size + len(self._buffer) > _MAX_REPLY:
            self._break("the server's reply is too long")
        self._wake()

    def eof_received(self) -> bool:
        """The server closed its side; replies that came before stay readable."""
        self._break("the server closed the connection")
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._break(f"connection lost ({type(exc).__name__})" if exc else "connection lost")

    def write(self, data: bytes) -> None:
        """Send bytes.

        Raises:
            ConnectionBrokenError: the connection is known to be gone, so nothing was sent.
        """
        if self._broken is not None or self._transport.is_closing():
            raise ConnectionBrokenError(self._broken or "connection closing")
        self._transport.write(data)

    async def read(self, timeout_s: float) -> Reply:
        """The next reply.

        Raises:
            ConnectionBrokenError: none came in time, or none can come any more.
        """
        if not self._replies:
            await self._wait(timeout_s)
        return self._replies.popleft()

    def close(self) -> None:
        """Close at once, without QUIT."""
        self._transport.abort()
        self._break("closed by us")

    async def quit(self, timeout_s: float = 2.0) -> None:
        """Say goodbye and close."""
        try:
            self.write(b"QUIT\r\n")
            await self.read(timeout_s)
        except ConnectionBrokenError:
            pass
        self._transport.close()

    async def _wait(self, timeout_s: float) -> None:
        if self._broken is not None:
            raise ConnectionBrokenError(self._broken)
        loop = asyncio.get_running_loop()
        self._waiter = loop.create_future()
        # A plain timer instead of asyncio.timeout: this runs several times for each mail.
        timer = loop.call_later(timeout_s, self._break, f"no reply within {timeout_s:g} s")
        try:
            await self._waiter
        finally:
            timer.cancel()
            self._waiter = None
        if not self._replies:
            raise ConnectionBrokenError(self._broken)  # set by whoever woke us

    def _take(self, line: bytes) -> None:
        self._size += len(line)
        self._lines.append(line)
        if line[3:4] == b"-" and line[:3].isdigit():
            return
        if not _REPLY.match(line):
            self._break("the server does not speak SMTP")
            return
        text = b" ".join(part[4:] for part in self._lines).decode("utf-8", "replace")
        self._replies.append(Reply(int(line[:3]), text))
        self._lines.clear()
        self._size = 0

    def _break(self, why: str) -> None:
        if self._broken is None:
            self._broken = why
        self._wake()

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done() and (self._replies or self._broken is not None):
            waiter.set_result(None)
