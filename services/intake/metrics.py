"""What is counted about RFIs that come in? Outcomes and problem codes, never who."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter

from services.core.stores import Refusal


class IntakeMetrics:
    """Counters of intake; a batch that comes again is counted again."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.rfis = Counter(
            "referrals_rfis_total",
            "RFIs taken from Kafka, by outcome: new, known (there already with this content), refused.",
            ["outcome"],
            registry=registry,
        )
        self.problems = Counter(
            "referrals_rfi_problems_total", "Refused RFIs, by each of their problem codes.", ["code"], registry=registry
        )
        for outcome in ("new", "known", "refused"):  # So that a rate has a beginning.
            self.rfis.labels(outcome)

    def batch(self, *, new: int, known: int, refusals: Sequence[Refusal]) -> None:
        """Count what became of a batch."""
        for outcome, number in (("new", new), ("known", known), ("refused", len(refusals))):
            self.rfis.labels(outcome).inc(number)
        for code, number in Tally(code for r in refusals for code in {p.code for p in r.problems}).items():
            self.problems.labels(code).inc(number)
