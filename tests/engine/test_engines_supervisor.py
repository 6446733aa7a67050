"""Does the supervisor keep processes running, tell the truth about them, and leave nothing behind?"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from services.engines.bundled import MailSpool
from services.engines.children import EngineFailed, Identity, wait_until
from services.engines.choose import EnginesUnavailable
from services.engines.locations import Home, read_json
from services.engines.processes import ProcessStatus, Spec, Timing
from services.engines.supervisor import down, log_paths, status, up
from tests.bundled import need_bundled

GIVEN = {"REFERRALS_KAFKA": "127.0.0.1:1", "REFERRALS_MONGO": "mongodb://127.0.0.1:2", "REFERRALS_SMTP": "127.0.0.1:3"}
BUT_MAIL = {name: address for name, address in GIVEN.items() if name != "REFERRALS_SMTP"}
QUICK = Timing(poll_s=0.1, answer_s=0.3, hung_after_s=2.5, backoff_first_s=0.05, grace_s=3.0)

#: A service whose health lies in files beside it: `live` and `ready` hold the status codes.
SERVICE = """
import http.server, os, pathlib, signal, socket, sys
here = pathlib.Path(__file__).parent

class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        file = here / self.path.strip("/")
        self.send_response(int(file.read_text()) if file.exists() else 200)
        self.end_headers()
    def log_message(self, *words):
        pass

def finish(*_):
    host, port = os.environ["REFERRALS_SMTP"].split(":")
    try:
        socket.create_connection((host, int(port)), 2).close()
        (here / "last").write_text("the engine was there")
    except OSError:
        (here / "last").write_text("the engine was gone")
    os._exit(0)

signal.signal(signal.SIGTERM, signal.SIG_IGN if "--deaf" in sys.argv else finish)
print("hello from", os.environ["REFERRALS_KAFKA"], flush=True)
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Health).serve_forever()
"""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    place = Home(tmp_path / "home")
    yield place
    down(place)


@pytest.fixture
def service(tmp_path: Path) -> Spec:
    script = tmp_path / "service.py"
    script.write_text(SERVICE)
    return Spec(name="router", argv=[sys.executable, str(script), "{port}"])


def process(home: Home, name: str = "router") -> ProcessStatus:
    return next(found for found in status(home).processes if found.name == name)


def kill(home: Home, name: str, number: signal.Signals = signal.SIGKILL) -> Identity:
    victim = process(home, name).identity()
    assert victim is not None
    victim.signal(number)
    return victim


def soon(condition: Callable[[], bool]) -> bool:
    return wait_until(condition, 30)


def restarted(home: Home, victim: Identity, name: str = "router") -> bool:
    now = process(home, name)
    return now.state == "ready" and now.restarts >= 1 and now.identity() != victim


def processes_of(folder: Path) -> list[int]:
    """Every process on this machine whose command line names the folder, this one excepted."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if str(folder).encode() in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
            except (FileNotFoundError, ProcessLookupError):
                continue
    return found


def test_up_returns_when_all_are_ready_and_down_leaves_nothing(home: Home, service: Spec, tmp_path: Path) -> None:
    seen: list[tuple[str, str]] = []
    running = up(
        home, [service], environ=GIVEN, timing=QUICK, on_progress=lambda name, state: seen.append((name, state))
    )
    assert (running.already, running.endpoints.kind, running.endpoints.kafka) == (False, "given", "127.0.0.1:1")
    assert running.status.ready
    assert ("router", "ready") in seen
    assert "hello from 127.0.0.1:1" in log_paths(home)["router"].read_text()
    stopped = down(home)
    assert (stopped.was_running, stopped.killed) == (True, ())
    assert process(home).state == "stopped"
    assert soon(lambda: processes_of(tmp_path) == [])


def test_a_second_up_finds_the_first(home: Home, service: Spec) -> None:
    first = up(home, [service], environ=GIVEN, timing=QUICK)
    second = up(home, [], environ={})
    assert second.already
    assert second.endpoints == first.endpoints


def test_down_where_nothing_runs_says_so(home: Home) -> None:
    assert down(home).was_running is False
    assert status(home).processes == ()


def test_only_given_engines_and_no_service_is_a_system_too(home: Home) -> None:
    assert up(home, [], environ=GIVEN).status.ready


def test_every_instance_has_its_own_process(home: Home, service: Spec) -> None:
    three = Spec(name="expirer", argv=service.argv, instances=3)
    found = up(home, [three], environ=GIVEN, timing=QUICK).status.processes
    assert [one.name for one in found] == ["expirer-1", "expirer-2", "expirer-3"]
    assert len({one.pid for one in found}) == 3
    assert len({one.health_port for one in found}) == 3


def test_a_killed_service_is_started_again(home: Home, service: Spec) -> None:
    up(home, [service], environ=GIVEN, timing=QUICK)
    victim = kill(home, "router")
    assert soon(lambda: restarted(home, victim))


def test_a_hung_service_is_killed_and_started_again(home: Home, service: Spec) -> None:
    up(home, [service], environ=GIVEN, timing=QUICK)
    victim = kill(home, "router", signal.SIGSTOP)
    assert soon(lambda: restarted(home, victim))
    assert not victim.alive()


