"""Where does everything lie, and are ports kept, re-chosen and never shared?"""

from __future__ import annotations

import socket
import stat
from pathlib import Path

from services.engines.choose import Endpoints
from services.engines.locations import (
    LOWEST_PORT,
    Home,
    cache_folder,
    claim_ports,
    first_given_out,
    home_from,
    port_is_free,
    read_json,
    write_json,
)
from services.engines.processes import Spec, Timing, services_of

NOWHERE = Endpoints(kafka="k:1", mongo="mongodb://m", smtp="s:2", mail_dir=None, kind="given")


def test_the_home_is_a_hidden_folder_here_unless_the_environment_names_one(tmp_path: Path) -> None:
    assert home_from({}, tmp_path).root == tmp_path / ".referrals"
    assert home_from({"REFERRALS_HOME": "data/x"}, tmp_path).root == tmp_path / "data" / "x"
    assert home_from({"REFERRALS_HOME": "/srv/referrals"}, tmp_path).root == Path("/srv/referrals")


def test_the_cache_follows_the_desktop_standard(tmp_path: Path) -> None:
    assert cache_folder({"XDG_CACHE_HOME": str(tmp_path)}) == tmp_path / "referral-exchange"
    assert cache_folder({"HOME": str(tmp_path)}) == tmp_path / ".cache" / "referral-exchange"


def test_others_cannot_look_into_the_home(tmp_path: Path) -> None:
    home = Home(tmp_path / "home").create()
    assert stat.S_IMODE(home.root.stat().st_mode) == 0o700
    assert stat.S_IMODE(home.run.stat().st_mode) == 0o700


def test_ports_stay_the_same_from_start_to_start(tmp_path: Path) -> None:
    first = claim_ports(Home(tmp_path), ["kafka", "mail"])
    assert len(set(first.values())) == 2
    assert claim_ports(Home(tmp_path), ["kafka", "mail"]) == first


def test_a_port_that_somebody_took_meanwhile_is_chosen_anew_and_the_others_stay(tmp_path: Path) -> None:
    first = claim_ports(Home(tmp_path), ["kafka", "mail"])
    with socket.socket() as somebody:
        somebody.bind(("127.0.0.1", first["kafka"]))
        somebody.listen()
        assert not port_is_free(first["kafka"])
        second = claim_ports(Home(tmp_path), ["kafka", "mail"])
    assert second["kafka"] != first["kafka"]
    assert second["mail"] == first["mail"]
    assert claim_ports(Home(tmp_path), ["kafka"]) == {"kafka": second["kafka"]}


def test_no_port_is_one_that_the_system_gives_to_an_outgoing_connection(tmp_path: Path) -> None:
    first = first_given_out()
    ports = claim_ports(Home(tmp_path), [f"process-{n}" for n in range(50)]).values()
    assert first == 0 or first - LOWEST_PORT < 200 or all(LOWEST_PORT <= port < first for port in ports)


def test_a_port_known_for_one_name_is_not_given_to_another(tmp_path: Path) -> None:
    known = claim_ports(Home(tmp_path), [f"first-{n}" for n in range(50)])
    more = claim_ports(Home(tmp_path), [f"second-{n}" for n in range(50)])
    assert not set(known.values()) & set(more.values())


def test_a_file_is_replaced_whole_and_is_its_owners_only(tmp_path: Path) -> None:
    path = tmp_path / "run" / "state.json"
    assert read_json(path) == {}
    write_json(path, {"ports": {"a": 1}})
    write_json(path, {"ports": {"a": 2}})
    assert read_json(path) == {"ports": {"a": 2}}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["state.json"]


def test_instances_get_their_own_name_port_and_settings(tmp_path: Path) -> None:
    spec = Spec(
        name="router",
        argv=["run", "{name}", "--port={port}"],
        env={"NUMBER": "{instance}", "JSON": '{"to": "{smtp}"}'},
        instances=2,
    )
    one, two = services_of([spec], Home(tmp_path), NOWHERE)
    assert (one.name, two.name) == ("router-1", "router-2")
    assert one.health_port != two.health_port
    assert two.argv == ("run", "router-2", f"--port={two.health_port}")
    assert two.env["NUMBER"] == "2"
    assert two.env["JSON"] == '{"to": "s:2"}'
    assert two.env["REFERRALS_KAFKA"] == "k:1"


def test_a_fixed_health_port_counts_up_and_none_stays_none(tmp_path: Path) -> None:
    fixed = Spec(name="web", argv=["run"], health_port=8000, instances=2)
    blind = Spec(name="blind", argv=["run"], health_port=None)
    services = services_of([fixed, blind], Home(tmp_path), NOWHERE)
    assert [service.health_port for service in services] == [8000, 8001, None]


def test_the_pause_before_a_restart_doubles_up_to_a_bound() -> None:
    timing = Timing()
    pauses = [timing.backoff_s(failures) for failures in range(1, 12)]
    assert pauses[:4] == [0.2, 0.4, 0.8, 1.6]
    assert pauses[-1] == 30.0
    assert timing.backoff_s(10_000) == 30.0
