"""What can be asked of a machine before anything is started on it, and what does this one answer?"""

from __future__ import annotations

import ctypes
import os
import platform
import shutil
import ssl
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Protocol


class Machine(Protocol):
    """What can be asked of a machine."""

    def system(self) -> tuple[str, str]:
        """Operating system and processor, as `platform` names them."""

    def glibc(self) -> tuple[int, int] | None:
        """Version of the GNU C library, None where there is another one."""

    def processor_flags(self) -> frozenset[str]:
        """What the processor can do; empty when unknown."""

    def installed(self, name: str) -> bool:
        """Whether the Python distribution is installed."""

    def loads(self, library: str) -> bool:
        """Whether the shared library can be loaded."""

    def free_bytes(self, folder: Path) -> int:
        """Free space where the folder is or would be."""

    def answers(self, url: str) -> bool:
        """Whether a web server answers there."""


def trust_the_system() -> None:
    """Let `requests` trust the authorities that this system trusts, unless the environment says otherwise.

    It brings a list of its own, in which the authority of a company's inspecting proxy is missing.
    """
    authorities = ssl.get_default_verify_paths().cafile
    if authorities:
        os.environ.setdefault("REQUESTS_CA_BUNDLE", authorities)


@dataclass(frozen=True, slots=True)
class ThisMachine:
    """The machine this runs on."""

    def system(self) -> tuple[str, str]:
        """Operating system and processor."""
        return platform.system(), platform.machine()

    def glibc(self) -> tuple[int, int] | None:
        """Version of the GNU C library."""
        name, version = platform.libc_ver()
        major, _, minor = version.partition(".")
        return (int(major), int(minor)) if name == "glibc" and minor.isdigit() else None

    def processor_flags(self) -> frozenset[str]:
        """From /proc/cpuinfo."""
        try:
            lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        except OSError:
            return frozenset()
        return frozenset(next((line for line in lines if line.startswith("flags")), "").split())

    def installed(self, name: str) -> bool:
        """From the metadata, without importing it."""
        try:
            distribution(name)
        except PackageNotFoundError:
            return False
        return True

    def loads(self, library: str) -> bool:
        """Load it as the dynamic linker would."""
        try:
            ctypes.CDLL(library)
        except OSError:
            return False
        return True

    def free_bytes(self, folder: Path) -> int:
        """Of the nearest folder that exists."""
        there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
        return shutil.disk_usage(there).free

    def answers(self, url: str) -> bool:
        """One HEAD request through the proxies of the environment."""
        try:
            import requests  # jgo's own client: what it reaches, jgo reaches.

            trust_the_system()
            requests.head(url, timeout=10, allow_redirects=True)
        except (ImportError, OSError):
            return False
        return True
