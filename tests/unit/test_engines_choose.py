"""Which engines are chosen, for every combination of what is given, asked for and possible?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from services.engines.choose import Choice, Endpoints, EnginesUnavailable, Kind, Missing, choose

ALL_GIVEN = {"REFERRALS_KAFKA": "k:9092", "REFERRALS_MONGO": "mongodb://m", "REFERRALS_SMTP": "s:25"}
NO_LIBRARY = Missing(what="no libcurl", fix="install it")
NO_DOCKER = Missing(what="no docker", fix="start it")
STARTED = Endpoints(kafka="bk:1", mongo="mongodb://b", smtp="bs:2", mail_dir=Path("mail"), kind="bundled")


def decide(
    environ: dict[str, str] | None = None,
    wanted: Kind | None = None,
    *,
    bundled_lacks: Sequence[Missing] = (),
    docker_lacks: Missing | None = NO_DOCKER,
) -> Choice:
    return choose(environ or {}, wanted, missing_for_bundled=lambda: bundled_lacks, docker_problem=lambda: docker_lacks)


def unexpected() -> Sequence[Missing]:
    raise AssertionError("this machine was looked at though it does not matter")


@pytest.mark.parametrize("wanted", [None, "docker", "bundled", "given"])
def test_given_addresses_win_and_nothing_else_is_looked_at(wanted: Kind | None) -> None:
    choice = choose(
        ALL_GIVEN, wanted, missing_for_bundled=unexpected, docker_problem=lambda: NO_DOCKER if unexpected() else None
    )
    assert choice == Choice(kind="given", kafka="k:9092", mongo="mongodb://m", smtp="s:25")


def test_without_a_wish_the_bundled_engines_are_taken() -> None:
    assert decide(docker_lacks=None) == Choice(kind="bundled")


def test_docker_is_taken_when_asked_for() -> None:
    assert decide(wanted="docker", docker_lacks=None).kind == "docker"


def test_docker_is_taken_when_the_bundled_engines_cannot_run() -> None:
    assert decide(bundled_lacks=[NO_LIBRARY], docker_lacks=None).kind == "docker"


def test_asking_for_docker_without_an_engine_says_what_to_do() -> None:
    with pytest.raises(EnginesUnavailable, match=r"no docker\n\s+start it"):
        decide(wanted="docker")


def test_asking_for_bundled_engines_never_ends_in_docker() -> None:
    with pytest.raises(EnginesUnavailable, match="no libcurl"):
        decide(wanted="bundled", bundled_lacks=[NO_LIBRARY], docker_lacks=None)


def test_everything_missing_is_named_at_once() -> None:
    both = [NO_LIBRARY, Missing(what="no disk", fix="buy one")]
    with pytest.raises(EnginesUnavailable) as caught:
        decide(bundled_lacks=both)
    assert caught.value.missing == tuple(both)
    assert "no libcurl" in str(caught.value)
    assert "buy one" in str(caught.value)


def test_asking_for_given_engines_names_each_address_that_is_not() -> None:
    with pytest.raises(EnginesUnavailable) as caught:
        decide({"REFERRALS_KAFKA": "k:9092"}, "given")
    assert [problem.what for problem in caught.value.missing] == [
        "no address of mongo is given",
        "no address of smtp is given",
    ]


def test_one_given_address_replaces_that_engine_only() -> None:
    choice = decide({"REFERRALS_MONGO": "mongodb://m"})
    assert choice == Choice(kind="bundled", mongo="mongodb://m")
    assert choice.complete(STARTED) == Endpoints(
        kafka="bk:1", mongo="mongodb://m", smtp="bs:2", mail_dir=Path("mail"), kind="bundled"
    )


def test_mails_to_a_given_server_are_not_looked_for_here() -> None:
    assert decide({"REFERRALS_SMTP": "s:25"}).complete(STARTED).mail_dir is None


def test_the_environment_for_other_processes_has_the_addresses_there_are() -> None:
    there = Endpoints(kafka="k:1", mongo="", smtp="s:2", mail_dir=None, kind="bundled")
    assert there.environment() == {"REFERRALS_KAFKA": "k:1", "REFERRALS_SMTP": "s:2"}
