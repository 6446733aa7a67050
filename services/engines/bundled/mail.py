"""How is the mail catcher started and found, as an engine beside Kafka and MongoDB?"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from services.engines.bundled.engine import ask
from services.engines.children import Command
from services.engines.locations import LOOPBACK, Home


@dataclass(slots=True, kw_only=True)
class MailCatcher:
    """The mail catcher as an engine: a process that keeps its mails in `home.mail`."""

    home: Home
    port: int
    name: str = "mail"
    stop_grace_s: float = 5.0

    @property
    def address(self) -> str:
        """Host and port."""
        return f"{LOOPBACK}:{self.port}"

    def prepare(self) -> None:
        """Make the folder."""
        self.home.mail.mkdir(mode=0o700, parents=True, exist_ok=True)

    def command(self) -> Command:
        """This module as a process."""
        return Command(
            argv=(sys.executable, "-m", "services.engines.bundled.catcher", str(self.port), str(self.home.mail)),
            env=import_path(),
        )

    def ready(self) -> bool:
        """Whether it greets."""
        return ask(self.port, b"QUIT\r\n", 4).startswith(b"220")

    def stopped(self) -> None:
        """Nothing to tidy up."""


def import_path() -> dict[str, str]:
    """The environment that lets a new Python, started anywhere, import what this one can."""
    return {"PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path)}
