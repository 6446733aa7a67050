"""What does port `PastStore` promise?"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from services.core.pasts import KeptPast, ReadUpTo
from services.core.ports import Change
from tests.builders import START, make_profile
from tests.contract.stores import Stores


def make_past(n: int = 1, **overrides: Any) -> KeptPast:
    profile = make_profile(n)
    read = (ReadUpTo(partition=0, offset=7, at=START), ReadUpTo(partition=3, offset=0, at=START))
    base = KeptPast(id=profile.id, partner_id=profile.partner_id, version=1, read=read, state='{"terms":{"w:a.$b":1}}')
    return replace(base, **overrides)


class PastStoreSuite:
    async def test_what_is_saved_is_loaded_the_same(self, stores: Stores) -> None:
        past = make_past()
        assert (await stores.pasts.save([Change(past, 0)])).written == [past.id]
        assert await stores.pasts.load([past.id, "missing"]) == {past.id: past}
        assert await stores.pasts.load([]) == {}

    async def test_a_save_needs_the_expected_version(self, stores: Stores) -> None:
        first, second, other = make_past(version=2), make_past(version=3, state="second"), make_past(2)
        await stores.pasts.save([Change(first, 0)])
        saved = await stores.pasts.save([Change(replace(first, state="late", version=1), 0), Change(other, 0)])
        assert (saved.written, saved.conflicts) == ([other.id], [first.id])
        assert (await stores.pasts.save([Change(second, 1)])).conflicts == [first.id]
        assert (await stores.pasts.save([Change(make_past(3), 4)])).conflicts == [make_past(3).id]
        assert (await stores.pasts.save([Change(second, 2)])).written == [first.id]
        assert await stores.pasts.load([first.id]) == {first.id: second}

    async def test_a_save_repeated_after_a_lost_answer_is_written(self, stores: Stores) -> None:
        first, second = make_past(), make_past(version=2)
        for change in (Change(first, 0), Change(first, 0), Change(second, 1), Change(second, 1)):
            assert (await stores.pasts.save([change])).written == [first.id]

    async def test_of_two_writers_one_wins(self, stores: Stores) -> None:
        saved = await asyncio.gather(*(stores.pasts.save([Change(make_past(state=str(n)), 0)]) for n in range(4)))
        assert sum(len(each.written) for each in saved) == 1

    async def test_all_are_listed_page_by_page(self, stores: Stores) -> None:
        pasts = sorted((make_past(n) for n in range(5)), key=lambda each: each.id)
        await stores.pasts.save([Change(past, 0) for past in pasts])
        assert await stores.pasts.all("", 3) == pasts[:3]
        assert await stores.pasts.all(pasts[2].id, 3) == pasts[3:]

    async def test_a_change_is_unpublished_until_that_version_is_marked(self, stores: Stores) -> None:
        one, two = make_past(1), make_past(2)
        await stores.pasts.save([Change(one, 0), Change(two, 0)])
        assert {each.id for each in await stores.pasts.unpublished(10)} == {one.id, two.id}
        later = replace(two, version=2)
        await stores.pasts.save([Change(later, 1)])
        await stores.pasts.mark_published({one.id: 1, two.id: 1, "missing": 1})
        assert await stores.pasts.unpublished(10) == [later]
        await stores.pasts.mark_published({two.id: 2})
        assert await stores.pasts.unpublished(10) == []
