"""What do Dockerfile and docker-compose.yml say? Read as data, so that tests can do what they say."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent
COMPOSE_FILE = ROOT / "docker-compose.yml"


class Dockerfile:
    """The final stage of our Dockerfile, and what all stages copy."""

    def __init__(self) -> None:
        text = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text("utf-8"))
        self._lines = [line for line in text.splitlines() if line and not line.startswith("#")]
        start = max(n for n, line in enumerate(self._lines) if line.startswith("FROM"))
        self._final = self._lines[start:]

    def _only(self, word: str) -> str:
        found = [line.removeprefix(f"{word} ") for line in self._final if line.startswith(f"{word} ")]
        assert len(found) == 1, f"{word} stands {len(found)} times"
        return found[0]

    @property
    def entrypoint(self) -> list[str]:
        return list(json.loads(self._only("ENTRYPOINT")))

    @property
    def command(self) -> list[str]:
        return list(json.loads(self._only("CMD")))

    @property
    def healthcheck(self) -> list[str]:
        return list(json.loads(self._only("HEALTHCHECK").partition("CMD ")[2]))

    @property
    def environment(self) -> dict[str, str]:
        return dict(pair.split("=", 1) for pair in self._only("ENV").split())

    @property
    def copied(self) -> list[str]:
        """What is copied out of this folder into the image, by any stage."""
        lines = [line.split()[1:] for line in self._lines if line.startswith("COPY ")]
        return [source for words in lines if not words[0].startswith("--from") for source in words[:-1]]


def compose() -> dict[str, Any]:
    """The services of docker-compose.yml, anchors resolved."""
    return dict(yaml.safe_load(COMPOSE_FILE.read_text("utf-8"))["services"])


def seconds(text: str) -> float:
    """`25s` as a number."""
    assert text.endswith("s")
    return float(text[:-1])
