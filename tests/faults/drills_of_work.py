"""Alarms of work that is late or was put aside: what brings each about, and what its page says to do then."""

from __future__ import annotations

import asyncio
import re
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import orjson

from schemas.topics import Group, Topic
from services.bootstrap import World, unopened_world
from services.core.codes import Status
from services.core.ids import rfi_id
from services.core.ports import Outgoing
from services.engines.bundled.faults import Fault, FaultRule
from services.engines.supervisor import status
from tests.e2e.exchange import eventually, good_rfi
from tests.faults.alarms import EVERY_S, Prometheus
from tests.faults.mongo_faults import an_hour_ago
from tests.faults.proxy import Net
from tests.faults.records import submitted
from tests.faults.site import Site
from tests.faults.story import misremembered
from tests.faults.trial import Trial
from tests.journeys import COMMANDS


def lag_grows(trial: Trial, prometheus: Prometheus) -> None:
    """A publisher repeats itself faster than a slow database is asked. The page: see who, and let the burst pass."""
    site, [name] = trial.site, trial.names(1)
    again = submitted(trial.ledger.source, name, good_rfi(name) | {"submittedAt": an_hour_ago(site)})
    burst(site, [again])
    trial.ledger.took([name])
    site.quiet()
    # Each 64 KiB wait for so long, each way: a batch takes four seconds.
    site.nets["mongo"].set(Net.LATENCY, 1.0)
    prometheus.heard("ReferralsLagGrows", lambda: burst(site, [again] * 1000))
    assert Group.INTAKE in site.cli("lag")
    site.nets["mongo"].set(Net.PASS)
    site.quiet()


def burst(site: Site, records: list[Outgoing]) -> None:
    """So many records at once, from somebody who does not ask the database for anything."""

    async def send() -> None:
        async with unopened_world(site.settings(), "publisher") as world:
            await world.publisher.publish(records)

    asyncio.run(send())


def expirer_behind(trial: Trial, prometheus: Prometheus) -> None:
    """Each expirer hangs as soon as it has anything to do. The page: see its log, restart it if it is silent."""
    site, point = trial.site, f"{Group.EXPIRER}.before"
    trial.send(3)
    site.quiet()
    site.order("expirer", point, "hang")
    eventually(lambda: site.struck("expirer", point), "the expirer hangs")
    site.time_passes(timedelta(hours=25))
    prometheus.heard("ReferralsExpirerBehind", lambda: site.order("expirer", point, "hang"))
    site.cli("logs", "expirer", "-n", "50")
    # What made it hang is mended.
    (site.orders / f"expirer.{point}").unlink(missing_ok=True)
    restarts = site.restarts("expirer")
    site.kill("expirer")
    site.back("expirer", restarts)


def old_outbox(trial: Trial, prometheus: Prometheus) -> None:
    """Kafka is away while a partner answers. The page: bring it back, the rest goes by itself."""
    site, [name] = trial.site, trial.send(1)
    site.quiet()
    site.nets["kafka"].set(Net.CUT)
    site.run(lambda world: accepted(world, rfi_id(trial.ledger.source, name)))
    site.time_passes(timedelta(minutes=3))
    prometheus.heard("ReferralsOutboxOld")
    site.nets["kafka"].set(Net.PASS)


async def accepted(world: World, id_: str) -> None:
    """One partner says yes."""
    found = (await world.stores.referrals.of_rfis([id_]))[id_]
    await world.commands.execute(next(r.id for r in found if r.status is Status.NEW), COMMANDS["accept"])


def mails_late(trial: Trial, prometheus: Prometheus) -> None:
    """Mails wait for another attempt, and no notifier runs. The page: look at its log, run it."""
    site = trial.site
    site.mail_faults(FaultRule(fault=Fault.REFUSE_RECIPIENT, code=451))
    trial.send(1)
    eventually(lambda: pending(site), "mails wait for another attempt", 60)
    with nobody_runs(site, "notifier"):
        # Work goes on for all others, and the notifier's backlog grows beside the mails.
        trial.send(1)
        site.time_passes(timedelta(minutes=30))
        prometheus.heard("ReferralsMailsLate")
        assert "mails due" in site.cli("lag")
        site.cli("logs", "notifier", "-n", "50")
        site.mail_faults()


