"""What is counted about mails? Kinds, languages and outcomes, never who."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class MailMetrics:
    """Counters of the notifier; names begin with `referrals_mail_`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.jobs = Counter("referrals_mail_jobs_total", "Send jobs made from events.", ["kind"], registry=registry)
        self.attempts = Counter(
            "referrals_mail_attempts_total",
            "Attempts to send, by how they ended: sent, retry, unknown, refused, obsolete.",
            ["kind", "outcome"],
            registry=registry,
        )
        self.failed = Counter(
            "referrals_mail_failed_total", "Mails given up; a person must look.", ["kind"], registry=registry
        )
        self.possible_duplicates = Counter(
            "referrals_mail_possible_duplicates_total",
            "Mails sent again though an earlier attempt may have arrived, by cause: cut_at_dot, lease_ran_out.",
            ["cause"],
            registry=registry,
        )
        for cause in ("cut_at_dot", "lease_ran_out"):  # So that an increase has a beginning.
            self.possible_duplicates.labels(cause)
        self.leases_lost = Counter(
            "referrals_mail_leases_lost_total",
            "Jobs left to another sender because their lease was gone.",
            registry=registry,
        )
        self.batch_seconds = Histogram(
            "referrals_mail_batch_seconds",
            "Seconds from a batch being taken to its results being stored.",
            registry=registry,
        )
        self.queued = Gauge("referrals_mail_queued_jobs", "Jobs handed over and not taken yet.", registry=registry)
