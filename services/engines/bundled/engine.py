"""What must an engine tell so that anyone (a test, the supervisor) can start it, wait for it and stop it?"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Protocol

from services.engines.locations import LOOPBACK

if TYPE_CHECKING:
    from services.engines.children import Command

#: How long one look at an engine may take, seconds.
LOOK_S = 1.0


class Engine(Protocol):
    """One process of an engine. All methods are safe to call again after a crash at any point."""

    @property
    def name(self) -> str:
        """Its name in logs and status."""

    @property
    def address(self) -> str:
        """What clients put in their settings."""

    @property
    def stop_grace_s(self) -> float:
        """How long it may take to stop by itself before it is killed."""

    def prepare(self) -> None:
        """Do what must be done before the process starts: folders, configuration, formatting."""

    def command(self) -> Command:
        """What to run."""

    def ready(self) -> bool:
        """Look once whether it serves; finishes what can only be done while it runs (replica set set-up)."""

    def stopped(self) -> None:
        """Tidy up after it has stopped by itself."""


def ask(port: int, question: bytes, enough: int) -> bytes:
    """Send `question` to a loopback port; at least `enough` bytes of answer, or nothing when it does not serve."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=LOOK_S) as conversation:
            conversation.sendall(question)
            answer = b""
            while len(answer) < enough:
                more = conversation.recv(4096)
                if not more:
                    return b""
                answer += more
            return answer
    except OSError:
        return b""
