"""Do Dockerfile and docker-compose.yml describe the system that we test? What they say is done, without containers."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
import urllib.error
import urllib.request
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
import yaml

from services.adapters.settings import Settings
from services.cli.app import app
from services.engines.bundled.together import running_engines
from services.engines.choose import Endpoints
from services.engines.locations import free_port
from services.processes import PROCESSES
from services.running import STOP_SLACK_S
from tests.bundled import need_bundled
from tests.deployment import COMPOSE_FILE, ROOT, Dockerfile, compose, link_packages, locked, seconds
from tests.e2e.exchange import eventually

ENGINES = {"kafka", "mongo", "mailpit"}


def compose_program() -> list[str]:
    for program in (["docker", "compose"], ["docker-compose"]):
        if (
            shutil.which(program[0])
            and not subprocess.run([*program, "version"], check=False, capture_output=True).returncode
        ):
            return program
    why = "neither `docker compose` nor docker-compose is here: sudo apt-get install docker-compose"
    if os.environ.get("CI"):
        pytest.fail(why, pytrace=False)
    pytest.skip(why)


def test_a_compose_program_takes_the_file_and_reads_it_as_we_do() -> None:
    command = [*compose_program(), "-f", str(COMPOSE_FILE), "config"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert set(yaml.safe_load(done.stdout)["services"]) == set(compose())


def test_the_services_are_the_processes_and_the_engines() -> None:
    assert set(compose()) == {*PROCESSES, *ENGINES, "init"}


def test_every_command_is_one_that_our_command_line_knows() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    image = Dockerfile()
    assert [image.entrypoint[0]] == list(scripts)
    assert image.command == ["--help"]
    known = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    for name, service in compose().items():
        if name in ENGINES:
            continue
        assert service["command"] == (["run", name] if name in PROCESSES else [name])
        assert service["command"][0] in known


@pytest.mark.parametrize("lock", ["run", "engines", "dev"])
def test_the_locks_are_read_by_the_pip_of_ubuntu_too(lock: str) -> None:
    # Its Python is 3.11.0rc1, and for that pip a pre-release is neither before nor after any full version.
    lines = (ROOT / f"requirements/{lock}.txt").read_text("utf-8").splitlines()
    assert [line for line in lines if "python_full_version" in line] == []
    assert all("==" in line for line in lines if not line.startswith((" ", "#")))


def test_what_the_image_copies_is_there_and_not_ignored() -> None:
    ignored = set((ROOT / ".dockerignore").read_text().split())
    for source in Dockerfile().copied:
        assert (ROOT / source).exists(), source
        assert source.split("/")[0] not in ignored, source


def test_a_container_is_given_longer_to_stop_than_a_process_takes() -> None:
    grace = Settings.model_fields["shutdown_grace_s"].default + STOP_SLACK_S
    assert all(seconds(compose()[name]["stop_grace_period"]) >= grace for name in PROCESSES)


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoints]:
    home = tmp_path_factory.mktemp("engines")
    need_bundled(home)
    with running_engines(home) as running:
        yield running.endpoints


class Container:
    """A process started as its container would be; only addresses and ports are those of this machine."""

    def __init__(self, service: str, engines: Endpoints) -> None:
        self.service, self.port = service, free_port()
        written = compose()[service]
        here = {
            "REFERRALS_KAFKA": engines.kafka,
            "REFERRALS_MONGO": engines.mongo,
            "REFERRALS_SMTP": engines.smtp,
            "REFERRALS_HEALTH_PORT": str(self.port),
            "REFERRALS_INTAKE_PORT": "0",
            "REFERRALS_PORTAL_PORT": "0",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        }
        assert set(written["environment"]) | set(Dockerfile().environment) >= set(here) - {
            "REFERRALS_INTAKE_PORT",
            "REFERRALS_PORTAL_PORT",
        }
        settled = {k: re.sub(r"\$\{\w+:-(.*)\}", r"\1", v) for k, v in written["environment"].items()}
        self.environment = {**Dockerfile().environment, **settled, **here}
        self.process = subprocess.Popen(
            [*Dockerfile().entrypoint, *written["command"]],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd="/",
        )

    def answers(self, path: str) -> bool:
        assert self.process.poll() is None, self.end()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return bool(answer.status == 200 and answer.read())
        except (urllib.error.URLError, OSError):
            return False

    def healthy(self) -> bool:
        """The image's own health check."""
        command = [word.replace(":8080/", f":{self.port}/") for word in Dockerfile().healthcheck]
        return subprocess.run(command, check=False, env=self.environment, capture_output=True).returncode == 0

    def end(self) -> str:
        """Everything that it said, when it has ended."""
        return self.process.communicate(timeout=60)[0].decode()


def test_every_container_command_starts_serves_its_health_and_stops(engines: Endpoints) -> None:
    first = Container("init", engines)
    said = first.end()
    assert first.process.returncode == 0, said
    assert "rfi.submitted" in said
    running = [Container(name, engines) for name in PROCESSES]
    try:
        for container in running:
            eventually(lambda c=container: c.answers("/ready"), f"{container.service} is ready")  # type: ignore[misc]
            assert container.answers("/live")
            assert container.answers("/metrics")
            assert container.healthy()
        for container in running:
            container.process.send_signal(signal.SIGTERM)
        for container in running:
            said = container.end()
            assert container.process.returncode == 0, said
            assert not container.healthy()
    finally:
        for container in running:
            container.process.kill()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that the image installs, built from a copy, so that nothing is left in this folder."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in ("services", "schemas"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, folder)
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", "made", "."]
    subprocess.run(command, check=True, cwd=folder)
    return next((folder / "made").glob("*.whl"))


def test_the_wheel_has_every_file_of_the_code(wheel: Path) -> None:
    inside = set(zipfile.ZipFile(wheel).namelist())
    paths = [p for top in ("services", "schemas") for p in (ROOT / top).rglob("*") if p.is_file()]
    ours = {str(p.relative_to(ROOT)) for p in paths if "__pycache__" not in p.parts}
    assert ours - inside == set()


@pytest.mark.parametrize("smaller", ["run", "engines"])
def test_each_lock_has_the_very_files_of_the_lock_that_the_tests_are_installed_from(smaller: str) -> None:
    # So that pip, which took every file of the largest with its hash, takes those of the others too.
    assert locked(smaller).items() <= locked("dev").items()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_lock_of_production_is_enough_to_run_every_process(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "app", with_pip=False)
    python = tmp_path / "app/bin/python"
    link_packages(locked("run"), next((tmp_path / "app/lib").glob("python*/site-packages")))
    pip: list[str | Path] = [sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-compile"]
    pip += ["--no-deps", "--no-index", "--disable-pip-version-check"]
    subprocess.run([*pip, wheel], check=True, cwd=tmp_path)
    subprocess.run([tmp_path / "app/bin/referrals", "run", "--help"], check=True, capture_output=True)
    imports = "import services.cli.app; from services.processes import PROCESSES, assembly_of"
    imports += "; [assembly_of(each) for each in PROCESSES]"
    subprocess.run([python, "-W", "error", "-c", imports], check=True, cwd=tmp_path)
    # Templates, catalogues and word lists are read from the installed package.
    subprocess.run([python, "-m", "services.notifier.preview", "mails"], check=True, cwd=tmp_path, capture_output=True)
    assert list((tmp_path / "mails").rglob("*.html"))
