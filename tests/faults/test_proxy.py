"""Does the network fail as ordered? The proxy is what the other tests trust."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from services.engines.locations import LOOPBACK, free_port
from tests.e2e.exchange import eventually
from tests.faults.proxy import Net, Proxy, proxied


@pytest.fixture
def heard() -> list[bytes]:
    return []


@pytest.fixture
def proxy(heard: list[bytes]) -> Iterator[Proxy]:
    """A proxy of a server that answers everything with itself."""
    with socket.create_server((LOOPBACK, 0)) as listener:

        def echo(connection: socket.socket) -> None:
            with connection:
                try:
                    while data := connection.recv(4096):
                        heard.append(data)
                        connection.sendall(data)
                except OSError:
                    return

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=echo, args=(connection,), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        with proxied(listener.getsockname()[1]) as made:
            yield made
        listener.shutdown(socket.SHUT_RDWR)


@contextmanager
def connected(proxy: Proxy) -> Iterator[socket.socket]:
    with socket.create_connection((LOOPBACK, proxy.port), timeout=0.5) as connection:
        yield connection


def exchanged(connection: socket.socket, words: bytes) -> bytes:
    connection.sendall(words)
    answer = b""
    while len(answer) < len(words) and (more := connection.recv(4096)):
        answer += more
    return answer


def closed_at_once(proxy: Proxy) -> bool:
    """Whether a new connection is refused, reset or closed without a word."""
    try:
        with connected(proxy) as connection:
            return connection.recv(1) == b""
    except ConnectionError:
        return True


@pytest.mark.parametrize("mode", [Net.PASS, Net.SLICED])
def test_bytes_pass_both_ways(proxy: Proxy, mode: Net) -> None:
    proxy.set(mode)
    with connected(proxy) as connection:
        assert exchanged(connection, b"how are you, said the client") == b"how are you, said the client"


def test_cut_closes_what_is_open_and_refuses_what_comes(proxy: Proxy) -> None:
    with connected(proxy) as connection:
        assert exchanged(connection, b"a") == b"a"
        proxy.set(Net.CUT)
        assert connection.recv(1) == b""
    assert closed_at_once(proxy)
    proxy.set(Net.PASS)
    with connected(proxy) as healed:
        assert exchanged(healed, b"b") == b"b"


def test_reset_is_seen_as_a_reset(proxy: Proxy) -> None:
    with connected(proxy) as connection:
        assert exchanged(connection, b"a") == b"a"
        proxy.reset()
        with pytest.raises(ConnectionResetError):
            connection.recv(1)


def test_a_blackhole_swallows_both_ways_and_tells_nobody(proxy: Proxy, heard: list[bytes]) -> None:
    with connected(proxy) as connection:
        assert exchanged(connection, b"a") == b"a"
        proxy.set(Net.BLACKHOLE)
        connection.sendall(b"b")
        with pytest.raises(TimeoutError):
            connection.recv(1)
        assert b"".join(heard) == b"a"
    with connected(proxy) as half_open:
        half_open.sendall(b"c")
        with pytest.raises(TimeoutError):
            half_open.recv(1)


def test_lost_replies_leave_the_outcome_unknown(proxy: Proxy, heard: list[bytes]) -> None:
    with connected(proxy) as connection:
        proxy.set(Net.REPLIES_LOST)
        connection.sendall(b"do it")
        with pytest.raises(TimeoutError):
            connection.recv(1)
        eventually(lambda: b"".join(heard) == b"do it", "the server hears it")
        proxy.set(Net.PASS)
        assert connection.recv(16) == b"do it"


def test_latency_delays_and_loses_nothing(proxy: Proxy) -> None:
    proxy.set(Net.LATENCY, 0.1)
    with connected(proxy) as connection:
        began = time.monotonic()
        assert exchanged(connection, b"a") == b"a"
        assert time.monotonic() - began >= 0.2


def test_a_target_that_is_away_looks_like_a_reset() -> None:
    with proxied(free_port()) as proxy:
        assert closed_at_once(proxy)
