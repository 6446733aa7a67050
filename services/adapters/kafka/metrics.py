"""What is counted about delivery? One set of metrics for a registry, shared by all consumers of a process."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class DeliveryMetrics:
    """Counters and histograms of the delivery wrapper; names begin with `referrals_`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.records = Counter(
            "referrals_records_total",
            "Records taken from Kafka, by what became of them: done, dead_letter, skipped.",
            ["topic", "group", "outcome"],
            registry=registry,
        )
        self.batch_seconds = Histogram(
            "referrals_batch_seconds",
            "Seconds from a batch being fetched to its commit.",
            ["group"],
            registry=registry,
        )
        self.commit_failures = Counter(
            "referrals_commit_failures_total",
            "Commits that did not happen; their batches come again.",
            ["group", "cause"],
            registry=registry,
        )
        self.dead_letters = Counter(
            "referrals_dead_letters_total",
            "Records put aside for a person, by class of error.",
            ["group", "reason"],
            registry=registry,
        )
        self.retries = Counter(
            "referrals_batch_retries_total",
            "Batches put back to be tried again, by what they wait on.",
            ["group", "waiting_on"],
            registry=registry,
        )
        self.lag = Gauge(
            "referrals_consumer_lag_records",
            "Records in the log that are not fetched yet.",
            ["group", "topic", "partition"],
            registry=registry,
        )
