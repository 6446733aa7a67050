"""`make faults`: the options of the long form, and the report that it writes.

Loaded with `-p tests.faults.plugin`. Without it (in `make test`) every fault runs in its short form.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.faults.report import page
from tests.faults.trial import Result

#: Results of the runs so far, so that a run of a few faults completes the page instead of replacing it.
KEPT = Path(__file__).parent.parent.parent / "build" / "faults.json"
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


def pytest_runtest_teardown(item: pytest.Item) -> None:
    """Write the report after each test: a run takes long, and may be cut."""
    report: Path | None = item.config.getoption("--report")
    results = item.config.stash[RESULTS]
    if report is None or not results:
        return
    for result in results:
        result.test = result.test or item.name
    known = json.loads(KEPT.read_text("utf-8")) if KEPT.exists() else []
    # A run of some tests replaces only their rows.
    run = {result.test for result in results}
    rows = [*(row for row in known if row.get("test") not in run), *(result.as_json() for result in results)]
    rows.sort(key=lambda row: row["fault"])
    KEPT.parent.mkdir(exist_ok=True)
    KEPT.write_text(json.dumps(rows, indent=1) + "\n", "utf-8")
    report.write_text(page([Result(**row) for row in rows], item.config.getoption("--seed")), "utf-8")
