"""What does port `SuppressionStore` promise?"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from services.core.ids import suppression_id
from services.core.suppressions import Suppression
from tests.builders import START
from tests.contract.stores import Stores


def make_suppression(n: int = 1) -> Suppression:
    return Suppression(
        id=suppression_id(f"gone{n}@partner.example"), why="5.1.1", job_id=f"j-{n}", at=START + timedelta(minutes=n)
    )


class SuppressionStoreSuite:
    async def test_the_first_word_on_an_address_stands(self, stores: Stores) -> None:
        first = make_suppression()
        await stores.suppressions.add(first)
        await stores.suppressions.add(replace(first, why="5.0.0", job_id="j-9"))
        assert await stores.suppressions.among([first.id, "nobody"]) == {first.id: first}
        assert await stores.suppressions.among([]) == {}

    async def test_the_newest_are_listed_first(self, stores: Stores) -> None:
        for n in (2, 3, 1):
            await stores.suppressions.add(make_suppression(n))
        assert await stores.suppressions.listed(2) == [make_suppression(3), make_suppression(2)]

    async def test_who_is_taken_from_the_list_is_gone_and_can_come_again(self, stores: Stores) -> None:
        first = make_suppression()
        await stores.suppressions.add(first)
        assert await stores.suppressions.lift(first.id)
        assert not await stores.suppressions.lift(first.id)
        again = replace(first, at=START)
        await stores.suppressions.add(again)
        assert await stores.suppressions.listed(9) == [again]
