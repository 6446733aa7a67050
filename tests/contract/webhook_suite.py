"""What does port `WebhookStore` promise?"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

from services.core.ids import delivery_id
from services.core.listing import Cursor
from services.core.webhooks import (
    DeliveriesWaiting,
    DeliveryState,
    DeliveryUpdate,
    HookEvent,
    Webhook,
    WebhookDelivery,
)
from tests.builders import START
from tests.contract.stores import Stores

LATER = START + timedelta(minutes=1)


def make_webhook(n: int = 1, **more: Any) -> Webhook:
    base = Webhook(
        id=f"w-{n}",
        partner_id="p-1",
        url=f"https://crm{n}.example/hook",
        secret="whsec_" + "c2VjcmV0" * 4,
        created_at=START + timedelta(seconds=n),
    )
    return replace(base, **more)


def make_delivery(n: int = 1, **more: Any) -> WebhookDelivery:
    base = WebhookDelivery(
        id=delivery_id(f"e-{n}", "w-1"),
        webhook_id="w-1",
        partner_id="p-1",
        event_id=f"e-{n}",
        type=HookEvent.UPDATED,
        referral_id="r-1",
        rfi_id="i-1",
        at=START + timedelta(seconds=n),
        sequence=2,
        due_at=START + timedelta(seconds=n),
    )
    return replace(base, **more)


def ended(delivery: WebhookDelivery, state: DeliveryState, **more: Any) -> DeliveryUpdate:
    given: dict[str, Any] = {"attempts": delivery.attempts, "due_at": LATER} | more
    return DeliveryUpdate(delivery_id=delivery.id, state=state, **given)


class WebhookStoreSuite:
    async def test_a_webhook_comes_back_as_it_was_and_belongs_to_its_partner(self, stores: Stores) -> None:
        mine, other = make_webhook(1, events=(HookEvent.CREATED,)), make_webhook(2, partner_id="p-2")
        assert await stores.webhooks.put_webhook(mine)
        assert await stores.webhooks.put_webhook(other)
        assert await stores.webhooks.webhooks(["w-1", "w-9"]) == {"w-1": mine}
        assert await stores.webhooks.webhooks(["w-1", "w-2"], partner_id="p-2") == {"w-2": other}
        assert await stores.webhooks.webhooks(["w-1", "w-2"], partner_id="") == {}
        assert await stores.webhooks.webhooks_of(["p-1", "p-9"]) == [mine]
        assert await stores.webhooks.webhooks_of([]) == []
        assert not await stores.webhooks.remove_webhook("w-1", "p-2")
        assert await stores.webhooks.remove_webhook("w-1", "p-1")
        assert await stores.webhooks.webhooks_of(["p-1"]) == []

    async def test_of_two_changes_at_once_one_is_stored(self, stores: Stores) -> None:
        await stores.webhooks.put_webhook(make_webhook())
        changes = [make_webhook(version=2, description=name) for name in ("a", "b", "c")]
        done = await asyncio.gather(*(stores.webhooks.put_webhook(each) for each in changes))
        assert sorted(done) == [False, False, True]
        assert (await stores.webhooks.webhooks(["w-1"]))["w-1"] == changes[done.index(True)]

    async def test_a_change_may_be_repeated(self, stores: Stores) -> None:
        assert await stores.webhooks.put_webhook(make_webhook())
        assert await stores.webhooks.put_webhook(make_webhook())
        assert not await stores.webhooks.put_webhook(make_webhook(url="https://else.example/"))

    async def test_a_pause_is_never_shortened_and_a_disabled_one_has_its_reason(self, stores: Stores) -> None:
        await stores.webhooks.put_webhook(make_webhook())
        await stores.webhooks.pause_webhook("w-1", LATER)
        await stores.webhooks.pause_webhook("w-1", START)
        await stores.webhooks.disable_webhook("w-1", "410")
        await stores.webhooks.disable_webhook("w-1", "again")
        found = (await stores.webhooks.webhooks(["w-1"]))["w-1"]
        assert found == make_webhook(paused_until=LATER, active=False, disabled_because="410", version=2)

    async def test_a_delivery_is_stored_once(self, stores: Stores) -> None:
        await stores.webhooks.add_deliveries([make_delivery(), make_delivery(2)])
        await stores.webhooks.add_deliveries([make_delivery(sequence=9)])
        found = await stores.webhooks.deliveries([make_delivery().id])
        assert found == {make_delivery().id: make_delivery()}
        assert await stores.webhooks.deliveries([make_delivery().id], partner_id="p-1") == found
        assert await stores.webhooks.deliveries([make_delivery().id], partner_id="p-2") == {}

    async def test_each_is_in_one_senders_hands_until_its_lease_ends(self, stores: Stores) -> None:
        await stores.webhooks.add_deliveries([make_delivery(n) for n in range(1, 7)])
        now = START + timedelta(seconds=5)
        claims = await asyncio.gather(*(stores.webhooks.claim_deliveries(f"o-{n}", now, LATER, 4) for n in range(3)))
        ids = [each.id for claim in claims for each in claim]
        left = await stores.webhooks.claim_deliveries("o-9", now, LATER, 4)
        ids += [each.id for each in left]
        assert sorted(ids) == sorted(make_delivery(n).id for n in range(1, 6))
        assert await stores.webhooks.claim_deliveries("o-9", now, LATER, 9) == []
        again = await stores.webhooks.claim_deliveries("o-9", LATER, LATER + timedelta(minutes=1), 9)
        assert sorted(each.attempts for each in again) == [1, 2, 2, 2, 2, 2]

    async def test_only_the_holder_of_the_lease_writes_the_result(self, stores: Stores) -> None:
        await stores.webhooks.add_deliveries([make_delivery()])
        (held,) = await stores.webhooks.claim_deliveries("a", LATER, LATER + timedelta(minutes=1), 9)
        await stores.webhooks.finish_deliveries([ended(held, DeliveryState.PARKED)], "b")
        assert (await stores.webhooks.deliveries([held.id]))[held.id].state is DeliveryState.LEASED
        done = ended(held, DeliveryState.DELIVERED, delivered_at=LATER, last_status=204)
        await stores.webhooks.finish_deliveries([done], "a")
        await stores.webhooks.finish_deliveries([ended(held, DeliveryState.PARKED)], "a")
        found = (await stores.webhooks.deliveries([held.id]))[held.id]
        assert found == make_delivery(
            state=DeliveryState.DELIVERED, attempts=1, due_at=LATER, delivered_at=LATER, last_status=204
        )

    async def test_what_was_given_up_is_listed_and_replayed_by_its_partner(self, stores: Stores) -> None:
        await stores.webhooks.add_deliveries([make_delivery(1), make_delivery(2), make_delivery(3, partner_id="p-2")])
        held = await stores.webhooks.claim_deliveries("a", LATER, LATER + timedelta(minutes=1), 9)
        given_up = [ended(each, DeliveryState.PARKED, last_error="500", last_status=500) for each in held]
        await stores.webhooks.finish_deliveries(given_up, "a")
        assert [each.event_id for each in await stores.webhooks.parked_deliveries("p-1", 9)] == ["e-2", "e-1"]
        assert len(await stores.webhooks.parked_deliveries(None, 9)) == 3
        assert len(await stores.webhooks.parked_deliveries(None, 2)) == 2
        every = await stores.webhooks.parked_deliveries(None, 9)
        for n, each in enumerate(every):
            after = Cursor(each.at, each.id)
            assert await stores.webhooks.parked_deliveries(None, 9, after) == every[n + 1 :]
            mine = [other for other in every[n + 1 :] if other.partner_id == "p-1"]
            assert await stores.webhooks.parked_deliveries("p-1", 9, after) == mine
        ids = [each.id for each in held]
        assert await stores.webhooks.replay_deliveries(ids, "p-1", LATER) == 2
        assert await stores.webhooks.replay_deliveries(ids, "p-1", LATER) == 0
        again = await stores.webhooks.claim_deliveries("b", LATER, LATER + timedelta(minutes=1), 9)
        assert [each.attempts for each in again] == [1, 1]
        assert await stores.webhooks.replay_deliveries(ids, None, LATER) == 1

    async def test_what_is_unfinished_is_counted(self, stores: Stores) -> None:
        assert await stores.webhooks.waiting_deliveries() == DeliveriesWaiting(
            webhooks=0, pending=0, leased=0, parked=0, next_due=None
        )
        await stores.webhooks.put_webhook(make_webhook())
        await stores.webhooks.add_deliveries([make_delivery(n) for n in range(1, 6)])
        until = LATER + timedelta(minutes=1)
        first, second, _ = await stores.webhooks.claim_deliveries("a", LATER, until, 3)
        await stores.webhooks.finish_deliveries(
            [ended(first, DeliveryState.PARKED), ended(second, DeliveryState.DELIVERED, delivered_at=LATER)], "a"
        )
        assert await stores.webhooks.waiting_deliveries() == DeliveriesWaiting(
            webhooks=1, pending=2, leased=1, parked=1, next_due=make_delivery(4).due_at
        )
