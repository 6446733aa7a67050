"""Is a process that gets no further noticed and replaced, and does a backlog fit into memory?"""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

from services.bootstrap import World
from services.cli.demo.script import until_nothing_is_left
from tests.e2e.exchange import eventually, good_rfi
from tests.faults.site import CONSUMERS, Site, submitted
from tests.faults.trial import Trial, long_only

#: From the moment when it gets no further to a new process that serves.
REPLACED_WITHIN_S = 60.0

#: Most memory of a process while it works off the backlog, MiB.
MOST_MIB = 700


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


def memory_mib(pid: int) -> float:
    """Most resident memory that the process ever had."""
    status = Path(f"/proc/{pid}/status").read_text("utf-8")
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(peak.split()[1]) / 1024


@long_only  # `make test` has tests/e2e/test_real_tenders.py: 21,743 RFIs at once.
def test_a_backlog_drains_in_bounded_memory(trial: Trial) -> None:
    """All consumers are stopped, the backlog is published, they are started again."""
    site, number = trial.site, 100_000
    site.stop_services()
    with trial.whole(28, f"a backlog of {number:,} RFIs"):
        site.run(lambda world: backlog(world, trial, number))
        site.start_services()
        site.run(lambda world: until_nothing_is_left(world.quiet.pending, 120))
        peaks = {name: max(memory_mib(pid) for pid in site.pids(name)) for name in CONSUMERS}
    trial.note(28, "most memory: " + ", ".join(f"{name} {peak:.0f} MiB" for name, peak in peaks.items()))
    assert max(peaks.values()) < MOST_MIB, peaks


async def backlog(world: World, trial: Trial, number: int) -> None:
    """RFIs that a few partners match, so that mails do not outnumber everything."""
    from datetime import timedelta

    at = (world.clock.now() - timedelta(hours=1)).isoformat(timespec="seconds")
    for start in range(0, number, 1000):
        names = [f"backlog-{n}" for n in range(start, min(start + 1000, number))]
        rfis = [good_rfi(name) | {"submittedAt": at, "maxPartners": 1} for name in names]
        await world.publisher.publish(
            [submitted(trial.ledger.source, name, rfi) for name, rfi in zip(names, rfis, strict=True)]
        )
        trial.ledger.took(names)
