"""The page docs/reliability.md: which faults were tried, how often, and what was lost or doubled."""

from __future__ import annotations

from collections.abc import Sequence

from tests.faults.trial import Result

_HEAD = """\
# Reliability: the faults, tried

Written by `make faults` (seed {seed}); each line is a test in `tests/faults/` on real processes, a real Kafka, a real
mongod and real SMTP conversations, with a proxy of our own for what networks do. `make test` runs a short form of each;
a line that was written by one (a pause of a second, two mails) stands until the long form has run.

After each fault everything heals, and then two oracles that share no code must agree: `referrals audit`, and the
books of `tests/faults/ledger.py`, which are counted from the documents, the records, the mails and the calls to
webhooks themselves. *Lost* is an accepted id that is neither terminal, open within its deadline, parked nor
dead-lettered, or an event without its call or its place in the statistics; *doubled* is any effect that happened twice.
*Again* counts mails that arrived a second time under the same Message-ID, because an attempt was cut between the final
dot and the moment when its answer was stored (the one window that nobody can close, RFC 1047), or because the first
copy came back. *Recovery* is the time from the end of the fault until nothing was left to do, on a busy machine with
two cores.

| fault | what | times | lost | doubled | again | recovery |
|---|---|---:|---:|---:|---:|---:|
"""

_FOOT = """
Faults are numbered as in the list that the suite was planned by. Kills strike at *points*: before and after each write
of each process and around each batch (`services/adapters/fault_points.py`; a test finds what writes in the adapters'
source, so that no write is forgotten). A point is named by the consumer group in whose handler it is passed, or
`beside` (senders, sweeps, requests), and by port and write. In production no point exists.

Tried elsewhere: link scanners and strangers on the portal's pages and API (25, 30) in `tests/portal/`; thousands of
seeded histories with a crash before or after any call in `tests/unit/test_crash_chain.py`; what 0.1.0 wrote (29) in
`tests/unit/test_golden.py`. Numbers from 32 are not on that list: webhooks (32), alarms and their pages of the
runbook (33). Each alarm is brought about and heard by Prometheus' own `promtool` from what the processes serve, with
the clock turned between two scrapes; its page is followed, and it stops. The books themselves are tried, too: what is
broken on purpose must be named. Not tried here: several brokers.
"""


def page(results: Sequence[Result], seed: int) -> str:
    """The whole page."""
    rows = "".join(
        f"| {r.fault} | {r.what} | {r.times} | {r.lost} | {r.doubled} | {r.again} | {_seconds(r.recovery_s)} |\n"
        for r in results
    )
    total = f"| | **in all** | **{sum(r.times for r in results)}** | **{sum(r.lost for r in results)}** "
    total += f"| **{sum(r.doubled for r in results)}** | **{sum(r.again for r in results)}** | |\n"
    return _HEAD.format(seed=seed) + rows + total + _FOOT


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds else ""
