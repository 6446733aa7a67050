"""How are webhooks and their deliveries kept in MongoDB, so that each delivery is in the hands of one sender at a time?

A lease is a conditional update under the token of one claim. `owner` must be new for each start of a process.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from services.adapters.mongo.behind import behind, in_order
from services.adapters.mongo.documents import WEBHOOK_DELIVERIES, WEBHOOKS
from services.adapters.mongo.driver import ASCENDING, BY_ID, DeleteOne, Mongo, ReplaceOne, UpdateOne
from services.adapters.mongo.indexes import GIVEN_UP, GIVEN_UP_BY_TIME, IN_HAND, LEASED, PENDING, WAITING
from services.adapters.mongo.indexes import WEBHOOK_DELIVERIES as DELIVERIES_COLLECTION
from services.adapters.mongo.indexes import WEBHOOKS as WEBHOOKS_COLLECTION
from services.adapters.sealing import Seal
from services.core.listing import Cursor
from services.core.webhooks import DeliveriesWaiting, DeliveryState, DeliveryUpdate, Webhook, WebhookDelivery

#: What was delivered is kept for so long, for whoever asks whether it was; what was given up until it is replayed.
KEPT = timedelta(days=30)
#: Fields of a webhook that are sealed.
_SECRETS = frozenset({"secret", "old_secret"})

Doc = dict[str, Any]


class MongoWebhooks:
    """Port `WebhookStore`."""

    def __init__(self, mongo: Mongo, seal: Seal) -> None:
        self._hooks, self._seal = mongo.collection(WEBHOOKS_COLLECTION), seal
        self._deliveries = mongo.collection(DELIVERIES_COLLECTION)

    async def put_webhook(self, webhook: Webhook) -> bool:
        """One conditional write; what is stored tells a write whose answer was lost from somebody else's."""
        doc = _secrets_through(self._seal.close, WEBHOOKS.to_doc(webhook))
        if webhook.version == 1:
            await self._hooks.insert_new([doc])
        else:
            await self._hooks.write([ReplaceOne({"_id": webhook.id, "version": webhook.version - 1}, doc)])
        return (await self.webhooks([webhook.id])).get(webhook.id) == WEBHOOKS.as_stored(webhook)

    async def webhooks(self, ids: Collection[str], *, partner_id: str | None = None) -> dict[str, Webhook]:
        """By id."""
        return WEBHOOKS.by_id(self._opened(await self._hooks.by_ids(list(ids), partner_id=partner_id)))

    async def webhooks_of(self, partner_ids: Collection[str]) -> list[Webhook]:
        """Through the index of partners."""
        if not partner_ids:
            return []
        where = {"partner_id": {"$in": list(partner_ids)}}
        found = WEBHOOKS.readable(self._opened(await self._hooks.find(where)))
        return sorted(found, key=lambda each: (each.created_at, each.id))

    def _opened(self, docs: Iterable[Doc]) -> list[Doc]:
        return [_secrets_through(self._seal.open, doc) for doc in docs]

    async def remove_webhook(self, id_: str, partner_id: str) -> bool:
        """Delete where it is this partner's."""
        there = (await self.webhooks([id_])).get(id_)
        await self._hooks.write([DeleteOne({"_id": id_, "partner_id": {"$eq": partner_id}})])
        return there is not None and there.partner_id == partner_id

    async def pause_webhook(self, id_: str, until: datetime) -> None:
        """Never backwards."""
        await self._hooks.write([UpdateOne({"_id": id_}, {"$max": {"paused_until": until}})])

    async def disable_webhook(self, id_: str, because: str) -> None:
        """One update, which a change under way by the partner notices by the version."""
        change = {"$set": {"active": False, "disabled_because": because}, "$inc": {"version": 1}}
        await self._hooks.write([UpdateOne({"_id": id_, "active": True}, change)])

    async def add_deliveries(self, deliveries: Sequence[WebhookDelivery]) -> None:
        """Ids that are there collide."""
        await self._deliveries.insert_new([WEBHOOK_DELIVERIES.to_doc(each) for each in deliveries])

    async def claim_deliveries(self, owner: str, now: datetime, until: datetime, limit: int) -> list[WebhookDelivery]:
        """Find candidates, lease them under the same condition, read back what we got by the token of this claim."""
        token = str(uuid4())
        lease = {"state": DeliveryState.LEASED.value, "lease_owner": owner, "lease_until": until, "claim": token}
        ids: list[str] = []
        for where, oldest in (
            ({**PENDING, "due_at": {"$lte": now}}, "due_at"),
            ({**LEASED, "lease_until": {"$lte": now}}, "lease_until"),
        ):
            if len(ids) == limit:
                break
            found = await self._deliveries.find(
                where, sort=[(oldest, ASCENDING)], limit=limit - len(ids), fields=["_id"]
            )
            mine = [doc["_id"] for doc in found]
            if mine:
                change = {"$set": lease, "$inc": {"attempts": 1}}
                await self._deliveries.update_all({"_id": {"$in": mine}, **where}, change)
            ids += mine
        if not ids:
            return []
        got = WEBHOOK_DELIVERIES.readable(await self._deliveries.find({"_id": {"$in": ids}, "claim": token}))
        return sorted(got, key=lambda each: each.due_at)

    async def finish_deliveries(self, updates: Sequence[DeliveryUpdate], owner: str) -> None:
        """Fenced by the owner; a repeat finds the lease gone and changes nothing."""
        ours = {**LEASED, "lease_owner": owner}
        await self._deliveries.write([UpdateOne({"_id": each.delivery_id, **ours}, _result(each)) for each in updates])

    async def deliveries(self, ids: Collection[str], *, partner_id: str | None = None) -> dict[str, WebhookDelivery]:
        """By id."""
        return WEBHOOK_DELIVERIES.by_id(await self._deliveries.by_ids(list(ids), partner_id=partner_id))

    async def parked_deliveries(
        self, partner_id: str | None, limit: int, after: Cursor | None = None
    ) -> list[WebhookDelivery]:
        """Through the indexes of what was given up."""
        where: dict[str, Any] = {**GIVEN_UP, **behind("at", after, descending=True)}
        if partner_id is not None:
            where["partner_id"] = {"$eq": partner_id}
        found = await self._deliveries.find(where, sort=in_order("at", descending=True), limit=limit)
        return WEBHOOK_DELIVERIES.readable(found)

    async def replay_deliveries(self, ids: Collection[str], partner_id: str | None, at: datetime) -> int:
        """Only those that are parked still."""
        where: dict[str, Any] = dict(GIVEN_UP)
        if partner_id is not None:
            where["partner_id"] = {"$eq": partner_id}
        change = {"$set": {"state": DeliveryState.PENDING.value, "due_at": at, "attempts": 0}}
        return (await self._deliveries.write([UpdateOne({"_id": id_, **where}, change) for id_ in ids])).modified

    async def waiting_deliveries(self) -> DeliveriesWaiting:
        """Counts of partial indexes; what was delivered is in none of them."""
        count = self._deliveries.count
        first = await self._deliveries.find(PENDING, sort=[("due_at", ASCENDING)], limit=1, fields=["due_at"])
        return DeliveriesWaiting(
            webhooks=await self._hooks.count({}, hint=BY_ID),
            pending=await count(PENDING, hint=WAITING),
            leased=await count(LEASED, hint=IN_HAND),
            parked=await count(GIVEN_UP, hint=GIVEN_UP_BY_TIME),
            next_due=first[0]["due_at"] if first else None,
        )


def _secrets_through(way: Callable[[str], str], doc: Doc) -> Doc:
    """The document of a webhook with its secrets sealed, or opened."""
    return {name: way(value) if name in _SECRETS else value for name, value in doc.items()}


def _result(update: DeliveryUpdate) -> dict[str, Any]:
    written: dict[str, Any] = {"state": update.state.value, "attempts": update.attempts, "due_at": update.due_at}
    gone = {"lease_owner": "", "lease_until": "", "claim": ""}
    optional = {
        "last_status": update.last_status,
        "last_error": update.last_error,
        "delivered_at": update.delivered_at,
        "expires_at": update.delivered_at + KEPT if update.delivered_at else None,
    }
    for name, value in optional.items():
        if value is None:
            gone[name] = ""
        else:
            written[name] = value
    return {"$set": written, "$unset": gone}
