"""The mail server of the benchmark: takes everything as fast as Python can, counts it, and keeps nothing.

All systems that are compared talk to this one. It offers PIPELINING and reads a pipelined group in one go. The count
is asked for over the same port by the command XCOUNT (`250 <mails> <bytes>`); XRESET sets it to zero.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from typing import ClassVar

import uvloop


class Sink(asyncio.Protocol):
    """One SMTP conversation."""

    mails: ClassVar[int] = 0
    size: ClassVar[int] = 0

    def __init__(self) -> None:
        self.buffer = b""
        self.in_data = False
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        self.transport = transport  # type: ignore[assignment]
        self._say(b"220 sink ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        """Answer every whole line and mail in the buffer."""
        self.buffer = self.buffer + data if self.buffer else data
        answers: list[bytes] = []
        while self._step(answers):
            pass
        if answers:
            self._say(b"".join(answers))

    def _step(self, answers: list[bytes]) -> bool:
        if self.in_data:
            end = self.buffer.find(b"\r\n.\r\n")
            if end < 0:
                return False
            Sink.mails += 1
            Sink.size += end
            self.buffer = self.buffer[end + 5 :]
            self.in_data = False
            answers.append(b"250 2.0.0 taken\r\n")
            return True
        end = self.buffer.find(b"\r\n")
        if end < 0:
            return False
        verb = self.buffer[:4].upper()
        self.buffer = self.buffer[end + 2 :]
        answers.append(self._answer(verb))
        return True

    def _answer(self, verb: bytes) -> bytes:
        if verb == b"DATA":
            self.in_data = True
            return b"354 go on\r\n"
        if verb == b"EHLO":
            return b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n"
        if verb == b"XCOU":
            return b"250 %d %d\r\n" % (Sink.mails, Sink.size)
        if verb == b"XRES":
            Sink.mails = Sink.size = 0
        if verb == b"QUIT":
            asyncio.get_running_loop().call_soon(self._close)
            return b"221 2.0.0 bye\r\n"
        return b"250 2.0.0 ok\r\n"

    def _say(self, data: bytes) -> None:
        if self.transport is not None:
            self.transport.write(data)

    def _close(self) -> None:
        if self.transport is not None:
            self.transport.close()


async def main(port: int) -> None:
    """Serve until killed."""
    gc.freeze()
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", port, backlog=512)
    print("ready", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
