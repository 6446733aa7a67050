"""Is a process that gets no further noticed and replaced?"""

from __future__ import annotations

import time
from functools import partial

from tests.e2e.exchange import eventually
from tests.faults.site import Site
from tests.faults.trial import Trial

#: From the moment when it gets no further to a new process that serves.
REPLACED_WITHIN_S = 60.0


def test_a_hung_handler_and_a_blocked_event_loop_are_replaced(trial: Trial) -> None:
    site = trial.site
    faults = [("router", "rfis.route.before", "hang")]
    if trial.long:
        faults += [("notifier", "jobs.add_leased.before", "block"), ("expirer", "publisher.publish.before", "block")]
        faults += [("intake", "rfis.add.after", "hang")]
    with trial.whole(26, "a hung handler, a blocked event loop", times=len(faults)):
        for name, point, action in faults:
            restarts = site.restarts(name)
            site.order(name, point, action)
            trial.send(3)
            eventually(partial(site.struck, name, point), f"{name} gets no further", 60)
            began = time.monotonic()
            eventually(partial(replaced, site, name, restarts), f"{name} is replaced", 2 * REPLACED_WITHIN_S)
            took_s = time.monotonic() - began
            trial.note(26, f"{name}: {action}, until it was replaced", recovery_s=took_s)
            assert took_s < REPLACED_WITHIN_S
            site.back(name, restarts)


def replaced(site: Site, name: str, before: int) -> bool:
    return site.restarts(name) > before
