"""What happens with and without a Docker engine?"""

from __future__ import annotations

from pathlib import Path

import pymongo
import pytest
from aiokafka.admin import AIOKafkaAdminClient

from services.engines.bundled.engine import ask
from services.engines.children import EngineFailed
from services.engines.choose import Choice
from services.engines.docker import compose_command, compose_up, docker_engines, docker_problem, needed_services


def test_without_the_docker_command_it_is_said_where_to_get_it() -> None:
    problem = docker_problem("no-such-docker")
    assert problem is not None
    assert "docs.docker.com" in problem.fix


def test_a_docker_engine_that_does_not_answer_is_said_with_what_to_do() -> None:
    problem = docker_problem("false")
    assert problem is not None
    assert "no Docker engine answers" in problem.what
    assert "systemctl start docker" in problem.fix


def test_compose_outside_a_clone_says_so(tmp_path: Path) -> None:
    with pytest.raises(EngineFailed, match="run this from a clone"):
        compose_up(tmp_path)


def test_only_engines_without_a_given_address_are_started() -> None:
    assert needed_services(Choice(kind="docker")) == ["kafka", "mongo", "mailpit"]
    assert needed_services(Choice(kind="docker", mongo="mongodb://m")) == ["kafka", "mailpit"]


def test_compose_is_told_which_file(tmp_path: Path) -> None:
    assert compose_command(tmp_path, "ps")[2:] == ["-f", str(tmp_path / "docker-compose.yml"), "ps"]


@pytest.mark.docker
@pytest.mark.timeout(600)
async def test_the_containers_serve() -> None:
    with docker_engines() as endpoints:
        admin = AIOKafkaAdminClient(bootstrap_servers=endpoints.kafka)
        await admin.start()
        await admin.close()
        with pymongo.MongoClient[dict[str, object]](endpoints.mongo) as client:
            assert client.admin.command("hello")["isWritablePrimary"]
        assert ask(int(endpoints.smtp.rpartition(":")[2]), b"QUIT\r\n", 4).startswith(b"220")
