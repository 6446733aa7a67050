"""An alarm rings: does what its page of docs/runbook.md says make it stop?

Each drill goes as an operator would, with the commands of the page; the exchange is whole afterwards.
"""

from __future__ import annotations

import pytest

from tests.faults import drills_of_engines, drills_of_work
from tests.faults.alarms import Prometheus, alarms
from tests.faults.trial import Trial, long_only

DRILLS = {**drills_of_engines.DRILLS, **drills_of_work.DRILLS}

#: How much faster the clock goes where that is not `Prometheus`' own choice: some figures are renewed every 15 s of
#: real time, some causes come back no more often than every few, what is stuck is soon replaced, and an hour is long.
TURNS = {
    "ReferralsDatabaseNotSeen": 4.0,
    "ReferralsBatchesRetried": 2.0,
    "ReferralsProcessStuck": 80.0,
    "ReferralsProcessRestarts": 6.0,
    "ReferralsCommitsFail": 15.0,
    "ReferralsMailsMayBeDoubled": 300.0,
}
#: What asks how old a figure is must not be asked faster than the figure is renewed.
FRESH = ("ReferralsDatabaseNotSeen",)
MOST_AGAIN = {"ReferralsMailsMayBeDoubled": drills_of_work.MOST_AGAIN}


@long_only  # `make test` has tests/faults/test_alarms.py and tests/e2e/test_operating.py.
@pytest.mark.parametrize("alarm", DRILLS)
def test_an_alarm_rings_and_its_page_makes_it_stop(trial: Trial, alarm: str) -> None:
    what = f"{alarm} rings, and its page of the runbook is followed"
    with trial.whole(33, what, most_again=MOST_AGAIN.get(alarm, 0)):
        prometheus = Prometheus(trial.site, TURNS.get(alarm, 40.0))
        prometheus.scrape()
        DRILLS[alarm](trial, prometheus)
        if alarm not in FRESH:
            prometheus.turn = max(prometheus.turn, 40.0)
        prometheus.silent(alarm)


def test_each_alarm_has_a_drill() -> None:
    assert set(DRILLS) == alarms()
