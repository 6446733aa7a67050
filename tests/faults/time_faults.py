"""Does everything happen once, and nothing early, whatever clocks say and whoever was away meanwhile?"""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import sys
from collections import Counter
from datetime import timedelta
from typing import Any

from services.bootstrap import World
from services.core.codes import Status
from services.core.errors import Refused, TransitionRefused
from services.core.ids import rfi_id
from services.core.referral import Referral
from tests.e2e.exchange import ROOT, eventually
from tests.faults.site import Site
from tests.faults.trial import Trial, long_only
from tests.journeys import COMMANDS

#: When the first reminder of a standard referral goes out.
REMINDED = timedelta(hours=24)
#: How long before the first expiry work on reminders begins, which must have ended by then.
AHEAD = timedelta(minutes=10)


async def open_referrals(world: World, source: str, names: list[str]) -> list[Referral]:
    found = await world.stores.referrals.of_rfis([rfi_id(source, name) for name in names])
    return [referral for some in found.values() for referral in some if referral.status is Status.NEW]


def said(site: Site, trial: Trial, what: str) -> int:
    """How often something is in the history of the trial's referrals."""
    with site.database() as database:
        rfis = database["rfis"].distinct("_id", {"source": trial.ledger.source})
        referrals: list[dict[str, Any]] = list(database["referrals"].find({"rfi_id": {"$in": rfis}}))
    return sum(entry["what"] == what for referral in referrals for entry in referral["history"])


@long_only  # `make test` has tests/contract/test_mongo_clock.py.
def test_workers_with_wrong_clocks_are_neither_early_nor_late(trial: Trial) -> None:
    """Time comes from the database: a worker's own clock, its time zone and its changes of the hour mean nothing."""
    site = trial.site
    skews = (600, -600) if trial.long else (600,)
    workers = [skewed(site, seconds) for seconds in skews]
    try:
        with trial.whole(22, f"workers whose clocks are wrong by {', '.join(map(str, skews))} s", times=len(skews)):
            trial.send(trial.number(2, 20))
            site.quiet()
            site.time_passes(REMINDED - timedelta(minutes=5))
            for worker, seconds in zip(workers, skews, strict=True):
                assert worker.poll() is None
                log = site.home.log(f"expirer-skewed-{seconds}")
                eventually(lambda log=log: "kafka.assigned" in log.read_text("utf-8"), "the skewed one sweeps", 60)  # type: ignore[misc]
            site.quiet()
            assert said(site, trial, "referral.reminder_due") == 0, "ten minutes early"
            site.time_passes(timedelta(minutes=6))
            site.quiet()
            assert said(site, trial, "referral.reminder_due") > 0
    finally:
        for worker in workers:
            worker.terminate()
            worker.wait(40)


#: A process whose clock is wrong and whose time zone changes the hour, as far as Python can make it so.
PROGRAM = """
import sys, time
skew = float(sys.argv.pop(1))
real, real_ns = time.time, time.time_ns
time.time, time.time_ns = (lambda: real() + skew), (lambda: real_ns() + int(skew * 1e9))
from services.cli import main
main()
"""


def skewed(site: Site, seconds: int) -> subprocess.Popen[bytes]:
    """An expirer whose machine's clock is wrong."""
    own = {"REFERRALS_INSTANCE": f"skewed-{seconds}", "REFERRALS_TICK_EVERY_S": "0.25", "TZ": "America/New_York"}
    env = {**site.environment, **own}
    with site.home.log(f"expirer-skewed-{seconds}").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(seconds), "run", "expirer"], env=env, stdout=log, stderr=log, cwd=ROOT
        )


def test_a_day_without_an_expirer_is_made_up_for_once(trial: Trial) -> None:
    site = trial.site
    with trial.whole(23, "the expirer away for a simulated day"):
        trial.send(trial.number(2, 40))
        site.settle()
        site.time_passes(timedelta(hours=1))
        site.signal("expirer", signal.SIGSTOP)
        site.time_passes(timedelta(hours=25))
        site.signal("expirer", signal.SIGCONT)
        site.quiet()
    # Each had its reminder, once (the books say that none had two).
    assert said(site, trial, "referral.reminder_due") > 0


def test_accept_and_expire_at_the_same_moment_have_one_winner_each(trial: Trial) -> None:
    site = trial.site
    names = trial.send(trial.number(10, 400))
    site.quiet()
    first, _ = site.run(lambda world: expiry(world, trial, names))
    site.time_passes(first - AHEAD)
    # Not settled: that would let more time pass if any mail waited for another attempt.
    site.quiet()
    with trial.whole(24, "accept against expire at the same moment", times=0) as result:
        outcomes = site.run(lambda world: races(world, trial, names))
        result.times = len(outcomes)
        site.quiet()
    found = site.run(lambda world: all_of(world, trial, names))
    ends = [[e.what for e in r.history if e.what in {"referral.accepted", "referral.expired"}] for r in found.values()]
    assert all(len(end) == 1 for end in ends), "exactly one winner"
    told_accepted = {id_ for id_, error in outcomes.items() if error is None}
    accepted = {id_ for id_, r in found.items() if any(e.what == "referral.accepted" for e in r.history)}
    assert told_accepted == accepted, "who was told that he won has won"
    losers = [error for error in outcomes.values() if error is not None]
    assert all(isinstance(error, TransitionRefused) for error in losers), Counter(map(type, losers))
    assert len(outcomes) >= trial.number(20, 1000)


async def expiry(world: World, trial: Trial, names: list[str]) -> tuple[timedelta, timedelta]:
    """In what time the first and the last of the open referrals expires."""
    ends = [r.expires_at for r in await open_referrals(world, trial.ledger.source, names) if r.expires_at is not None]
    return min(ends) - world.clock.now(), max(ends) - world.clock.now()


async def races(world: World, trial: Trial, names: list[str]) -> dict[str, Refused | None]:
    """Partners accept while the expirer's time comes: our own clock has not heard yet that it is too late."""
    referrals = await open_referrals(world, trial.ledger.source, names)
    random.Random(trial.seed).shuffle(referrals)
    outcomes: dict[str, Refused | None] = {}

    async def accept(id_: str) -> None:
        try:
            await world.commands.execute(id_, COMMANDS["accept"])
            outcomes[id_] = None
        except Refused as error:
            outcomes[id_] = error

    _, last = await expiry(world, trial, names)
    await world.stores.sandbox_clock.advance(last + timedelta(seconds=1))
    for at in range(0, len(referrals), 10):
        await asyncio.gather(*(accept(referral.id) for referral in referrals[at : at + 10]))
    return outcomes


async def all_of(world: World, trial: Trial, names: list[str]) -> dict[str, Referral]:
    found = await world.stores.referrals.of_rfis([rfi_id(trial.ledger.source, name) for name in names])
    return {referral.id: referral for some in found.values() for referral in some}
