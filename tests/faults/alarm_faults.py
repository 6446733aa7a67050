"""An alarm rings: does what its page of docs/runbook.md says make it stop?

Each drill goes as an operator would, with the commands of the page; the exchange is whole afterwards.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest

from schemas.topics import Group, Topic
from services.bootstrap import World
from services.core.codes import Status
from services.core.ids import rfi_id
from services.core.ports import Outgoing
from services.engines.bundled.faults import Fault, FaultRule
from tests.e2e.exchange import eventually
from tests.faults.alarms import rings
from tests.faults.proxy import Net
from tests.faults.site import Site
from tests.faults.trial import Trial, long_only
from tests.journeys import COMMANDS

#: Figures are taken every few seconds; the slowest of these alarms wants an event to be two minutes old.
HEARD_WITHIN_S = 60


def waits(trial: Trial) -> None:
    """The database is away. The page: bring it back, and leave our processes alone."""
    trial.site.nets["mongo"].set(Net.BLACKHOLE)
    heard(trial.site, "ReferralsProcessWaits")
    trial.site.nets["mongo"].set(Net.PASS)
    trial.site.nets["mongo"].reset()


def stuck(trial: Trial) -> None:
    """A handler hangs. The page: nothing, the supervisor replaces it."""
    restarts = trial.site.restarts("router")
    trial.site.order("router", "rfis.route.before", "hang")
    trial.send(1)
    heard(trial.site, "ReferralsProcessStuck")
    trial.site.back("router", restarts)


def dead_letters(trial: Trial) -> None:
    """Somebody publishes what nobody can read, which nobody needs. The page: look, then drop."""
    site = trial.site
    broken = Outgoing(topic=Topic.RFI_ACCEPTED, key="alarm", value=b"no event at all")
    site.run(lambda world: world.publisher.publish([broken]))
    heard(site, "ReferralsDeadLetters")
    assert Group.ROUTER in site.cli("dlq", "list", "--counts")
    site.cli("dlq", "drop", "--all", "--why", "a drill")


def failed_mails(trial: Trial) -> None:
    """A mail server refuses everybody. The page: mend it, rehearse, release."""
    site = trial.site
    site.mail_faults(FaultRule(fault=Fault.REFUSE_RECIPIENT, code=554))
    trial.send(1)
    site.quiet()
    heard(site, "ReferralsMailsFail")
    site.mail_faults()
    assert "554" in site.cli("parked", "list")
    site.cli("parked", "release", "--mails", "--dry-run")
    site.cli("parked", "release", "--mails")
    site.quiet()


def failed_calls(trial: Trial) -> None:
    """A partner's program is broken for days. The page: when it is mended, replay."""
    site = trial.site
    site.receiver.status = 500
    trial.send(3)
    site.quiet()
    # Each look makes the next attempt due.
    eventually(site.called, "every attempt is used up", 120)
    heard(site, "ReferralsWebhooksFail")
    site.receiver.heal()
    assert "500" in site.cli("webhook", "parked")
    with site.database() as database:
        trial.ledger.calls_given_up_after = max(
            each["attempts"] for each in database["webhook_deliveries"].find({"state": "parked"})
        )
    site.cli("webhook", "replay", "--all")


def old_outbox(trial: Trial) -> None:
    """Kafka is away while a partner answers. The page: bring it back, the rest goes by itself."""
    site, [name] = trial.site, trial.send(1)
    site.quiet()

    async def accept(world: World) -> None:
        id_ = rfi_id(trial.ledger.source, name)
        found = (await world.stores.referrals.of_rfis([id_]))[id_]
        await world.commands.execute(next(r.id for r in found if r.status is Status.NEW), COMMANDS["accept"])

    site.nets["kafka"].set(Net.CUT)
    site.run(accept)
    site.time_passes(timedelta(minutes=3))
    heard(site, "ReferralsOutboxOld")
    site.nets["kafka"].set(Net.PASS)


def parked_referral(trial: Trial) -> None:
    """A referral that the expirer gave up, as it does after a bug. The page: after the fix, release."""
    site, [name] = trial.site, trial.send(1)
    site.quiet()

    async def given_up(world: World) -> str:
        id_ = rfi_id(trial.ledger.source, name)
        one = (await world.stores.referrals.of_rfis([id_]))[id_][0]
        await world.stores.referrals.defer(one.id, one.version, world.clock.now(), 5, parked=True, why="KeyError")
        return one.id

    parked = site.run(given_up)
    heard(site, "ReferralsParked")
    assert parked in site.cli("parked", "list")
    site.cli("parked", "release", "--referrals")


DRILLS: dict[str, Callable[[Trial], None]] = {
    "ReferralsProcessWaits": waits,
    "ReferralsProcessStuck": stuck,
    "ReferralsDeadLetters": dead_letters,
    "ReferralsMailsFail": failed_mails,
    "ReferralsWebhooksFail": failed_calls,
    "ReferralsOutboxOld": old_outbox,
    "ReferralsParked": parked_referral,
}


@long_only  # `make test` has tests/e2e/test_operating.py.
@pytest.mark.parametrize("alarm", DRILLS)
def test_an_alarm_rings_and_its_page_makes_it_stop(trial: Trial, alarm: str) -> None:
    with trial.whole(33, f"{alarm} rings, and its page of the runbook is followed"):
        DRILLS[alarm](trial)
        silent(trial.site, alarm)


def heard(site: Site, alarm: str) -> None:
    eventually(partial(rings, site, alarm), f"{alarm} rings", HEARD_WITHIN_S)


def silent(site: Site, alarm: str) -> None:
    eventually(lambda: not rings(site, alarm), f"{alarm} rings no more", HEARD_WITHIN_S)
