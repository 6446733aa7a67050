"""A partner sees its own figures of a period, and the middle of all partners where there are enough of them."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from services.core.codes import CloseReason
from services.core.commands import Decline
from services.core.insights import Medians
from services.portal.pages.insight_view import charts
from services.wording.words import words_of
from tests.builders import START, make_referral
from tests.contract.insight_suite import NOTHING, accept, after, some_of_each, win
from tests.portal.world import PortalWorld

MEDIANS = Medians(
    days=90,
    at=START,
    response=timedelta(hours=5),
    advised=0.5,
    acceptance=0.4,
    win_rate=0.25,
    won=(("EUR", Decimal(48000)),),
)


async def test_figures_of_the_period_stand_in_a_chart_and_in_a_table(world: PortalWorld) -> None:
    await world.stores.referrals.add(some_of_each())
    page = (await (await world.signed_in(1)).get("/insights?days=30")).text
    for said in ("2 hours", "71%", "67%", "€2,500.50", "$70", "We have no capacity", "The budget is not adequate"):
        assert said in page
    assert page.count("<svg") == page.count("<table") == 6
    assert 'href="/insights?days=30" aria-current="page"' in page


async def test_only_the_partners_own_referrals_count(world: PortalWorld) -> None:
    await world.stores.referrals.add([after(make_referral(1, partner=2), 1, accept("77123"), win("77123"))])
    page = (await (await world.signed_in(1)).get("/insights")).text
    assert "77,123" not in page
    assert "No referrals were sent to you in this time." in page


@pytest.mark.parametrize(("query", "days"), [("", 90), ("?days=365", 365), ("?days=7", 90), ("?days=x", 90)])
async def test_a_period_is_one_of_three(world: PortalWorld, query: str, days: int) -> None:
    old = make_referral(1, created_at=START - timedelta(days=100))
    await world.stores.referrals.add([after(old, 1, Decline(by="partner:ana", reason=CloseReason.SIZE))])
    page = (await (await world.signed_in(1)).get(f"/insights{query}")).text
    assert ("The company size does not fit" in page) is (days == 365)


async def test_medians_are_told_where_there_are_some(world: PortalWorld) -> None:
    await world.stores.referrals.add(some_of_each())
    browser = await world.signed_in(1)
    assert 'class="mark"' not in (await browser.get("/insights")).text
    await world.stores.insights.put_medians(MEDIANS)
    page = (await browser.get("/insights")).text
    assert page.count('class="mark"') == 4
    assert "5 hours" in page
    assert "€48,000" in page


async def test_bars_are_as_long_as_what_they_say(world: PortalWorld) -> None:
    await world.stores.referrals.add(some_of_each())
    browser = await world.signed_in(1, language="es")
    page = (await browser.get("/insights")).text
    assert "71\xa0%" in page
    assert 'width="71%"' in page


def test_no_bar_is_longer_than_its_chart() -> None:
    for chart in charts(NOTHING, MEDIANS, words_of("en")):
        assert all(0 <= bar.percent <= 100 for bar in chart.bars)
