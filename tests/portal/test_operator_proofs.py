"""An operator's pages of the audit and of the rules of matching."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from services.audit.report import Fault, Finding, Report
from services.auditing import MOST_RECORDS, Auditor
from services.core.errors import DependencyUnavailable
from services.core.rules import DEFAULT_RULES
from services.matching.rules_file import write_rules
from tests.builders import make_partner, make_profile
from tests.portal.test_customer_page import asked
from tests.portal.world import Browser, PortalWorld

OTHER = write_rules(replace(DEFAULT_RULES, version="rules-of-autumn", fit=0.5, most_partners=1))


class Looks:
    """An audit that ends when it is let, with what it is told."""

    def __init__(self, report: Report | BaseException, records: int = 10) -> None:
        self.report, self.number, self.may_end = report, records, asyncio.Event()

    async def look(self) -> Report:
        await self.may_end.wait()
        if isinstance(self.report, BaseException):
            raise self.report
        return self.report

    async def records(self) -> int:
        return self.number


def auditing(world: PortalWorld, looks: Looks) -> None:
    """What the portal's audit looks at from now on."""
    world.auditor.current = Auditor(looks.look, looks.records, world.clock)


async def begun(world: PortalWorld, looks: Looks) -> Browser:
    """An operator who has pressed the button."""
    auditing(world, looks)
    boss = await world.signed_in(None)
    await boss.get("/operator/audit")
    await boss.submit("/operator/audit")
    return boss


async def ended(boss: Browser) -> str:
    async with asyncio.timeout(60):
        while "Under way since" in (page := (await boss.get("/operator/audit")).text):  # noqa: ASYNC110 - a page sets no event
            await asyncio.sleep(0)
    return page


async def test_an_audit_runs_in_the_background_and_its_findings_are_shown(world: PortalWorld) -> None:
    report = Report()
    report.count("RFIs accepted", 3)
    report.add([Finding(Fault.MISSING, "routing", "rfi-1", "was accepted and never routed")])
    looks = Looks(report)
    auditing(world, looks)
    boss = await world.signed_in(None)
    assert "has not run one" in (await boss.get("/operator/audit")).text
    await boss.submit("/operator/audit")
    page = (await boss.get("/operator/audit")).text
    assert "The audit has begun" in page
    assert "Under way since" in page
    await boss.submit("/operator/audit")
    assert "An audit is under way already" in (await boss.get("/operator/audit")).text
    looks.may_end.set()
    page = await ended(boss)
    assert "1 thing is missing or doubled" in page
    assert "was accepted and never routed" in page
    assert "<dt>RFIs accepted</dt><dd>3</dd>" in page


async def test_a_clean_audit_says_so_and_when(world: PortalWorld) -> None:
    looks = Looks(Report())
    looks.may_end.set()
    page = await ended(await begun(world, looks))
    assert "Nothing is missing, and nothing is doubled." in page
    assert "Looked at on" in page


@pytest.mark.parametrize(
    ("looks", "said"),
    [
        (lambda: Looks(DependencyUnavailable("kafka")), "did not answer"),
        (lambda: Looks(ZeroDivisionError("a customer's secret")), "It broke off"),
        (lambda: Looks(TimeoutError()), "It took too long"),
        (lambda: Looks(Report(), MOST_RECORDS + 1), "There is too much to look through"),
    ],
)
async def test_an_audit_that_says_nothing_says_why(world: PortalWorld, looks: Callable[[], Looks], said: str) -> None:
    looking = looks()
    looking.may_end.set()
    boss = await begun(world, looking)
    page = await ended(boss)
    assert said in page
    assert "secret" not in page
    await boss.submit("/operator/audit")
    assert said in await ended(boss)


async def test_rules_are_tried_on_past_requests_before_they_are_published(world: PortalWorld) -> None:
    await asked(world, 1, 2)
    await world.stores.partners.put_profiles([make_profile(1), make_profile(2)])
    boss = await world.signed_in(None)
    shown = (await boss.get("/operator/rules")).text
    assert f"<strong>{DEFAULT_RULES.version}</strong> holds now." in shown
    page = (await boss.submit("/operator/rules/try", {"draft": OTHER})).text
    assert "1 request was tried." in page
    assert "<code>fit</code></th><td>0.85</td><td>0.5</td>" in page
    assert make_partner(1).name in page or make_partner(2).name in page
    assert await world.stores.rules.current() is None
    done = await boss.submit("/operator/rules", {"draft": OTHER, "holding": DEFAULT_RULES.version})
    assert done.headers["location"] == "/operator/rules"
    held = await world.stores.rules.current()
    assert (held.id, held.rules.fit, held.by.partition(":")[0]) == ("rules-of-autumn", 0.5, "operator")
    after = (await boss.get("/operator/rules")).text
    assert "<strong>rules-of-autumn</strong> holds now." in after


async def test_every_fault_of_a_draft_is_said_at_once_and_the_draft_is_kept(world: PortalWorld) -> None:
    boss = await world.signed_in(None)
    await boss.get("/operator/rules")
    draft = "version: rules-3\nfit: 7\nspeling: 1\nregion: {local: -1}\n"
    for path in ("/operator/rules/try", "/operator/rules"):
        answer = await boss.submit(path, {"draft": draft, "holding": DEFAULT_RULES.version})
        assert answer.status_code in {409, 422}
        for place in ("/version", "/fit", "/speling", "/region/local"):
            assert f"<code>{place}</code>" in answer.text
        assert "speling: 1" in answer.text
    assert await world.stores.rules.current() is None


async def test_rules_that_somebody_else_published_meanwhile_are_not_overwritten(world: PortalWorld) -> None:
    boss = await world.signed_in(None)
    await boss.get("/operator/rules")
    theirs = OTHER.replace("rules-of-autumn", "rules-of-eve")
    await boss.submit("/operator/rules", {"draft": theirs, "holding": DEFAULT_RULES.version})
    late = await boss.submit("/operator/rules", {"draft": OTHER, "holding": DEFAULT_RULES.version})
    assert late.status_code == 409
    assert "rules-of-eve holds by now" in late.text
    other_numbers = theirs.replace("fit: 0.5", "fit: 0.6")
    taken = await boss.submit("/operator/rules", {"draft": other_numbers, "holding": "rules-of-eve"})
    assert (taken.status_code, "name a new version" in taken.text) == (409, True)
    held = await world.stores.rules.current()
    assert (held.id, held.rules.fit) == ("rules-of-eve", 0.5)
