"""Does a repeated audit go on while all is well, outlast an engine's absence, and end with what it finds?"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from rich.text import Text

from services.audit.report import Fault, Finding, Report
from services.cli.audit_watch import watch_audit
from services.core.errors import DependencyUnavailable
from tests.builders import START

AWAY = DependencyUnavailable("mongo")


def broken() -> Report:
    report = Report()
    report.add([Finding(Fault.MISSING, "mail", "job-1", "was never sent")])
    return report


def in_turn(*answers: Report | DependencyUnavailable) -> Callable[[], Awaitable[Report]]:
    left = list(answers)

    async def look() -> Report:
        answer = left.pop(0)
        if isinstance(answer, DependencyUnavailable):
            raise answer
        return answer

    return look


async def watched(*answers: Report | DependencyUnavailable, looks: int | None = None) -> tuple[Report, list[Report]]:
    shown: list[Report] = []

    def show(report: Report) -> Text:
        shown.append(report)
        return Text("shown")

    report = await watch_audit(in_turn(*answers), show, lambda: START, every_s=0, looks=looks)
    return report, shown


async def test_it_goes_on_until_something_is_found(capsys: pytest.CaptureFixture[str]) -> None:
    found = broken()
    report, shown = await watched(Report(), Report(), found, Report())
    assert report is found
    assert len(shown) == 3
    assert "look 3 at" in capsys.readouterr().out


async def test_an_engine_that_is_away_is_waited_for() -> None:
    report, shown = await watched(Report(), AWAY, AWAY, broken())
    assert not report.clean
    assert len(shown) == 2


async def test_it_ends_after_the_looks_that_were_asked_for() -> None:
    report, shown = await watched(Report(), Report(), broken(), looks=2)
    assert report.clean
    assert len(shown) == 2


async def test_an_absence_at_the_last_look_is_no_good_report() -> None:
    with pytest.raises(DependencyUnavailable):
        await watched(Report(), AWAY, looks=2)
