"""`make faults`: the options of the long form, and the report that it writes.

Loaded with `-p tests.faults.plugin`. Without it (in `make test`) every fault runs in its short form.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.faults.report import page
from tests.faults.trial import Result

ROOT = Path(__file__).parent.parent.parent
RESULTS = pytest.StashKey[list[Result]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """--long, --seed, --report."""
    group = parser.getgroup("faults")
    group.addoption("--long", action="store_true", help="each fault in its long form")
    group.addoption("--seed", type=int, default=1, help="what chance decides: sizes, moments, victims")
    group.addoption("--report", type=Path, help="write the table of faults to this page")


def pytest_configure(config: pytest.Config) -> None:
    """Where tests leave their results."""
    config.stash[RESULTS] = []


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the report."""
    report: Path | None = session.config.getoption("--report")
    if report is None or not session.config.stash[RESULTS]:
        return
    kept = Path(__file__).parent / "results.json"
    results = [result.as_json() for result in session.config.stash[RESULTS]]
    known = json.loads(kept.read_text("utf-8")) if kept.exists() else []
    # A run of some faults only replaces theirs.
    run = {result["what"] for result in results}
    rows = sorted([*(row for row in known if row["what"] not in run), *results], key=lambda row: row["fault"])
    kept.write_text(json.dumps(rows, indent=1) + "\n", "utf-8")
    seed: int = session.config.getoption("--seed")
    report.write_text(page([Result(**row) for row in rows], seed), "utf-8")
