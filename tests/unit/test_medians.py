"""The medians of partners are made by one instance, anew when they are old."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from services.adapters.memory.clock import TurnableClock
from services.adapters.memory.partners import MemoryPartners
from services.adapters.memory.stores import MemoryStores
from services.core.codes import CloseReason
from services.core.commands import Decline
from services.core.errors import DependencyUnavailable
from services.core.insights import PERIODS
from services.core.lifecycle import decide
from services.core.partner import Partner
from services.core.policy import STANDARD
from services.statistics.medians import FRESH_FOR, MedianKeeper
from tests.builders import START, make_partner, make_referral

NOW = START + timedelta(days=40)


async def add_partner(stores: MemoryStores, n: int, *, minutes: int, created_days_ago: int = 5) -> None:
    """A partner that declined one referral after so many minutes."""
    at = NOW - timedelta(days=created_days_ago)
    new = make_referral(n, partner=n, created_at=at)
    declined = decide(
        new, Decline(by="partner:ana", reason=CloseReason.SIZE), at + timedelta(minutes=minutes), STANDARD
    )
    await stores.partners.put_partners([make_partner(n)])
    await stores.referrals.add([declined])


def keeper(stores: MemoryStores, clock: TurnableClock, *, leads: bool = True) -> MedianKeeper:
    return MedianKeeper(insights=stores.insights, partners=stores.partners, clock=clock, leads=lambda: leads)


async def test_each_period_has_the_middle_of_the_partners_that_answered_in_it() -> None:
    stores = MemoryStores()
    for n in range(1, 6):
        await add_partner(stores, n, minutes=10 * n)
    for n in range(6, 10):
        await add_partner(stores, n, minutes=1, created_days_ago=35)
    assert await keeper(stores, TurnableClock(NOW)).refresh() == len(PERIODS)
    month, quarter = await stores.insights.medians(30), await stores.insights.medians(90)
    assert month is not None
    assert quarter is not None
    assert (month.response, quarter.response) == (timedelta(minutes=30), timedelta(minutes=10))


async def test_they_are_left_alone_until_they_are_old() -> None:
    stores, clock = MemoryStores(), TurnableClock(NOW)
    made = keeper(stores, clock)
    assert [await made.refresh(), await made.refresh()] == [len(PERIODS), 0]
    clock.advance(FRESH_FOR)
    assert await made.refresh() == len(PERIODS)


async def test_partners_that_are_inactive_do_not_count() -> None:
    stores = MemoryStores()
    for n in range(1, 6):
        await add_partner(stores, n, minutes=10 * n)
    await stores.partners.put_partners([replace(make_partner(5), active=False, version=2)])
    await keeper(stores, TurnableClock(NOW)).refresh()
    month = await stores.insights.medians(30)
    assert month is not None
    assert month.response is None


async def test_who_does_not_lead_makes_none() -> None:
    stores = MemoryStores()
    assert await keeper(stores, TurnableClock(NOW), leads=False).refresh() == 0
    assert await stores.insights.medians(30) is None


async def test_what_a_crash_left_undone_is_done_the_next_time() -> None:
    stores, clock = MemoryStores(), TurnableClock(NOW)
    await add_partner(stores, 1, minutes=5)
    made = keeper(stores, clock)
    stores.faults.fail_call(len(stores.faults.calls) + 6, DependencyUnavailable("mongo"))
    with pytest.raises(DependencyUnavailable):
        await made.refresh()
    assert await made.refresh() > 0
    assert all([await stores.insights.medians(days) is not None for days in PERIODS])


class OnePageAtATime(MemoryPartners):
    """Partners of whom nobody reads all at once: one document that can't be read would be in the way of everything."""

    async def all_partners(self) -> list[Partner]:
        raise ValueError("one of them can't be read")


async def test_a_partner_that_cannot_be_read_is_in_nobodys_way() -> None:
    stores = MemoryStores()
    stores.partners = OnePageAtATime()
    for n in range(1, 6):
        await add_partner(stores, n, minutes=10 * n)
    assert await keeper(stores, TurnableClock(NOW)).refresh() == len(PERIODS)
    assert (await stores.insights.medians(30)) is not None
