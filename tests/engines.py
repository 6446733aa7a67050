"""Which real engines do the tests use? Addresses given in the environment, else engines started for the session."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NoReturn

import pytest

from services.engines.bundled.together import BundledEngines, bundled_engines, running_engines
from services.engines.choose import (
    KAFKA_VARIABLE,
    MONGO_VARIABLE,
    SMTP_VARIABLE,
    Endpoints,
    EnginesUnavailable,
    choose,
)
from services.engines.docker import docker_engines, docker_problem
from services.engines.preflight import missing

Engine = Literal["kafka", "mongo", "smtp"]
_VARIABLES: dict[Engine, str] = {"kafka": KAFKA_VARIABLE, "mongo": MONGO_VARIABLE, "smtp": SMTP_VARIABLE}


@contextmanager
def running(engine: Engine, home: Path) -> Iterator[Endpoints]:
    """One engine for as long as the block lasts; the other addresses are empty.

    Where it cannot be had the test is skipped; with CI set it fails.
    """
    if given := os.environ.get(_VARIABLES[engine]):
        addresses = dict.fromkeys(_VARIABLES, "") | {engine: given}
        yield Endpoints(**addresses, mail_dir=None, kind="given")
        return
    try:
        choice = choose(
            os.environ, None, missing_for_bundled=lambda: missing(home, os.environ), docker_problem=docker_problem
        )
    except EnginesUnavailable as error:
        _unavailable(str(error))
    wanted = {"kafka": engine == "kafka", "mongo": engine == "mongo", "catcher": engine == "smtp"}
    with docker_engines(**wanted) if choice.kind == "docker" else bundled_engines(home, **wanted) as endpoints:
        yield endpoints


@contextmanager
def breakable(home: Path, *, kafka: bool = False, mongo: bool = False, members: int = 1) -> Iterator[BundledEngines]:
    """Bundled engines of the test's own, to be killed and started again: `engines["kafka"].kill()`."""
    if problems := missing(home, os.environ):
        _unavailable(str(EnginesUnavailable(problems)))
    with running_engines(home, kafka=kafka, mongo=mongo, catcher=False, members=members) as engines:
        yield engines


def _unavailable(why: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(why, pytrace=False)
    pytest.skip(why)
