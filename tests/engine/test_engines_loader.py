"""Is a service that was forked where its code is loaded in everything the one that would have been executed?"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from services.engines.children import Child, Command, identify, wait_until
from services.engines.loader import Loader
from services.engines.locations import Home
from services.engines.processes import Spec
from services.engines.supervisor import down, status, up

#: A service that tells what it finds around itself, and then does what it is told.
PROGRAM = """
import json, os, pathlib, signal, socket, sys
import weighty
told = {
    "argv": sys.argv[1:], "name": __name__, "main": sys.modules["__main__"].__dict__ is globals(),
    "env": dict(os.environ), "session": os.getsid(0), "parent": os.getppid(), "pid": os.getpid(),
    "loaded_in": weighty.PID, "stdin": os.path.realpath("/proc/self/fd/0"),
    "sockets": [f for f in os.listdir("/proc/self/fd") if os.path.realpath("/proc/self/fd/" + f).count("socket:")],
    "shown": pathlib.Path("/proc/self/cmdline").read_bytes().rstrip(b"\\0").split(b"\\0")[-2].decode(),
    "handled": [n for n in range(1, 30) if signal.getsignal(n) not in (signal.SIG_DFL, None)],
}
print(json.dumps(told), flush=True)
match sys.argv[1]:
    case "exit":
        sys.exit(int(sys.argv[2]))
    case "fail":
        raise ValueError("with its words")
    case _:
        signal.pause()
"""


@dataclass
class Place:
    """Where the program lies, and the loader that has its code loaded."""

    folder: Path
    loader: Loader
    started: int = 0

    def child(self, *words: str, **env: str) -> Child:
        command = Command(argv=(sys.executable, "-m", "told_program", *words), env=env)
        self.started += 1
        return Child("service", command, self.folder / f"service-{self.started}.log", self.loader.start)

    @property
    def loader_pid(self) -> int:
        return int((self.folder / "loader.pid").read_text())


@pytest.fixture
async def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Place]:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *sys.path]))
    (tmp_path / "told_program.py").write_text(PROGRAM)
    told_by_the_loader = f"""
import os, pathlib, sys
PID = os.getpid()
if "services.engines.loading" in sys.orig_argv:
    pathlib.Path({str(tmp_path / "loader.pid")!r}).write_text(str(PID))
