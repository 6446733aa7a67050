"""Does a backlog fit into memory, however long it is? And do two intakes that meet the same records agree?"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from schemas.topics import TOPICS, Topic
from services.bootstrap import World
from services.cli.demo.script import until_nothing_is_left
from services.core.ports import Outgoing
from tests.e2e.exchange import eventually, good_rfi
from tests.faults.consumers_faults import joined
from tests.faults.records import submitted
from tests.faults.site import CONSUMERS, Site
from tests.faults.trial import Trial, long_only

#: A backlog ten times as long may take so much more memory of any process, MiB: heaps fragment, caches fill up.
MORE_MIB = 150.0

#: How long the numbers of what is left may stand still, seconds.
PATIENCE_S = 300.0


def memory_mib(site: Site) -> dict[str, float]:
    """The most resident memory that each process had since it started or was last asked, MiB."""
    found: dict[str, float] = {}
    for name in CONSUMERS:
        for pid in site.pids(name):
            status = Path(f"/proc/{pid}/status").read_text("utf-8")
            peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
            found[name] = max(found.get(name, 0.0), int(peak.split()[1]) / 1024)
            Path(f"/proc/{pid}/clear_refs").write_text("5", "utf-8")
    return found


def drained(trial: Trial, number: int) -> dict[str, float]:
    """Work off a backlog, in the long form one that was there before any consumer; the most memory that each took."""
    site = trial.site
    if trial.long:
        site.stop_services()
    try:
        site.run(lambda world: backlog(world, trial, number))
    finally:
        site.start_services()
    site.run(lambda world: until_nothing_is_left(world.quiet.pending, PATIENCE_S))
    return memory_mib(site)


@pytest.mark.slow
def test_a_backlog_drains_in_memory_that_does_not_grow_with_it(trial: Trial) -> None:
    number = trial.number(3_000, 100_000)
    with trial.whole(28, f"a backlog of {number // 10:,} RFIs"):
        short = drained(trial, number // 10)
    with trial.whole(28, f"a backlog of {number:,} RFIs"):
        long = drained(trial, number)
    words = ", ".join(f"{name} {long[name]:.0f} ({long[name] - short[name]:+.0f})" for name in CONSUMERS)
    trial.note(28, f"most memory in MiB, and how much more than with a tenth of the backlog: {words}")
    assert {name: mib - short[name] for name, mib in long.items() if mib - short[name] > MORE_MIB} == {}


async def backlog(world: World, trial: Trial, number: int) -> None:
    """RFIs that one partner each is asked for, so that mails do not outnumber everything."""
    for start in range(0, number, 1000):
        await world.publisher.publish(records(world, trial, trial.names(min(1000, number - start))))


def records(world: World, trial: Trial, names: Sequence[str]) -> list[Outgoing]:
    """RFIs of the trial as their publisher sends them; they count as accepted by the log."""
    at = (world.clock.now() - timedelta(hours=1)).isoformat(timespec="seconds")
    trial.ledger.took(names)
    rfis = {name: good_rfi(name) | {"submittedAt": at, "maxPartners": 1} for name in names}
    return [submitted(trial.ledger.source, name, rfi) for name, rfi in rfis.items()]


@long_only  # `make test` has overlapping intakes in tests/unit/test_crash_chain.py.
def test_two_intakes_that_meet_the_same_records_at_once_make_one_rfi_of_each(trial: Trial) -> None:
    """The same records on every partition: whichever intake has it, they come to both at the same time."""
    site = trial.site
    more = site.join("intake", 28)
    eventually(partial(joined, site, "intake", 28), "a second intake has joined", 240)
    names = trial.names(trial.number(20, 200))
    partitions = next(spec.partitions for spec in TOPICS if spec.topic is Topic.RFI_SUBMITTED)
    with trial.whole(6, "the same records at two intakes at once, on every partition", times=partitions):
        site.run(lambda world: everywhere(world, trial, names, partitions))
        site.quiet()
        assert site.leave(more) == 0
    with site.database() as database:
        assert database["rfis"].count_documents({"source": trial.ledger.source}) == len(names)
        assert database["refusals"].count_documents({"source": trial.ledger.source}) == 0


async def everywhere(world: World, trial: Trial, names: Sequence[str], partitions: int) -> None:
    made = records(world, trial, names)
    to_each = [
        [Outgoing(topic=each.topic, key=each.key, value=each.value, headers=each.headers, partition=n) for each in made]
        for n in range(partitions)
    ]
    await asyncio.gather(*map(world.publisher.publish, to_each))
