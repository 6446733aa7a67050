"""What does port `ForeignAskLog` promise?"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from services.core.foreign_ids import ForeignAsk, Thing
from tests.builders import START
from tests.contract.stores import Stores

#: What is older than it is kept goes at any moment.
LATER = START + timedelta(days=3650)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


def make_ask(**more: object) -> ForeignAsk:
    ask = ForeignAsk(
        by="partner:ana",
        partner_id="p-1",
        operation="GET /referrals/{referral_id}",
        thing=Thing.REFERRAL,
        thing_id="r-2",
        at=LATER,
    )
    return replace(ask, **more)  # type: ignore[arg-type]


class ForeignAskLogSuite:
    async def test_those_of_a_day_are_counted_by_asker_operation_and_thing(self, stores: Stores) -> None:
        ask = make_ask()
        others = [make_ask(by="partner:luis"), make_ask(operation="POST /x"), make_ask(thing_id="r-3")]
        await stores.foreign_asks.note([ask, *others])
        await stores.foreign_asks.note([make_ask(at=LATER + MINUTE), make_ask(at=LATER + DAY)])
        await stores.foreign_asks.note([])
        newest, counted, *rest = await stores.foreign_asks.newest(9)
        assert (newest.times, newest.first_at, newest.last_at) == (1, LATER + DAY, LATER + DAY)
        assert (counted.times, counted.first_at, counted.last_at) == (2, LATER, LATER + MINUTE)
        assert (counted.by, counted.partner_id, counted.operation) == (ask.by, ask.partner_id, ask.operation)
        assert (counted.thing, counted.thing_id) == (Thing.REFERRAL, "r-2")
        assert len(rest) == len(others)
        assert await stores.foreign_asks.newest(1) == [newest]
