"""No lock holds a version of a library that is known to be unsafe in what we use it for.

A scanner that can't reach its list of advisories says that all is well; these floors need no list. Each is the first
version in which the named weakness is mended.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from packaging.version import Version

LOCKS = sorted((Path(__file__).parent.parent / "requirements").glob("*.txt"))
#: By name: the lowest version, and why. Libraries that only sometimes come along count when they are there.
FLOORS: Mapping[str, tuple[str, str]] = {
    "starlette": ("0.49.1", "CVE-2025-62727, ranges of files; CVE-2025-54121, large forms"),
    "python-multipart": ("0.0.18", "CVE-2024-53981, forms that never end"),
    "h11": ("0.16.0", "CVE-2025-43859, chunks that others read in another way"),
    "jinja2": ("3.1.6", "CVE-2025-27516, out of the sandbox"),
    "authlib": ("1.6.9", "CVE-2026-27962, a key that comes with the token"),
    "pyjwt": ("2.13.0", "CVE-2026-48526, CVE-2026-48523, another algorithm than was asked for"),
    "orjson": ("3.9.15", "CVE-2024-27454, nesting without end"),
}
#: What nothing of ours may bring along: it lets a token choose how it is checked.
BANNED = {"python-jose"}


def versions(lock: Path) -> dict[str, Version]:
    """Every version that a lock names, the lowest of a name."""
    found: dict[str, Version] = {}
    for name, version in re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", lock.read_text(), re.MULTILINE):
        known = found.get(name.lower())
        found[name.lower()] = min(known, Version(version)) if known else Version(version)
    return found


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_no_lock_holds_a_library_below_its_floor(lock: Path) -> None:
    there = versions(lock)
    assert {"starlette", "python-multipart", "h11", "jinja2", "authlib", "orjson"} <= there.keys()
    low = {
        name: f"{there[name]} < {floor}: {why}" for name, (floor, why) in FLOORS.items() if _below(there, name, floor)
    }
    assert low == {}
    assert BANNED & there.keys() == set()


def _below(there: Mapping[str, Version], name: str, floor: str) -> bool:
    return name in there and there[name] < Version(floor)


def test_a_low_version_is_seen_among_others(tmp_path: Path) -> None:
    lock = tmp_path / "lock.txt"
    lock.write_text("starlette==1.10.0 \\\n    --hash=x\nh11==0.14.0 ; python_version < '3'\nh11==0.16.0\n")
    assert versions(lock) == {"starlette": Version("1.10.0"), "h11": Version("0.14.0")}
    assert _below(versions(lock), "h11", FLOORS["h11"][0])
