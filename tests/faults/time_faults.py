"""Does everything happen once, and nothing early, whatever clocks say and whoever was away meanwhile?"""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import sys
from collections import Counter
from datetime import timedelta
from email import message_from_bytes
from email.utils import parsedate_to_datetime
from typing import Any

from services.bootstrap import World
from services.core.codes import Status
from services.core.errors import Refused, TransitionRefused
from services.core.ids import rfi_id
from services.core.referral import Referral
from services.engines.bundled.spool import MailSpool
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


#: Who is started with a wrong clock: all that make or send anything.
SKEWED = ("intake", "router", "notifier", "expirer", "statistics", "webhooks")


@long_only  # `make test` has tests/contract/test_mongo_clock.py.
def test_workers_with_wrong_clocks_are_neither_early_nor_late(trial: Trial) -> None:
    """Time comes from the database: a worker's own clock, its time zone and its changes of the hour mean nothing."""
    site, skews = trial.site, (600, -600)
    workers = {(process, skew): skewed(site, process, skew) for process in SKEWED for skew in skews}
    try:
        what = f"two more of each process, their clocks wrong by {' and '.join(f'{skew:+d}' for skew in skews)} s"
        with trial.whole(22, what, times=len(workers)):
            for process, skew in workers:
                log = site.home.log(f"{process}-skewed-{skew}")
                eventually(lambda log=log: "kafka.assigned" in log.read_text("utf-8"), "the skewed one works", 90)  # type: ignore[misc]
            trial.send(trial.number(2, 20))
            site.quiet()
            assert mails_dated_now(site, trial), "what is written into mails is the database's time"
            site.time_passes(REMINDED - timedelta(minutes=5))
            site.quiet()
            assert said(site, trial, "referral.reminder_due") == 0, "ten minutes early"
            site.time_passes(timedelta(minutes=6))
            site.quiet()
            assert said(site, trial, "referral.reminder_due") > 0
            assert all(worker.poll() is None for worker in workers.values())
    finally:
        for worker in workers.values():
            worker.terminate()
        for worker in workers.values():
            worker.wait(60)


def mails_dated_now(site: Site, trial: Trial) -> bool:
    """Whether each mail of the trial says that it was written within the last five minutes of business time."""
    with site.database() as database:
        rfis = database["rfis"].distinct("_id", {"source": trial.ledger.source})
        jobs = set(database["send_jobs"].distinct("_id", {"rfi_id": {"$in": rfis}}))
    spool = MailSpool(site.home.mail)
    written = [message_from_bytes(spool.read(mail))["Date"] for mail in spool.entries() if mail.job in jobs]
    dates = [parsedate_to_datetime(each) for each in written]
    return bool(dates) and all(abs(site.now() - each) < timedelta(minutes=5) for each in dates)


#: A process whose clock is wrong and whose time zone changes the hour, as far as Python can make it so. `datetime` asks
#: the machine and not `time`, and is closed to changes: but not the dictionary in which its methods are found.
PROGRAM = """
import ctypes, gc, sys, time
from datetime import datetime
skew = float(sys.argv.pop(1))
real, real_ns = time.time, time.time_ns
time.time, time.time_ns = (lambda: real() + skew), (lambda: real_ns() + int(skew * 1e9))
[methods] = gc.get_referents(datetime.__dict__)
methods["now"] = classmethod(lambda cls, tz=None: cls.fromtimestamp(time.time(), tz))
ctypes.pythonapi.PyType_Modified(ctypes.py_object(datetime))
assert abs(datetime.now().timestamp() - real() - skew) < 1
from services.cli import main
main()
"""


def skewed(site: Site, process: str, seconds: int, **more: str) -> subprocess.Popen[bytes]:
    """One more of a process, whose machine's clock is wrong."""
    own = {"REFERRALS_INSTANCE": f"skewed-{seconds}", "REFERRALS_TICK_EVERY_S": "0.25", "TZ": "America/New_York"}
    env = {**site.environment, **own, "REFERRALS_INTAKE_PORT": "0", **more}
    with site.home.log(f"{process}-skewed-{seconds}").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(seconds), "run", process], env=env, stdout=log, stderr=log, cwd=ROOT
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
