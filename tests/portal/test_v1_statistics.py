"""/v1/statistics: a partner's own figures of a period, beside the medians of all."""

from __future__ import annotations

from services.core.insights import Medians
from tests.builders import START, make_referral
from tests.contract.insight_suite import accept, after, some_of_each, win
from tests.portal.test_insights_page import MEDIANS
from tests.portal.world import PortalWorld

PATH = "/v1/statistics"


async def test_figures_are_those_of_the_page(world: PortalWorld) -> None:
    await world.stores.referrals.add(some_of_each())
    await world.stores.referrals.add([after(make_referral(900, partner=2), 1, accept("77123"), win("77123"))])
    crm = await world.program(1, ("referrals.read",))
    answer = await crm.get(PATH, params={"days": "30"})
    told = answer.json()
    assert (told["responseSeconds"], round(told["acceptance"], 2), round(told["winRate"], 2)) == (7200, 0.71, 0.67)
    assert sum(each["answers"] for each in told["waits"]) == told["accepted"] + told["declined"]
    assert [each.get("upToSeconds") for each in told["waits"]][-2:] == [604800, None]
    assert {each["currency"]: each["won"] for each in told["values"]}["EUR"] == "2500.50"
    assert {each["reason"] for each in told["declineReasons"]} >= {"noCapacity"}
    assert (told["since"], told["until"]) == ("2026-01-31T10:00:00Z", "2026-03-02T10:00:00Z")
    assert "77123" not in answer.text
    assert "medians" not in told


async def test_medians_are_told_where_there_are_some(world: PortalWorld) -> None:
    crm = await world.program(1)
    await world.stores.insights.put_medians(MEDIANS)
    await world.stores.insights.put_medians(Medians(days=30, at=START))
    assert (await crm.get(PATH)).json()["medians"] == {
        "at": "2026-03-02T09:00:00Z",
        "responseSeconds": 18000,
        "advised": 0.5,
        "acceptance": 0.4,
        "winRate": 0.25,
        "won": [{"amount": "48000", "currency": "EUR"}],
    }
    assert (await crm.get(f"{PATH}?days=30")).json()["medians"] == {"at": "2026-03-02T09:00:00Z", "won": []}


async def test_nothing_can_be_said_of_nothing(world: PortalWorld) -> None:
    told = (await (await world.program(1)).get(f"{PATH}?days=365")).json()
    assert (told["received"], told["values"], told["waits"][0]) == (0, [], {"upToSeconds": 3600, "answers": 0})
    assert "acceptance" not in told


async def test_a_period_is_one_of_three(world: PortalWorld) -> None:
    crm = await world.program(1)
    for days in ("7", "x", "90.5"):
        answer = await crm.get(f"{PATH}?days={days}")
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/days")
