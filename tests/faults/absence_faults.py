"""What happens when an engine is away while processes are stopped and started?"""

from __future__ import annotations

import signal
import time

import pytest

from tests.e2e.exchange import eventually
from tests.faults.proxy import Net
from tests.faults.site import CONSUMERS
from tests.faults.trial import Trial, long_only

#: A stop takes its grace (15 s), and 10 s more at most.
STOPPED_WITHIN_S = 30

NAMES = {"kafka": "Kafka", "mongo": "MongoDB"}


@long_only  # `make test` has tests/engine/test_kafka_outage.py and test_mongo_outage.py.
@pytest.mark.parametrize("engine", NAMES)
def test_an_engine_absent_at_the_start_and_at_the_stop(trial: Trial, engine: str) -> None:
    site, name_of_engine = trial.site, NAMES[engine]
    restarts = {name: site.restarts(name) for name in CONSUMERS}
    words = f"{name_of_engine} absent at the stop and at the start of every process"
    with trial.whole(11, words, times=2 * len(CONSUMERS)):
        trial.send(5)
        site.nets[engine].set(Net.BLACKHOLE)
        for name in CONSUMERS:
            site.signal(name, signal.SIGTERM)
        began = time.monotonic()
        for name in CONSUMERS:
            eventually(lambda name=name: site.restarts(name) > restarts[name], f"{name} stops", STOPPED_WITHIN_S)  # type: ignore[misc]
        trial.note(11, f"all processes stopped without {name_of_engine}", recovery_s=time.monotonic() - began)
        eventually(lambda: all(map(site.pids, CONSUMERS)), f"they start without {name_of_engine}", 30)
