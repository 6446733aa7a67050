"""What every test may ask for: real engines, started when the first test wants them, stopped with the run."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from typing import Any
from uuid import uuid4

import pymongo
import pytest
from hypothesis import settings
from pymongo.database import Database
from pymongo.uri_parser import parse_uri

from services.adapters.mongo.driver import Mongo
from services.adapters.mongo.indexes import ensure_indexes
from services.core.errors import DependencyUnavailable
from services.engines.choose import Endpoints
from services.engines.docker import docker_problem
from tests.engines import Engine, running
from tests.photographs import empty_for
from tests.shared_engines import in_parallel, shared

#: `make check` wants an answer in a minute, `make test` looks longer. A busy machine is no fault: no deadlines.
settings.register_profile("quick", max_examples=20, deadline=None)
settings.register_profile("thorough", max_examples=100, deadline=None, print_blob=True)
settings.load_profile("thorough")

#: What begins first when several workers share the files: the longest, so that nobody waits for it at the end.
FIRST = (
    "e2e/test_real_tenders",
    "e2e/test_kill",
    "e2e/test_operating",
    "e2e/",
    "faults/",
    "tests/test_deployment",
    "unit/test_crash_chain",
    "engine/",
    "contract/",
)

_ENGINES = pytest.StashKey[ExitStack]()


@pytest.fixture(scope="session")
def kafka(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Bootstrap address of a real Kafka. Other tests use it at the same time: use topics and groups of your own."""
    return _for_the_run("kafka", request.config, tmp_path_factory).kafka


@pytest.fixture(scope="session")
def mongo_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """URI of a real MongoDB replica set, without a database. Other tests use it at the same time."""
    return _for_the_run("mongo", request.config, tmp_path_factory).mongo


def _for_the_run(engine: Engine, config: pytest.Config, folders: pytest.TempPathFactory) -> Endpoints:
    """An engine until this process has run its last test; workers that run side by side share one."""
    start = partial(running, engine, folders.mktemp(engine))
    # Not the fixture ends it: who owns it may have to wait for others, longer than a test may take.
    until_the_end = config.stash.setdefault(_ENGINES, ExitStack())
    if not in_parallel():
        return until_the_end.enter_context(start())
    return until_the_end.enter_context(shared(folders.getbasetemp().parent / f"shared-{engine}", start))


def pytest_sessionstart(session: pytest.Session) -> None:
    """Photographs of an earlier run would pass for this one's. No worker empties: others take theirs already."""
    if not in_parallel():
        empty_for(session.config.args)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Stop the engines of this run."""
    session.config.stash.get(_ENGINES, ExitStack()).close()


@pytest.fixture
def mongo_database(mongo_server: str) -> Iterator[str]:
    """Name of a database that no other test uses; it is gone after the test."""
    name = f"test_{uuid4().hex}"
    yield name
    with pymongo.MongoClient[dict[str, object]](mongo_server) as client:
        client.drop_database(name)


async def with_indexes(mongo: Mongo) -> None:
    """Make every index; what is late on a busy disk is begun anew, as a process does that starts."""
    async with asyncio.timeout(120):
        while True:
            try:
                return await ensure_indexes(mongo)
            except DependencyUnavailable:
                continue


@pytest.fixture(scope="session")
def indexed(mongo_server: str) -> Iterator[Database[dict[str, Any]]]:
    """A database with every index, made once for a worker: that takes longer than most tests that want one."""
    name = f"test_{uuid4().hex}"
    with Mongo(mongo_server, name) as mongo:
        asyncio.run(with_indexes(mongo))
    with pymongo.MongoClient[dict[str, Any]](mongo_server) as client:
        yield client[name]
        client.drop_database(name)


@pytest.fixture
def indexed_database(indexed: Database[dict[str, Any]]) -> Iterator[str]:
    """Name of a database with every index, which no other test uses meanwhile; it is empty at the start of each."""
    yield indexed.name
    for name in indexed.list_collection_names():
        indexed[name].delete_many({})


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


def pytest_collection_finish() -> None:
    """What was loaded for the tests stays to the end: walking through it for garbage was a quarter of a test's time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Long files begin first. Tests that need a Docker engine are not selected where there is none."""
    items.sort(key=lambda item: next((n for n, part in enumerate(FIRST) if part in item.nodeid), len(FIRST)))
    needing = [item for item in items if item.get_closest_marker("docker")]
    if needing and docker_problem() is not None:
        config.hook.pytest_deselected(items=needing)
        items[:] = [item for item in items if item not in needing]