def pending(site: Site) -> bool:
    """Whether a mail waits, in nobody's hands."""
    with site.database() as database:
        return bool(database["send_jobs"].count_documents({"state": "pending"}, limit=1))


def calls_late(trial: Trial, prometheus: Prometheus) -> None:
    """Calls wait for another attempt, and no process makes any. The page: start it; its calls wait in the database."""
    site = trial.site
    site.receiver.status = 500
    trial.send(3)
    # The second failed attempt waits for minutes. The time of calls is real: nobody can shift it, they are made older.
    eventually(lambda: calls_waiting(site), "calls wait for their third attempt", 120)
    with nobody_runs(site, "webhooks"):
        with site.database() as database:
            late = {"$set": {"due_at": datetime.now(UTC) - timedelta(minutes=20)}}
            database["webhook_deliveries"].update_many({"state": "pending"}, late)
        prometheus.heard("ReferralsWebhooksLate")
        assert "calls due" in site.cli("lag")
        site.cli("logs", "webhooks", "-n", "50")
        site.receiver.heal()


def calls_waiting(site: Site) -> bool:
    """Whether calls that failed twice wait for the next attempt, in nobody's hands."""
    with site.database() as database:
        waiting = {"state": "pending", "attempts": {"$gte": 2}}
        return bool(database["webhook_deliveries"].count_documents(waiting, limit=1))


@contextmanager
def nobody_runs(site: Site, process: str) -> Iterator[None]:
    """The process is gone and nobody starts another: its supervisor stands still. After the block it does."""
    supervisor, restarts = status(site.home).supervisor, site.restarts(process)
    assert supervisor is not None
    supervisor.signal(signal.SIGSTOP)
    try:
        site.kill(process)
        yield
    finally:
        supervisor.signal(signal.SIGCONT)
    site.back(process, restarts)


def dead_letters(trial: Trial, prometheus: Prometheus) -> None:
    """Somebody publishes what nobody can read, which nobody needs. The page: look, then drop."""
    site = trial.site
    site.run(unreadable(1))
    prometheus.heard("ReferralsDeadLetters")
    assert Group.ROUTER in site.cli("dlq", "list", "--counts")
    site.cli("dlq", "drop", "--all", "--why", "a drill")


def dead_letters_rise(trial: Trial, prometheus: Prometheus) -> None:
    """A new program publishes nothing but rubbish, all at once. The page: see whose, end that, drop."""
    site = trial.site
    site.run(unreadable(25))
    prometheus.heard("ReferralsDeadLettersRise")
    listed = site.cli("dlq", "list", "--group", Group.ROUTER, "--since", "1h")
    assert "UnreadableRecord" in listed or "UnknownMessage" in listed
    site.cli("dlq", "show", letters(site)[0])
    site.cli("dlq", "drop", "--all", "--why", "a drill")


def unreadable(number: int) -> Callable[[World], Awaitable[None]]:
    """So many records that are no events."""
    broken = [Outgoing(topic=Topic.RFI_ACCEPTED, key=f"alarm-{n}", value=b"no event at all") for n in range(number)]
    return lambda world: world.publisher.publish(broken)


def letters(site: Site) -> list[str]:
    """Ids of open dead letters."""
    with site.database() as database:
        return [str(doc["_id"]) for doc in database["dead_letters"].find({"open": True})]


def failed_mails(trial: Trial, prometheus: Prometheus) -> None:
    """A mail server refuses everybody. The page: mend it, rehearse, release."""
    site = trial.site
    site.mail_faults(FaultRule(fault=Fault.REFUSE_RECIPIENT, code=554))
    trial.send(1)
    site.quiet()
    prometheus.heard("ReferralsMailsFail")
    site.mail_faults()
    assert "554" in site.cli("parked", "list")
    site.cli("parked", "release", "--mails", "--dry-run")
    site.cli("parked", "release", "--mails")
    site.quiet()


