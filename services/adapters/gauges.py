"""How much is unfinished in the database, and is the clock sound? Gauges for alarms; deploy/alerts.yaml uses them.

Nothing in here is about one person or partner, and nothing of it is needed to go on: a database that does not answer
leaves the gauges as they were, and `referrals_store_seen_timestamp_seconds` says since when.
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from prometheus_client import CollectorRegistry, Gauge

from services.adapters.clock import DatabaseClock
from services.core.aside import AsideStore
from services.core.mail import JobState
from services.core.ports import Clock
from services.core.stores import SendJobStore
from services.core.webhooks import WebhookStore


class Disk(Protocol):
    """What is asked of the database beside its documents."""

    async def disk(self) -> tuple[int, int]:
        """Free and total bytes of the file system with the data."""


class StoreGauges:
    """Gauges over the whole database; every instance that refreshes them tells the same."""

    def __init__(
        self,
        registry: CollectorRegistry,
        *,
        aside: AsideStore,
        jobs: SendJobStore,
        webhooks: WebhookStore,
        clock: Clock,
        disk: Disk,
    ) -> None:
        self._aside, self._jobs, self._webhooks, self._clock, self._disk = aside, jobs, webhooks, clock, disk

        def gauge(name: str, words: str, *labels: str) -> Gauge:
            return Gauge(f"referrals_{name}", words, labels, registry=registry)

        self._outbox = gauge("outbox_oldest_seconds", "Age of the oldest event that is not known to be on Kafka.")
        self._overdue = gauge("overdue_seconds", "How long the most overdue referral has waited for the expirer.")
        self._parked = gauge("parked_referrals", "Referrals that the expirer gave up; a person must look.")
        self._letters = gauge("dead_letters_open", "Dead letters that nobody has replayed or dropped.")
        self._sends = gauge("send_jobs", "Mails by state: pending, leased, sent, obsolete, failed.", "state")
        self._late = gauge("mail_overdue_seconds", "How long the most overdue mail has waited for a sender.")
        self._calls = gauge("webhook_deliveries", "Calls to webhooks by state: pending, leased, parked.", "state")
        self._calls_late = gauge("webhook_overdue_seconds", "How long the most overdue call to a webhook has waited.")
        self._free = gauge("mongo_disk_free_bytes", "Free bytes where MongoDB keeps its data.")
        self._total = gauge("mongo_disk_total_bytes", "All bytes where MongoDB keeps its data.")
        self._seen = gauge(
            "store_seen_timestamp_seconds", "When these gauges were last brought up to date (Unix time)."
        )

    async def refresh(self) -> None:
        """Look once.

        Raises:
            DependencyUnavailable: the database does not answer; the gauges stay as they were.
        """
        waiting, counts = await self._aside.waiting(), await self._jobs.counts()
        due, (free, total) = await self._jobs.next_due(), await self._disk.disk()
        calls = await self._webhooks.waiting_deliveries()
        now, real_now = self._clock.now(), self._clock.real_now()
        self._outbox.set(_since(waiting.oldest_unsent, now))
        self._overdue.set(_since(waiting.oldest_due, now))
        self._late.set(_since(due, now))
        self._parked.set(waiting.parked_referrals)
        self._letters.set(waiting.open_letters)
        for state in JobState:
            self._sends.labels(state.value).set(sum(n for (_, _, each), n in counts.items() if each is state))
        for name, number in (("pending", calls.pending), ("leased", calls.leased), ("parked", calls.parked)):
            self._calls.labels(name).set(number)
        self._calls_late.set(_since(calls.next_due, real_now))
        self._free.set(free)
        self._total.set(total)
        self._seen.set(real_now.timestamp())


def _since(at: datetime | None, now: datetime) -> float:
    """Seconds since an instant; 0 when it is to come or there is none."""
    return max(0.0, (now - at).total_seconds()) if at is not None else 0.0


def clock_gauges(registry: CollectorRegistry, clock: DatabaseClock) -> None:
    """Whether this machine and the database agree on the time, and whether the database's clock has jumped."""
    skew = Gauge(
        "referrals_clock_skew_seconds",
        "The database's clock minus this machine's, as last measured.",
        registry=registry,
    )
    skew.set_function(lambda: clock.skew_s)
    jumps = Gauge(
        "referrals_clock_jumps", "How often the database's clock jumped while this process ran.", registry=registry
    )
    jumps.set_function(lambda: clock.jumps)
