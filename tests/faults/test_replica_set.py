"""What happens when the primary of a replica set steps down, freezes or dies while everything writes?

Three members on loopback, clients find the primary by themselves. Long form only: `tests/engine/test_mongo_outage.py`
is the short one.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress

import pymongo
import pytest
from pymongo.errors import AutoReconnect

from services.engines.locations import LOOPBACK
from tests.faults.conftest import is_long
from tests.faults.plugin import RESULTS
from tests.faults.running import running_site
from tests.faults.site import Site
from tests.faults.trial import Trial, long_only

MEMBERS = 3

pytestmark = long_only


@pytest.fixture(scope="module")
def members(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running_site(tmp_path_factory.mktemp("replica-set"), members=MEMBERS) as made:
        yield made
        assert not (found := made.audited()), found[:5]


@pytest.fixture
def trial(members: Site, request: pytest.FixtureRequest) -> Trial:
    """In place of the trial on the shared site, which has one member only."""
    seed = int(request.config.getoption("--seed", default=1))
    return Trial(members, is_long(request.config), seed, request.config.stash.get(RESULTS, []))


def primary(site: Site) -> int:
    """Number of the member that is primary now, from 1."""
    for number, port in enumerate(site.mongo_ports, start=1):
        try:
            with pymongo.MongoClient[dict[str, object]](
                LOOPBACK, port, directConnection=True, timeoutMS=1000
            ) as client:
                if client.admin.command("hello").get("isWritablePrimary"):
                    return number
        except pymongo.errors.PyMongoError:
            continue
    return 0


def test_the_primary_steps_down_under_load(trial: Trial) -> None:
    site, times = trial.site, trial.number(1, 3)
    with trial.whole(14, "the primary steps down under load (three members)", times=times):
        for _ in range(times):
            trial.send(trial.number(10, 60))
            # It closes connections as it steps down.
            with site.database() as database, suppress(AutoReconnect):
                database.client.admin.command("replSetStepDown", 5, secondaryCatchUpPeriodSecs=5, force=True)
            trial.send(5)


def test_the_primary_is_killed_under_load(trial: Trial) -> None:
    site, times = trial.site, trial.number(1, 3)
    with trial.whole(14, "kill -9 of the primary under load (three members)", times=times):
        for _ in range(times):
            trial.send(trial.number(10, 60))
            victim = f"mongo-{primary(site)}"
            site.engines[victim].kill()
            trial.send(5)
            trial.lasts(trial.number(1, 5))
            site.engines[victim].start()


def test_the_primary_freezes_and_comes_back_as_a_stale_one(trial: Trial) -> None:
    site, pause_s = trial.site, trial.number(6, 30)
    with trial.whole(14, f"SIGSTOP of the primary for {pause_s} s (three members)"):
        trial.send(trial.number(10, 60))
        pid = site.engines[f"mongo-{primary(site)}"].pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        trial.lasts(pause_s)  # The others elect another one.
        os.kill(pid, signal.SIGCONT)
        trial.send(5)
