"""Does the exchange take 21,743 requests that real buyers published, ask real suppliers, and lose or double nothing?

Read from public tenders through the real importer, over real engines and processes. What is refused must be the
publisher's fault, and is listed here exactly; what finds nobody must say why.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest

from services.audit.report import Report
from services.bootstrap import World
from services.core.codes import RfiState
from services.core.rfi import Rfi
from tests.e2e.exchange import Exchange, running_exchange
from tests.e2e.tenders import REQUESTS, SUPPLIERS, release_of, rows_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
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


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcome]:
    folder = tmp_path_factory.mktemp("tenders")
    file = folder / "releases.jsonl"
    sent = write_releases(file)
    with running_exchange(folder / "exchange", partners=False) as exchange:
        printed = exchange.cli("import", "ocds", str(file), "--placeholder-contacts", timeout_s=240)
        assert f"{sent} tenders submitted as RFIs." in printed
        exchange.quiet()
        yield Outcome(sent, accepted(exchange), refused(exchange), exchange.audit())


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


def table(outcome: Outcome) -> str:
    """How many of each publisher's requests ended how."""
    ends: Counter[tuple[str, str]] = Counter()
    for rfi in outcome.rfis:
        assert rfi.routing is not None
        end = "referrals" if rfi.routing.chosen else f"nobody: {rfi.routing.no_match_because}"
        ends[publisher(rfi.publisher_id), end] += 1
    for identifier, codes in outcome.refused.items():
        ends[publisher(identifier), f"refused: {', '.join(sorted(codes))}"] += 1
    return "\n".join(f"{who:<12} {end:<40} {number:>6}" for (who, end), number in sorted(ends.items()))


def test_every_request_is_accepted_or_refused_for_a_fault_of_its_own(outcome: Outcome) -> None:
    assert outcome.refused == FAULTY
    assert len(outcome.rfis) + len(outcome.refused) == outcome.sent
    assert len(outcome.rfis) >= 0.95 * outcome.sent


def test_every_accepted_request_has_referrals_or_a_reason_why_nobody_was_asked(outcome: Outcome) -> None:
    print(f"\n{table(outcome)}")
    for rfi in outcome.rfis:
        assert rfi.routing is not None
        assert rfi.routing.chosen or rfi.routing.no_match_because
        assert rfi.state is (RfiState.ROUTED if rfi.routing.chosen else RfiState.NO_MATCH)


def test_nothing_is_lost_and_nothing_doubled(outcome: Outcome) -> None:
    assert outcome.audit.clean, outcome.audit.findings[:20]
    assert outcome.audit.counts["records submitted"] == outcome.sent
    assert outcome.audit.counts["mails delivered"] == outcome.audit.counts["mails sent"]
    print("\n" + "\n".join(f"{what:<50} {number:>8}" for what, number in sorted(outcome.audit.counts.items())))
