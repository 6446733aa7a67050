"""What every test may ask for: real engines, started when the first test wants them, stopped with the session."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pymongo
import pytest
from hypothesis import settings
from pymongo.uri_parser import parse_uri

from services.engines.choose import Endpoints
from services.engines.docker import docker_problem
from tests.engines import running

#: `make check` wants an answer in a minute, `make test` looks longer. A busy machine is no fault: no deadlines.
settings.register_profile("quick", max_examples=20, deadline=None)
settings.register_profile("thorough", max_examples=100, deadline=None, print_blob=True)
settings.load_profile("thorough")


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Bootstrap address of a real Kafka, shared by the session: use topics and groups of your own."""
    with running("kafka", tmp_path_factory.mktemp("kafka")) as endpoints:
        yield endpoints.kafka


@pytest.fixture(scope="session")
def mongo_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URI of a real MongoDB replica set, without a database."""
    with running("mongo", tmp_path_factory.mktemp("mongo")) as endpoints:
        yield endpoints.mongo


@pytest.fixture
def mongo_database(mongo_server: str) -> Iterator[str]:
    """Name of a database that no other test uses; it is gone after the test."""
    name = f"test_{uuid4().hex}"
    yield name
    with pymongo.MongoClient[dict[str, object]](mongo_server) as client:
        client.drop_database(name)


@pytest.fixture
def mongo(mongo_server: str, mongo_database: str) -> str:
    """URI of a real MongoDB with a fresh database in its path."""
    host, _, options = mongo_server.partition("/?")
    uri = f"{host.rstrip('/')}/{mongo_database}" + (f"?{options}" if options else "")
    assert parse_uri(uri)["database"] == mongo_database
    return uri


@pytest.fixture(scope="session")
def catcher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoints]:
    """A mail catcher: `.smtp` is its address, `.mail_dir` where caught mails lie (None when it was given)."""
    with running("smtp", tmp_path_factory.mktemp("mail")) as endpoints:
        yield endpoints


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests that need a Docker engine are not selected where there is none."""
    needing = [item for item in items if item.get_closest_marker("docker")]
    if needing and docker_problem() is not None:
        config.hook.pytest_deselected(items=needing)
        items[:] = [item for item in items if item not in needing]
