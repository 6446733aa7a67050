"""Alarms of processes and engines: what brings each about, and what its page of the runbook says to do then."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest

from services.engines.locations import claim_ports
from services.engines.supervisor import status
from tests.e2e.exchange import eventually
from tests.faults.alarms import Prometheus
from tests.faults.disk import small_disk
from tests.faults.proxy import Net
from tests.faults.site import Site
from tests.faults.time_faults import skewed
from tests.faults.trial import Trial


def down(trial: Trial, prometheus: Prometheus) -> None:
    """The supervisor is killed, and everything with it. The page: `referrals up` starts all of it on the same data."""
    site, supervisor = trial.site, status(trial.site.home).supervisor
    assert supervisor is not None
    os.kill(supervisor.pid, signal.SIGKILL)
    trial.send(1)
    prometheus.heard("ReferralsProcessDown")
    site.cli("status", code=1)
    site.cli("up", "--sandbox", timeout_s=180)
    prometheus.silent("ReferralsProcessDown")
    # From here on as patient as the other tests want it.
    site.stop_services()
    site.start_services()


def stuck(trial: Trial, prometheus: Prometheus) -> None:
    """A handler hangs. The page: nothing, the supervisor replaces it."""
    restarts = trial.site.restarts("router")
    trial.site.order("router", "rfis.route.before", "hang")
    trial.send(1)
    prometheus.heard("ReferralsProcessStuck")
    trial.site.back("router", restarts)


def waits(trial: Trial, prometheus: Prometheus) -> None:
    """The database is away. The page: bring it back, and leave our processes alone."""
    trial.site.nets["mongo"].set(Net.BLACKHOLE)
    prometheus.heard("ReferralsProcessWaits")
    back(trial.site, "mongo")


def restarts(trial: Trial, prometheus: Prometheus) -> None:
    """Something kills the router at each start, as too little memory does. The page: see why, and end that."""
    site, served = trial.site, [False]

    def killed() -> None:
        # Once Prometheus has seen it, too.
        served.append(status(site.home).ready)
        if served[-2:] == [True, True]:
            site.kill("router")
            served.append(False)

    prometheus.heard("ReferralsProcessRestarts", killed)
    assert "router" in site.cli("logs", "router", "-n", "50")
    eventually(lambda: status(site.home).ready, "the router serves again", 90)
    assert "ended with -9" in site.cli("status")


def not_seen(trial: Trial, prometheus: Prometheus) -> None:
    """The database is away for minutes. The page: as before."""
    trial.site.nets["mongo"].set(Net.BLACKHOLE)
    prometheus.heard("ReferralsDatabaseNotSeen")
    trial.site.cli("status", code=1)
    back(trial.site, "mongo")


def retried(trial: Trial, prometheus: Prometheus) -> None:
    """Batches can't be stored. The page: bring the engine back."""
    trial.site.nets["mongo"].set(Net.CUT)
    trial.send(5)
    prometheus.heard("ReferralsBatchesRetried")
    back(trial.site, "mongo")
    trial.site.quiet()
    assert "referrals-intake" in trial.site.cli("lag")


def commits_fail(trial: Trial, prometheus: Prometheus) -> None:
    """A second router runs under the first one's name, and each puts the other out. The page: look for that, end it."""
    site = trial.site
    # The supervisor's only one has number 1.
    double = site.join("router", 1, REFERRALS_INSTANCE="1", REFERRALS_STATIC_MEMBER="true")

    def work() -> None:
        trial.send(1)

    try:
        prometheus.heard("ReferralsCommitsFail", work)
    finally:
        site.leave(double)
    eventually(lambda: status(site.home).ready, "the router serves again", 90)


def disk_full(trial: Trial, prometheus: Prometheus) -> None:
    """Something else writes to MongoDB's disk. The page: enlarge it before it is full."""
    site = trial.site
    with small_disk(site) as disk:
        if not disk.mounted:
            pytest.skip("a disk that can be enlarged needs root")
        trial.send(2)
        disk.leave_free(0.07)
        prometheus.heard("ReferralsDiskFull")
        disk.enlarge()
        prometheus.silent("ReferralsDiskFull")


def clock_jumped(trial: Trial, prometheus: Prometheus) -> None:
    """A machine's clock is wrong. The page: mend the synchronisation; `referrals clock show` says what holds."""
    site = trial.site
    port = claim_ports(site.home, ["skewed"])["skewed"]
    wrong = skewed(site, "expirer", 600, REFERRALS_HEALTH_PORT=str(port))
    prometheus.more["expirer on a machine with a wrong clock"] = port
    try:
        prometheus.heard("ReferralsClockJumped")
        assert str(site.now().year) in site.cli("clock", "show")
    finally:
        wrong.terminate()
        wrong.wait(40)


def back(site: Site, engine: str) -> None:
    """The engine can be reached again."""
    site.nets[engine].set(Net.PASS)
    site.nets[engine].reset()


DRILLS: dict[str, Callable[[Trial, Prometheus], None]] = {
    "ReferralsProcessDown": down,
    "ReferralsProcessStuck": stuck,
    "ReferralsProcessWaits": waits,
    "ReferralsProcessRestarts": restarts,
    "ReferralsDatabaseNotSeen": not_seen,
    "ReferralsBatchesRetried": retried,
    "ReferralsCommitsFail": commits_fail,
    "ReferralsDiskFull": disk_full,
    "ReferralsClockJumped": clock_jumped,
}
