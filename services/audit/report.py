"""What an audit found: counts of everything it met, and every thing that is missing or doubled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from enum import StrEnum

#: Findings kept with their words; beyond that they are only counted, so that a broken day's report can be read.
KEPT_FINDINGS = 1000


class Fault(StrEnum):
    """The two ways in which a promise can be broken."""

    MISSING = "missing"
    DOUBLED = "doubled"


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken promise: which fault, of what, on which id, in words."""

    fault: Fault
    what: str
    #: submitted record, routing, round, referral, event, send job, mail.
    subject: str
    words: str


@dataclass(slots=True)
class Report:
    """Grows while the audit runs.

    `suspects` are the faults of an earlier look: given them, a finding that is not among them is left out.
    """

    counts: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    broken: int = 0
    faults: set[tuple[Fault, str, str]] = field(default_factory=set)
    suspects: AbstractSet[tuple[Fault, str, str]] | None = None

    @property
    def clean(self) -> bool:
        """True when nothing is missing and nothing doubled."""
        return not self.broken

    def count(self, what: str, number: int = 1) -> None:
        """Count things met."""
        self.counts[what] += number

    def add(self, findings: Iterable[Finding]) -> None:
        """Take findings."""
        for finding in findings:
            fault = (finding.fault, finding.what, finding.subject)
            if self.suspects is not None and fault not in self.suspects:
                continue
            self.broken += 1
            self.faults.add(fault)
            if len(self.findings) < KEPT_FINDINGS:
                self.findings.append(finding)
