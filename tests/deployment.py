"""What do Dockerfile, docker-compose.yml and the locks say? Read as data, so that tests can do what they say."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from importlib.metadata import distribution, distributions
from pathlib import Path
from typing import Any

import yaml
from packaging.requirements import Requirement

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


def locked(lock: str) -> dict[str, frozenset[str]]:
    """What a lock names: each requirement, with the hashes of the files that pip may take for it."""
    text = (ROOT / f"requirements/{lock}.txt").read_text("utf-8").replace("\\\n", " ")
    lines = [line.split(" --hash=") for line in text.splitlines() if line and not line.startswith("#")]
    return {words[0].strip(): frozenset(word.strip() for word in words[1:]) for words in lines}


def link_packages(requirements: Iterable[str], site: Path) -> None:
    """Put exactly these packages into `site`, as links to those of the environment of the tests.

    Unpacking them once more would take half a minute. Packages that share a folder with others go in file by file.
    """
    owners = Counter(top for each in distributions() for top in {file.parts[0] for file in each.files or ()})
    for requirement in map(Requirement, requirements):
        if requirement.marker is not None and not requirement.marker.evaluate():
            continue
        found = distribution(requirement.name)
        assert requirement.specifier.contains(found.version, prereleases=True), (
            f"{requirement} is locked, {found.version} is installed: run `make test`"
        )
        files = [file for file in found.files or () if file.parts[0] != ".."]
        for inside in {Path(file.parts[0]) if owners[file.parts[0]] == 1 else Path(file) for file in files}:
            (site / inside).parent.mkdir(parents=True, exist_ok=True)
            if not (site / inside).exists():
                (site / inside).symlink_to(Path(found.locate_file(inside)))  # type: ignore[arg-type]