def doubled_mails(trial: Trial, prometheus: Prometheus) -> None:
    """Connections end after the last byte of a mail, before the answer. The page: see what lies between, mend it."""
    site, names = trial.site, trial.names(MOST_AGAIN)
    # Each customer's first mail once: one that is cut twice is given up.
    cuts = (FaultRule(fault=Fault.DROP_KEPT, pattern=re.escape(f"+{name}@"), times=1) for name in names)
    site.mail_faults(*cuts)
    site.send(trial.ledger, *names)
    # The attempts' time is turned as fast as the alarm's.
    prometheus.heard("ReferralsMailsMayBeDoubled", lambda: site.time_passes(timedelta(seconds=EVERY_S)))
    assert "smtp.connection_broken" in site.cli("logs", "notifier", "-n", "500")


#: Mails that the drill above has sent again.
MOST_AGAIN = 30


def failed_calls(trial: Trial, prometheus: Prometheus) -> None:
    """A partner's program is broken for days. The page: when it is mended, replay."""
    site = trial.site
    site.receiver.status = 500
    trial.send(3)
    site.quiet()
    # Each look makes the next attempt due.
    eventually(site.called, "every attempt is used up", 120)
    prometheus.heard("ReferralsWebhooksFail")
    site.receiver.heal()
    assert "500" in site.cli("webhook", "parked")
    with site.database() as database:
        trial.ledger.calls_given_up_after = max(
            each["attempts"] for each in database["webhook_deliveries"].find({"state": "parked"})
        )
    site.cli("webhook", "replay", "--all")


def parked_referral(trial: Trial, prometheus: Prometheus) -> None:
    """The expirer meets a bug at a referral again and again, and gives it up. The page: after the fix, release."""
    site, [name] = trial.site, trial.send(1)
    site.quiet()
    site.run(lambda world: accepted(world, rfi_id(trial.ledger.source, name)))
    [broken] = site.run(lambda world: misremembered(trial, name, world))
    for _ in range(5):
        site.time_passes(timedelta(hours=7))
        site.quiet()
    prometheus.heard("ReferralsParked")
    assert broken in site.cli("parked", "list")
    assert "referral_deferred" in site.cli("logs", "expirer", "-n", "1000")
    with site.database() as database:
        database["referrals"].update_one({"_id": broken}, {"$set": {"undo.command": "accept"}})
    site.cli("parked", "release", "--referrals")


def refusals_spike(trial: Trial, prometheus: Prometheus) -> None:
    """A publisher's new version writes nonsense. The page: see what and whose, tell it; mend a single one yourself."""
    site, names = trial.site, trial.names(30)
    site.publish(trial.ledger, {name: good_rfi(name) | {"channel": "pigeon"} for name in names})
    prometheus.heard("ReferralsRefusalsSpike")
    assert names[-1] in site.cli("rfi", "refused", "-n", "40")
    with site.database() as database:
        refused = database["refusals"].find_one({"publisher_id": names[0]})
    assert refused is not None
    code = refused["codes"][0]
    assert names[0] in site.cli("rfi", "refused", "--code", code, "-n", "1000")
    assert code in site.cli("rfi", "refusal", refused["_id"])
    mended = site.home.root / "mended.json"
    mended.write_bytes(orjson.dumps(good_rfi(names[0]) | {"submittedAt": an_hour_ago(site)}))
    site.cli("rfi", "replay", refused["_id"], "--with", str(mended))
    site.quiet()
    mine = rfi_id(trial.ledger.source, names[0])
    assert mine in site.cli("rfi", "show", mine)


DRILLS: dict[str, Callable[[Trial, Prometheus], None]] = {
    "ReferralsLagGrows": lag_grows,
    "ReferralsExpirerBehind": expirer_behind,
    "ReferralsOutboxOld": old_outbox,
    "ReferralsMailsLate": mails_late,
    "ReferralsWebhooksLate": calls_late,
    "ReferralsDeadLetters": dead_letters,
    "ReferralsDeadLettersRise": dead_letters_rise,
    "ReferralsParked": parked_referral,
    "ReferralsMailsFail": failed_mails,
    "ReferralsMailsMayBeDoubled": doubled_mails,
    "ReferralsWebhooksFail": failed_calls,
    "ReferralsRefusalsSpike": refusals_spike,
}
