"""What stands above a list is asked anew after seconds, and at once for somebody who has changed something."""

from __future__ import annotations

from services.adapters.memory.stores import MemoryStores
from services.core.listing import Section
from services.portal.acted import ACTED_S
from services.portal.counting import FRESH_S, Counting
from tests.builders import make_partner, make_referral

MINE = make_partner(1).id


class Hands:
    """A monotonic clock that a test turns."""

    at = 100.0

    def __call__(self) -> float:
        return self.at


async def test_figures_are_kept_for_some_seconds_and_each_partner_has_its_own() -> None:
    stores, hands = MemoryStores(), Hands()
    counting = Counting(stores.listing, stores.partners, hands)
    assert (await counting.of(MINE, anew=False)).counts[Section.NEW] == 0
    await stores.referrals.add([make_referral(1), make_referral(1, partner=2)])
    hands.at += FRESH_S - 0.1
    assert (await counting.of(MINE, anew=False)).counts[Section.NEW] == 0
    assert (await counting.of(make_partner(2).id, anew=False)).counts[Section.NEW] == 1
    hands.at += 0.1
    assert (await counting.of(MINE, anew=False)).counts[Section.NEW] == 1


async def test_who_has_changed_something_sees_it_and_so_does_everybody_after_that() -> None:
    stores = MemoryStores()
    counting = Counting(stores.listing, stores.partners, Hands())
    await counting.of(MINE, anew=False)
    await stores.referrals.add([make_referral(1)])
    assert (await counting.of(MINE, anew=True)).counts[Section.NEW] == 1
    assert (await counting.of(MINE, anew=False)).counts[Section.NEW] == 1


def test_a_browser_is_known_to_have_acted_for_longer_than_figures_are_kept() -> None:
    assert ACTED_S > FRESH_S
