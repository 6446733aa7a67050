"""The structure of the code: arrows between rooms, purity of the core, sizes, nothing opened at import."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILES = sorted(p for top in ("services", "schemas") for p in (ROOT / top).rglob("*.py"))
#: Libraries without a process, and the rooms that use each; a library itself is a room that imports no other.
LIBRARIES = {"matching": ("router", "statistics", "portal"), "wording": ("notifier", "portal")}
ROOMS = ("intake", "router", "notifier", "expirer", "audit", "statistics", "webhooks", "erasure", "portal", *LIBRARIES)
DRIVERS = {"motor", "pymongo", "bson", "aiokafka", "aiosmtplib", "faststream"}


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def within(name: str, *packages: str) -> bool:
    return any(name == p or name.startswith(p + ".") for p in packages)


IDS = [module_of(p) for p in FILES]


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_imports_follow_the_arrows(path: Path) -> None:
    module = module_of(path)
    for name in imports_of(path):
        assert not within(name, "tests", "bench"), f"{module} imports {name}"
        ours = within(name, "services", "schemas")
        top = name.split(".")[0]
        if within(module, "services.core"):
            assert within(name, "services.core") or top in sys.stdlib_module_names, f"core imports {name}"
        elif within(module, "schemas"):
            assert not ours or within(name, "schemas"), f"schemas import {name}"
        elif within(module, "services.adapters"):
            assert not ours or within(name, "services.core", "services.adapters", "schemas"), f"{module} imports {name}"
        for room in ROOMS:
            if within(module, f"services.{room}") and ours:
                library = any(room in users and within(name, f"services.{n}") for n, users in LIBRARIES.items())
                own = within(name, "services.core", "schemas", f"services.{room}")
                assert own or library, f"{module} imports {name}"
        if top in DRIVERS:
            assert within(module, "services.adapters", "services.engines"), f"{module} imports the driver {name}"


def test_only_one_module_knows_motor() -> None:
    users = {module_of(p) for p in FILES for name in imports_of(p) if within(name, "motor")}
    assert users == {"services.adapters.mongo.driver"}


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_files_and_functions_can_be_read_in_one_go(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= 300, f"{path.name} has more than 300 lines"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 60, f"{path.name}:{node.name} is too long"


def test_most_files_are_short() -> None:
    short = [p for p in FILES if p.read_text().count("\n") < 150]
    assert len(short) >= 0.7 * len(FILES)


FORBIDDEN_IN_CORE = {"now", "utcnow", "today", "time", "monotonic", "sleep", "uuid4", "random", "open", "print"}


@pytest.mark.parametrize("path", sorted((ROOT / "services/core").rglob("*.py")), ids=lambda p: p.stem)
def test_the_core_knows_no_clock_no_chance_and_no_io(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            owner = getattr(node.func.value, "id", "") if isinstance(node.func, ast.Attribute) else ""
            if called in FORBIDDEN_IN_CORE and owner in {"", "datetime", "date", "time", "random", "uuid", "asyncio"}:
                raise AssertionError(f"{path.name}:{node.lineno} calls {called}")


def test_no_module_has_a_name_that_says_nothing() -> None:
    empty = {"utils", "helpers", "common", "manager", "misc", "base_utils"}
    assert not [p for p in FILES if p.stem in empty or p.parent.name in empty]


IMPORT_ALL = """
import importlib, socket, sys
def refuse(*a, **k):
    raise AssertionError("a socket was opened at import")
socket.socket.connect = refuse
socket.socket.bind = refuse
for name in sys.argv[1:]:
    importlib.import_module(name)
"""


def test_importing_a_module_opens_nothing() -> None:
    names = [m for m in IDS if not m.endswith("__main__")]
    done = subprocess.run(
        [sys.executable, "-W", "error::ResourceWarning", "-c", IMPORT_ALL, *names],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin"},
        timeout=90,
    )
    assert done.returncode == 0, done.stderr[-2000:]