"""
    (tmp_path / "weighty.py").write_text(told_by_the_loader)
    loader = Loader(["weighty"], tmp_path / "loader.log")
    await loader.loaded()
    place = Place(tmp_path, loader)
    yield place
    place.loader.end()


def told(child: Child) -> dict[str, object]:
    found: dict[str, object] = json.loads(child.log.read_text().splitlines()[0])
    return found


def says(child: Child) -> bool:
    return "\n" in child.log.read_text()


def soon(condition: Callable[[], bool]) -> bool:
    return wait_until(condition, 60)


def test_it_finds_what_one_that_is_executed_finds(place: Place) -> None:
    forked = place.child("exit", "0", REFERRALS_INSTANCE="7")
    executed = Child("service", forked.command, place.folder / "executed.log")
    loader_pid = place.loader_pid
    for child in (forked, executed):
        child.start()
        assert soon(lambda child=child: not child.running)  # type: ignore[misc]
    found, expected = told(forked), told(executed)
    assert forked.identity is not None
    own_id = forked.identity.pid
    assert (found.pop("pid"), found.pop("session"), found.pop("loaded_in")) == (own_id, own_id, loader_pid)
    assert found["parent"] == os.getpid()
    assert found["env"] == {**os.environ, "REFERRALS_INSTANCE": "7"}
    assert found["argv"] == ["exit", "0"]
    assert found == {name: value for name, value in expected.items() if name in found}


@pytest.mark.parametrize(
    ("words", "code", "said"), [(("exit", "3"), 3, ""), (("exit", "0"), 0, ""), (("fail",), 1, "with its words")]
)
def test_how_it_ends_is_seen(place: Place, words: tuple[str, ...], code: int, said: str) -> None:
    child = place.child(*words)
    child.start()
    assert soon(lambda: not child.running)
    assert child.exit_code == code
    assert said in child.log.read_text()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_the_signal_that_ends_it_is_seen(place: Place, number: signal.Signals) -> None:
    child = place.child("sleep")
    child.start()
    assert soon(lambda: says(child))
    assert child.identity is not None
    child.identity.signal(number)
    assert soon(lambda: not child.running)
    assert child.exit_code == -number
    assert child.stop(1.0)


async def test_a_killed_loader_takes_nothing_with_it_and_another_comes(place: Place) -> None:
    first = place.child("sleep")
    first.start()
    assert soon(lambda: says(first))
    killed = place.loader_pid
    os.kill(killed, signal.SIGKILL)
    assert soon(lambda: (seen := identify(killed)) is None or not seen.alive())
    # Nobody has noticed yet: this one is executed.
    second = place.child("sleep")
    second.start()
    await place.loader.loaded()
    third = place.child("sleep")
    third.start()
    assert place.loader_pid != killed
    children = (first, second, third)
    assert all(soon(lambda child=child: says(child)) for child in children)  # type: ignore[misc]
    assert second.identity is not None
    assert [told(child)["loaded_in"] for child in children] == [killed, second.identity.pid, place.loader_pid]
    for child in children:
        assert child.running
        child.kill()


async def test_a_loader_that_does_not_answer_is_replaced_and_the_service_executed(place: Place) -> None:
    place.loader.end()
    place.loader = Loader(["weighty"], place.folder / "loader.log", answer_s=0.2)
    await place.loader.loaded()
    frozen = place.loader_pid
    os.kill(frozen, signal.SIGSTOP)
    child = place.child("sleep")
    child.start()
    assert soon(lambda: says(child))
    assert child.identity is not None
    assert told(child)["loaded_in"] == child.identity.pid
    child.kill()
    await place.loader.loaded()
    assert place.loader_pid != frozen


def test_what_an_interpreter_reads_at_its_start_is_given_to_one_that_starts(place: Place) -> None:
    child = place.child("exit", "0", PYTHONUNBUFFERED="1")
    child.start()
    assert soon(lambda: not child.running)
    assert child.identity is not None
    assert told(child)["loaded_in"] == child.identity.pid


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("raise ValueError('a broken line')", "a broken line"),
        ("import threading, time\nthreading.Thread(target=time.sleep, args=(300,), daemon=True).start()", "a thread"),
    ],
)
async def test_code_that_cannot_be_loaded_beforehand_is_loaded_by_each_service(
    place: Place, code: str, why: str
) -> None:
    (place.folder / "unloadable.py").write_text(code)
    loader = Loader(["unloadable", "weighty"], place.folder / "loader.log")
    await asyncio.gather(loader.loaded(), loader.loaded())
    child = Child("service", place.child("exit", "0").command, place.folder / "service.log", loader.start)
    child.start()
    assert soon(lambda: not child.running)
    assert child.exit_code == 0
    assert why in (place.folder / "loader.log").read_text()
    loader.end()


def test_a_supervisor_forks_its_services_and_they_die_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: Place
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    given = {"REFERRALS_KAFKA": "k:1", "REFERRALS_MONGO": "mongodb://m:2", "REFERRALS_SMTP": "s:3"}
    home = Home(tmp_path / "home")
    argv = (sys.executable, "-m", "told_program", "sleep", "{name}")
    specs = [Spec(name=name, argv=argv, health_port=None, preload=("weighty",)) for name in ("router", "portal")]
    try:
        system = up(home, specs, environ=given).status
        assert system.supervisor is not None
        assert soon(lambda: all("\n" in home.log(name).read_text() for name in ("router", "portal")))
        found = {name: json.loads(home.log(name).read_text().splitlines()[0]) for name in ("router", "portal")}
        assert {found[name]["parent"] for name in found} == {system.supervisor.pid}
        assert {found[name]["loaded_in"] for name in found} == {place.loader_pid}
        assert {p.name: p.pid for p in status(home).processes} == {name: found[name]["pid"] for name in found}
        loader = identify(place.loader_pid)
        assert loader is not None
        system.supervisor.signal(signal.SIGKILL)
        assert soon(lambda: not (system.leftovers() or loader.alive()))
    finally:
        down(home)
