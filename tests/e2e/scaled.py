"""Do several instances share the work without doing any of it twice, also when one of them dies in the middle?

test_kill.py collects these tests and has their exchange, through which the samples have just gone.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from services.bootstrap import World
from services.cli.clock import advance
from services.core.codes import Status, Substatus
from services.core.referral import Referral
from services.engines.supervisor import status
from tests.e2e.exchange import Exchange, changes, eventually, seen_beyond

INSTANCES = {"expirer": 3, "router": 2}


def time_passes(exchange: Exchange, by: timedelta, *, killing: str) -> None:
    """Shift the clock; kill a process as soon as the sweep has changed a referral."""

    async def work(world: World) -> None:
        before = await changes(world)
        await advance(world, by)
        await seen_beyond(lambda: changes(world), before)
        exchange.kill(killing)

    exchange.run(work)
    exchange.quiet()


def referrals(exchange: Exchange) -> list[Referral]:
    return exchange.run(lambda world: world.stores.referrals.listed(limit=10_000))


def worked(exchange: Exchange, process: str, event: str) -> set[str]:
    """Instances whose log tells of the event."""
    logs = exchange.home.logs.glob(f"{process}-*.log")
    return {log.stem for log in logs if f'"{event}"' in log.read_text("utf-8")}


def test_all_instances_run_and_share_the_work(exchange: Exchange, again: int) -> None:
    names = {p.name for p in status(exchange.home).processes}
    assert names >= {"expirer-1", "expirer-2", "expirer-3", "router-1", "router-2"}
    assert worked(exchange, "router", "routed") == {"router-1", "router-2"}


def test_a_reminder_goes_out_once_though_an_expirer_dies_in_the_sweep(exchange: Exchange, again: int) -> None:
    time_passes(exchange, timedelta(hours=25), killing="expirer-2")
    eventually(lambda: status(exchange.home).ready, "the expirer is back")
    reminded = Counter(m.job for m in exchange.mails() if m.kind == "reminder")
    open_ones = [r for r in referrals(exchange) if r.status is Status.NEW]
    assert len(reminded) == len(open_ones) > 0
    assert set(reminded.values()) == {1}
    assert worked(exchange, "expirer", "swept") >= {"expirer-1", "expirer-3"}


def test_everything_expires_exactly_once_though_an_expirer_dies_in_the_sweep(exchange: Exchange, again: int) -> None:
    time_passes(exchange, timedelta(days=14), killing="expirer-1")
    # What was asked of the next-best partners then has just begun.
    found = [r for r in referrals(exchange) if r.round == 1]
    assert {r.substatus for r in found} == {Substatus.EXPIRED}
    assert all(sum(entry.what == "referral.expired" for entry in r.history) == 1 for r in found)
    expired = Counter(m.job for m in exchange.mails() if m.kind == "expired")
    assert len(expired) == len(found)
    assert set(expired.values()) == {1}


def test_the_audit_of_all_this_is_clean(exchange: Exchange, again: int) -> None:
    report = exchange.audit()
    assert report.clean, report.findings[:5]
    # Only senders died that were killed with new mails in their hands, before all this.
    assert report.counts["mails delivered"] == report.counts["mails sent"] + again
