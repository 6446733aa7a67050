"""How are SMTP replies read when many may arrive at once?

aiosmtplib opens the connection (greeting, EHLO, STARTTLS, authentication), but its protocol keeps one reply at a time
and drops what else arrived with it. So the open transport is handed to this protocol, which queues whole replies.

While a batch goes well the answers to each write are the same four, and nobody needs to be woken for them: `stream`
goes on from where they arrive. Whatever else comes is queued as always.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

#: Longest reply, all its lines together; a server that sends more is broken or hostile.
_MAX_REPLY = 32 * 1024
_REPLY = re.compile(rb"[2-5][0-9]{2}(?![^ -])")
#: The answers to a body and the commands of the next mail when all is as wished: to the dot, MAIL, RCPT and DATA.
_AS_WISHED = re.compile(rb"(?:2[0-9]{2} [^\r\n]*\r\n){3}354 [^\r\n]*\r\n")
_ANSWERS = 4


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
        self._step: Callable[[], bytes | None] | None = None
        self._since = 0.0
        #: Loop time of the last answers of a stream.
        self._timer: asyncio.TimerHandle | None = None

    @property
    def usable(self) -> bool:
        """Whether another transaction may begin: open, and nothing said that was not asked for."""
        return self._broken is None and not self._replies and not self._transport.is_closing()

    def data_received(self, data: bytes) -> None:
        """Take whole replies off the stream."""
        self._buffer += data
        if self._step is not None and self._went_on(self._step):
            return
        self._take_whole()

    def _take_whole(self) -> None:
        self._step = None
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

    async def stream(self, step: Callable[[], bytes | None], timeout_s: float) -> None:
        """After a write that four answers follow: while they are as wished, call `step` and write what it gives.

        Returns when `step` gives None, or when something else came: then no answer since the last step has been taken,
        and `read` gives them (or raises, if there are none).

        Args:
            step: told of the four answers as they arrive; gives what four more answers will follow.
            timeout_s: longest wait for the four; after it the connection is broken.
        """
        if self._broken is not None or self._replies or self._lines:
            return
        loop = asyncio.get_running_loop()
        self._waiter, self._step, self._since = loop.create_future(), step, loop.time()
        self._timer = loop.call_later(timeout_s, self._look, timeout_s)
        try:
            await self._waiter
        finally:
            self._timer.cancel()
            self._waiter = self._step = self._timer = None

    def _went_on(self, step: Callable[[], bytes | None]) -> bool:
        """Whether the stream has dealt with what has come so far; if not, it has ended."""
        whole = self._buffer.count(b"\n")
        if whole < _ANSWERS and len(self._buffer) <= _MAX_REPLY:
            return True
        if not _AS_WISHED.fullmatch(self._buffer) or self._transport.is_closing():
            return False
        self._buffer.clear()
        self._since = asyncio.get_running_loop().time()
        more = step()
        if more is None:
            self._step = None
            self._wake(ended=True)
        else:
            self._transport.write(more)
        return True

    def _look(self, timeout_s: float) -> None:
        """Break a stream whose answers have not come; one timer serves it from the first mail to the last."""
        loop = asyncio.get_running_loop()
        left = self._since + timeout_s - loop.time()
        if left > 0:
            self._timer = loop.call_later(left, self._look, timeout_s)
        else:
            self._break(f"no reply within {timeout_s:g} s")

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
        if self._step is not None:
            # Fewer answers than a stream waits for have come: they are to be read before the end is.
            self._take_whole()
        if self._broken is None:
            self._broken = why
        self._wake()

    def _wake(self, *, ended: bool = False) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done() and (ended or self._replies or self._broken is not None):
            waiter.set_result(None)