def test_a_service_that_takes_its_time_to_start_is_left_alone(home: Home, service: Spec) -> None:
    patient = Timing(poll_s=0.1, answer_s=0.3, hung_after_s=0.2, grace_s=3.0)
    slow = replace(service, argv=("sh", "-c", 'sleep 1 && exec "$0" "$@"', *service.argv))
    up(home, [slow], environ=GIVEN, timing=patient)
    assert process(home).restarts == 0


def test_a_service_that_says_it_is_stuck_is_killed_and_started_again(home: Home, service: Spec, tmp_path: Path) -> None:
    # Without the patience that a silent one gets.
    up(home, [service], environ=GIVEN, timing=replace(QUICK, hung_after_s=600.0, stuck_for_s=0.3))
    victim = process(home).identity()
    assert victim is not None
    (tmp_path / "live").write_text("503")
    assert soon(lambda: process(home).restarts >= 1)
    (tmp_path / "live").write_text("200")
    assert soon(lambda: restarted(home, victim))


def test_a_service_that_waits_for_something_is_left_alone(home: Home, service: Spec, tmp_path: Path) -> None:
    up(home, [service], environ=GIVEN, timing=QUICK)
    before = process(home).identity()
    (tmp_path / "ready").write_text("503")
    assert soon(lambda: process(home).state == "not ready")
    (tmp_path / "ready").write_text("200")
    assert soon(lambda: process(home).state == "ready")
    assert (process(home).identity(), process(home).restarts) == (before, 0)


def test_a_service_that_ignores_the_request_to_stop_is_killed_after_the_grace(
    home: Home, service: Spec, tmp_path: Path
) -> None:
    deaf = Spec(name="deaf", argv=[*service.argv, "--deaf"])
    up(home, [deaf], environ=GIVEN, timing=Timing(poll_s=0.1, grace_s=0.2))
    down(home)
    assert soon(lambda: processes_of(tmp_path) == [])


def test_a_service_that_cannot_start_is_named_with_its_log_and_nothing_stays(
    home: Home, service: Spec, tmp_path: Path
) -> None:
    broken = Spec(name="broken", argv=[sys.executable, "-c", "raise SystemExit('no such setting: REFERRALS_X')"])
    with pytest.raises(EngineFailed, match=r"(?s)broken is .*no such setting: REFERRALS_X"):
        up(home, [service, broken], environ=GIVEN, timing=QUICK)
    assert not status(home).running
    assert soon(lambda: processes_of(tmp_path) == [])


def test_a_program_that_does_not_exist_is_an_error_too(home: Home) -> None:
    with pytest.raises(EngineFailed, match=r"absent is .*cannot be started"):
        up(home, [Spec(name="absent", argv=["/no/such/program"])], environ=GIVEN, timing=QUICK)


def test_what_is_missing_is_said_before_anything_starts(home: Home, service: Spec) -> None:
    with pytest.raises(EnginesUnavailable, match="REFERRALS_KAFKA"):
        up(home, [service], "given", environ={})
    assert not home.root.exists()


def test_services_stop_while_the_engines_are_still_there(home: Home, service: Spec, tmp_path: Path) -> None:
    need_bundled(tmp_path)
    up(home, [service], environ=BUT_MAIL, timing=QUICK)
    down(home)
    assert (tmp_path / "last").read_text() == "the engine was there"


def test_a_killed_engine_comes_back_on_the_same_port(home: Home, service: Spec, tmp_path: Path) -> None:
    need_bundled(tmp_path)
    before = up(home, [service], environ=BUT_MAIL, timing=QUICK).endpoints
    victim = kill(home, "mail")
    assert soon(lambda: restarted(home, victim, "mail"))
    assert status(home).endpoints == before
    assert before.mail_dir is not None
    assert MailSpool(before.mail_dir).count() == 0


def test_secrets_in_the_plan_are_its_owners_only(home: Home, service: Spec) -> None:
    up(home, [Spec(name="router", argv=service.argv, env={"TOKEN": "h4sh-h4sh"})], environ=GIVEN, timing=QUICK)
    assert home.plan.stat().st_mode & 0o077 == 0
    assert "h4sh-h4sh" not in home.status.read_text()


def test_a_killed_supervisor_leaves_no_process_and_down_and_up_work(home: Home, service: Spec, tmp_path: Path) -> None:
    need_bundled(tmp_path)
    system = up(home, [service], environ={}, engines_kind="bundled", timing=QUICK).status
    assert system.supervisor is not None
    assert {one.name for one in system.processes} == {"kafka", "mongo", "mail", "router"}
    system.supervisor.signal(signal.SIGKILL)
    assert soon(lambda: system.leftovers() == [])
    assert not status(home).running
    assert [one.state for one in status(home).processes] == ["stopped"] * 4
    down(home)
    assert processes_of(tmp_path) == []
    again = up(home, [service], environ={}, engines_kind="bundled", timing=QUICK)
    assert again.status.ready
    assert read_json(home.state)["ports"].keys() >= {"kafka", "mongo-1", "mail", "router"}
    down(home)
    assert soon(lambda: processes_of(tmp_path) == [])
