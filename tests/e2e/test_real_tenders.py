"""Does the exchange take 21,743 requests that real buyers published, ask real suppliers, and lose or double nothing?

Read from public tenders through the real importer, over real engines and processes. What is refused must be the
publisher's fault, and is listed here exactly; what finds nobody must say why.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest

from services.audit.report import Report
from services.bootstrap import World
from services.cli.console import console, table
from services.core.codes import RfiState
from services.core.rfi import Rfi
from tests.e2e.exchange import Exchange, running_exchange
from tests.e2e.tenders import REQUESTS, SUPPLIERS, release_of, rows_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not REQUESTS.exists(), reason="the data set lies beside the project only where it was fetched"),
]

#: RFIs read at once.
BATCH = 1000

#: Publisher's ids of requests that intake must refuse, with the codes of what is wrong with them.
FAULTY: dict[str, set[str]] = {}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the whole data set."""

    sent: int
    rfis: list[Rfi]
    refused: dict[str, set[str]]
    audit: Report
    laps: dict[str, float]
    #: What took how long, seconds: for the reader, not for the test.


class Stopwatch:
    """Notes the time since the last call."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._since = time.monotonic()

    def __call__(self, what: str) -> None:
        now = time.monotonic()
        self.laps[what], self._since = now - self._since, now


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcome]:
    folder = tmp_path_factory.mktemp("tenders")
    file = folder / "releases.jsonl"
    sent = write_releases(file)
    # Nobody is at a browser here, and no program is to be called.
    with running_exchange(folder / "exchange", partners=False, without=("portal", "webhooks")) as exchange:
        took = Stopwatch()
        printed = exchange.cli("import", "ocds", str(file), "--placeholder-contacts", timeout_s=300)
        assert f"{sent} tenders submitted as RFIs." in printed
        took("importing")
        exchange.quiet()
        took("until quiet")
        report = exchange.audit()
        took("auditing")
        yield Outcome(sent, accepted(exchange), refused(exchange), report, took.laps)


def write_releases(file: Path) -> int:
    """All requests as releases, one a line; returns how many."""
    suppliers = {row["id"]: row for row in rows_of(SUPPLIERS)}
    lines = [orjson.dumps(release_of(row, suppliers)) for row in rows_of(REQUESTS)]
    file.write_bytes(b"\n".join(lines))
    return len(lines)


def accepted(exchange: Exchange) -> list[Rfi]:
    async def work(world: World) -> list[Rfi]:
        found: list[Rfi] = []
        while batch := await world.stores.rfis.scan(found[-1].id if found else "", BATCH):
            found += batch
        return found

    return exchange.run(work)


def refused(exchange: Exchange) -> dict[str, set[str]]:
    async def work(world: World) -> dict[str, set[str]]:
        found = await world.stores.refusals.listed(100_000)
        return {refusal.publisher_id or "": {p.code for p in refusal.problems} for refusal in found}

    return exchange.run(work)


def publisher(identifier: str) -> str:
    """Who published a request, as its id says."""
    return identifier.partition(":")[0]


def show(outcome: Outcome) -> None:
    """How many of each publisher's requests ended how, what the audit counted, and how long everything took."""
    ends: Counter[tuple[str, str]] = Counter()
    for rfi in outcome.rfis:
        because = rfi.routing.no_match_because if rfi.routing else "never routed"
        ends[publisher(rfi.publisher_id), f"nobody asked: {because}" if because else "partners asked"] += 1
    for identifier, codes in outcome.refused.items():
        ends[publisher(identifier), f"refused: {', '.join(sorted(codes))}"] += 1
    rows = [(who, end, number) for (who, end), number in sorted(ends.items())]
    console.print(table("Real requests", ["publisher", "outcome", "number#"], rows))
    console.print(table("Audit", ["what", "number#"], sorted(outcome.audit.counts.items())))
    console.print(table("Time", ["what", "s#"], [(what, f"{s:.0f}") for what, s in outcome.laps.items()]))


def test_every_request_is_accepted_or_refused_for_a_fault_of_its_own(outcome: Outcome) -> None:
    show(outcome)
    assert outcome.refused == FAULTY
    assert len(outcome.rfis) + len(outcome.refused) == outcome.sent
    assert len(outcome.rfis) >= 0.95 * outcome.sent


def test_every_accepted_request_has_referrals_or_a_reason_why_nobody_was_asked(outcome: Outcome) -> None:
    for rfi in outcome.rfis:
        assert rfi.routing is not None
        assert rfi.routing.chosen or rfi.routing.no_match_because
        assert rfi.state is (RfiState.ROUTED if rfi.routing.chosen else RfiState.NO_MATCH)
    # Some name nothing that any supplier here is known by (`PMO 2017`), or a country in which nobody ever won.
    assert sum(rfi.state is RfiState.ROUTED for rfi in outcome.rfis) >= 0.99 * outcome.sent


def test_nothing_is_lost_and_nothing_doubled(outcome: Outcome) -> None:
    assert outcome.audit.clean, outcome.audit.findings[:20]
    assert outcome.audit.counts["records submitted"] == outcome.sent
    assert outcome.audit.counts["mails delivered"] == outcome.audit.counts["mails sent"]
