"""Where are the broker's jars on this machine, and how do they get here the first time?

Downloaded once from Maven Central (or the mirror REFERRALS_MAVEN_URL names) into the user's cache, checked against
`kafka_lock`, and remembered as a ready class path; after that no start touches the network.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from services.engines.bundled.kafka_lock import JARS, KAFKA_VERSION
from services.engines.children import EngineFailed
from services.engines.machine import trust_the_system

if TYPE_CHECKING:
    from jgo.maven import MavenContext

MIRROR_VARIABLE = "REFERRALS_MAVEN_URL"
#: Downloads at a time: polite to the mirror, and enough to fill a home connection.
_PARALLEL = 8


@dataclass(frozen=True, slots=True)
class JarCache:
    """The jars of one user: the Maven repository layout under `folder`, and the class path once it is complete."""

    folder: Path

    @property
    def _remembered(self) -> Path:
        return self.folder / f"kafka-{KAFKA_VERSION}.classpath"

    def class_path(self) -> str | None:
        """The class path if every jar is here and was checked, else None. Looks at names only, so it is quick."""
        try:
            paths = self._remembered.read_text("utf-8")
        except FileNotFoundError:
            return None
        complete = all(Path(path).is_file() for path in paths.split(os.pathsep))
        return paths if complete and paths.count(os.pathsep) == len(JARS) - 1 else None

    def fetch(self, environ: Mapping[str, str], on_progress: Callable[[str], None] | None = None) -> str:
        """The class path, after downloading and checking what is missing; several processes may ask at once.

        Raises:
            EngineFailed: a jar cannot be had, or is not the one that is pinned.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            ready = self.class_path()
            if ready:
                return ready
            if on_progress:
                on_progress(f"downloading Apache Kafka {KAFKA_VERSION} ({len(JARS)} jars, 44 MB, once)")
            paths = os.pathsep.join(str(path) for path in self._download(environ))
            unfinished = self._remembered.with_suffix(".new")
            unfinished.write_text(paths, "utf-8")
            unfinished.replace(self._remembered)
            return paths

    def _download(self, environ: Mapping[str, str]) -> list[Path]:
        # Imported here: it costs 0.2 s, and only the very first start needs it.
        from jgo.maven import MavenContext

        trust_the_system()
        url = repository(environ)
        maven = MavenContext(
            repo_cache=self.folder / "maven", local_repos=[], remote_repos={"central": url}, timeout=30
        )
        with ThreadPoolExecutor(_PARALLEL) as pool:
            return list(pool.map(lambda pinned: _checked(maven, *pinned), JARS))


def repository(environ: Mapping[str, str]) -> str:
    """The Maven repository to download from: the mirror that is named, else the one jgo knows as Maven Central."""
    from jgo.constants import MAVEN_CENTRAL_URL

    return environ.get(MIRROR_VARIABLE, MAVEN_CENTRAL_URL).rstrip("/")


def _checked(maven: MavenContext, coordinate: str, sha256: str) -> Path:
    """The jar of one coordinate. A file that is there but wrong (a download that was cut) is fetched once more."""
    group, artifact, version = coordinate.split(":")
    for _ in range(2):
        try:
            path = maven.project(group, artifact).at_version(version).artifact().resolve()
        except (
            OSError,
            RuntimeError,
        ) as error:  # requests' errors are OSErrors; jgo says RuntimeError for "not found".
            raise EngineFailed(
                f"cannot download {coordinate}: {error}. Check the network, or name a mirror in {MIRROR_VARIABLE}."
            ) from error
        if hashlib.sha256(path.read_bytes()).hexdigest() == sha256:
            return path
        path.unlink()
    raise EngineFailed(f"{coordinate}: the downloaded jar is not the pinned one (SHA-256 differs); it was thrown away.")
