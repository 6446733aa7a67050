"""Does a connection that says nothing, or says it drop by drop, end? On real sockets, with the time turned short."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.adapters.http_patience import ImpatientProtocol
from services.adapters.process import http_loop
from services.engines.locations import free_port

REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


async def hello(scope: Any, receive: Any, send: Any) -> None:
    """An application that answers after a while."""
    await asyncio.sleep(0.3)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


class Hasty(ImpatientProtocol):
    headers_s = 0.2


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """Where it listens."""
    chosen, stop = free_port(), asyncio.Event()
    serving = asyncio.ensure_future(http_loop(hello, "127.0.0.1", chosen, connections=2, protocol=Hasty)(stop))
    async with asyncio.timeout(20):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", chosen)
                break
            except OSError:
                await asyncio.sleep(0.01)
    writer.close()
    yield chosen
    stop.set()
    await serving


async def ended(reader: asyncio.StreamReader) -> bytes:
    """Everything until the server hangs up."""
    async with asyncio.timeout(20):
        try:
            return await reader.read()
        except ConnectionError:
            return b""


async def test_a_silent_connection_is_ended(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    assert await ended(reader) == b""
    writer.close()


async def test_headers_that_come_drop_by_drop_are_ended(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    end = asyncio.ensure_future(ended(reader))
    for byte in REQUEST[:-1] * 40:
        if end.done():
            break
        writer.write(bytes([byte]))
        await asyncio.sleep(0.02)
    assert await end == b""
    writer.close()


async def test_a_whole_request_gets_its_answer_though_it_takes_longer(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(2):
        writer.write(REQUEST)
        async with asyncio.timeout(20):
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200")
            assert b"server:" not in head.lower()
            assert await reader.readexactly(2) == b"ok"
    writer.write(REQUEST[:10])
    assert await ended(reader) == b""
    writer.close()


async def test_more_connections_than_are_served_are_told_to_come_again(port: int) -> None:
    busy = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
    for _, writer in busy:
        writer.write(REQUEST)
    heads = []
    for reader, writer in busy:
        async with asyncio.timeout(20):
            heads.append((await reader.readuntil(b"\r\n\r\n"))[:12])
        writer.close()
    assert b"HTTP/1.1 503" in heads
