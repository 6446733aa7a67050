"""Is every mail sent once, or else counted, when the mail server is away, refuses, dawdles or hangs up?"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from services.bootstrap import World
from services.cli.demo.script import until_nothing_is_left
from services.core.mail import JobState
from services.engines.bundled.faults import Fault, FaultRule
from tests.e2e.exchange import eventually
from tests.faults.proxy import Net
from tests.faults.site import Site
from tests.faults.trial import Trial, long_only


def states(site: Site, source: str) -> Counter[str]:
    """Send jobs of a source by state."""
    with site.database() as database:
        rfis = database["rfis"].distinct("_id", {"source": source})
        return Counter(job["state"] for job in database["send_jobs"].find({"rfi_id": {"$in": rfis}}))


def hours_pass(site: Site, hours: float, step: timedelta) -> None:
    """Let time pass in steps, so that every attempt of the schedule is made."""
    for _ in range(int(timedelta(hours=hours) / step)):
        site.time_passes(step)
        eventually(lambda: site.run(nothing_is_due), "all attempts of this hour are made", 60)


async def nothing_is_due(world: World) -> bool:
    due = await world.stores.jobs.next_due()
    leased = sum(n for (_, _, state), n in (await world.stores.jobs.counts()).items() if state is JobState.LEASED)
    return not leased and (due is None or due > world.clock.now())


@pytest.mark.parametrize("code", [451, pytest.param(421, marks=long_only)])
def test_refusals_for_now_for_hours_end_in_one_mail_each(trial: Trial, code: int) -> None:
    site = trial.site
    hours = trial.number(1, 6)
    with trial.whole(19, f"SMTP {code} for {hours} simulated hours", times=hours):
        site.mail_faults(FaultRule(fault=Fault.REFUSE_RECIPIENT, code=code))
        trial.send(trial.number(2, 10))
        site.run(backlog_gone)
        hours_pass(site, hours, timedelta(minutes=30))
        assert set(states(site, trial.ledger.source)) <= {"pending", "obsolete"}


async def backlog_gone(world: World) -> None:
    """Wait until everything but mails is done."""

    async def left() -> dict[str, int]:
        return {what: n for what, n in (await world.quiet.pending()).items() if not what.startswith("mails")}

    await until_nothing_is_left(left, 60)


def test_a_mail_server_that_is_away(trial: Trial) -> None:
    site = trial.site
    ways = [(Net.CUT, 0.0, "connection refused"), (Net.LATENCY, 1.0, "latency of 1 s"), (Net.BLACKHOLE, 0.0, "silent")]
    for mode, delay_s, name in ways if trial.long else ways[:1]:
        with trial.whole(19, f"mail server: {name}"):
            site.nets["smtp"].set(mode, delay_s)
            trial.send(trial.number(2, 10))
            site.run(backlog_gone)
            trial.lasts(trial.number(1, 20))


def test_refusals_for_good_are_not_repeated_and_stay_visible(trial: Trial) -> None:
    site = trial.site
    with trial.whole(20, "SMTP 550 for every address"):
        site.mail_faults(FaultRule(fault=Fault.REFUSE_RECIPIENT, code=550))
        trial.send(trial.number(2, 10))
        site.quiet()
        found = states(site, trial.ledger.source)
        assert set(found) == {"failed"}, found
    # A refused mail is nobody's secret: the referral is in the partner's list, and the job tells why.
    with site.database() as database:
        rfis = database["rfis"].distinct("_id", {"source": trial.ledger.source})
        jobs = list(database["send_jobs"].find({"rfi_id": {"$in": rfis}}))
        assert all(job["last_error"].startswith("refused: 550") for job in jobs)
        assert database["referrals"].count_documents({"rfi_id": {"$in": rfis}, "open": True}) > 0


@pytest.mark.parametrize(
    ("fault", "words", "again"),
    [
        (Fault.DROP_UNKEPT, "the connection is lost after the final dot, the mail was not taken", 0),
        (Fault.DROP_KEPT, "the connection is lost after the final dot, the mail was taken", 1),
    ],
    ids=["not-taken", "taken"],
)
def test_a_connection_lost_at_the_final_dot(trial: Trial, fault: Fault, words: str, again: int) -> None:
    times = trial.number(3, 20)
    with trial.whole(21, words, times=times, most_again=again * times):
        trial.site.mail_faults(FaultRule(fault=fault, times=times))
        trial.send(trial.number(2, 10))
        trial.site.quiet()


def test_a_kill_while_mails_are_on_the_way(trial: Trial) -> None:
    site = trial.site
    waiting_s = trial.number(2, 30)
    restarts = site.restarts("notifier")
    with trial.whole(2, "kill -9 of the notifier while a server holds back its 250", most_again=8):
        site.mail_faults(FaultRule(fault=Fault.DELAY, delay_s=waiting_s, times=8))
        before = len(site.mails())
        trial.send(4)
        eventually(lambda: len(site.mails()) > before, "a mail is in the server's hands", 30)
        site.kill("notifier")
        site.back("notifier", restarts)


def test_a_server_that_takes_long_over_the_final_dot_gets_its_time(trial: Trial) -> None:
    """RFC 5321 allows 10 minutes; leases are renewed meanwhile, and nobody else sends the same mail."""
    site = trial.site
    # Just within the patience that the sender has, which is the RFC's.
    delay_s = trial.number(6, 590)
    with trial.whole(21, f"250 comes {delay_s} s late, leases last 4 s"):
        site.mail_faults(FaultRule(fault=Fault.DELAY, delay_s=delay_s, times=trial.number(4, 2)))
        trial.send(2)
        site.run(lambda world: until_nothing_is_left(world.quiet.pending, delay_s + 60.0))
