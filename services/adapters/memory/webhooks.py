"""How would webhooks and their deliveries be kept if there were no database? The twin of port `WebhookStore`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

from services.adapters.memory.faults import Faults, faulty
from services.adapters.memory.owned import by_id
from services.core.listing import Cursor
from services.core.webhooks import DeliveriesWaiting, DeliveryState, DeliveryUpdate, Webhook, WebhookDelivery


class MemoryWebhooks:
    """Webhooks by id in `hooks`, deliveries by id in `stored`."""

    def __init__(self, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self.hooks: dict[str, Webhook] = {}
        self.stored: dict[str, WebhookDelivery] = {}

    @faulty
    async def put_webhook(self, webhook: Webhook) -> bool:
        """Version 1 where there is none, others where the version before is."""
        found = self.hooks.get(webhook.id)
        if (found.version if found else 0) == webhook.version - 1:
            self.hooks[webhook.id] = webhook
        return self.hooks.get(webhook.id) == webhook

    @faulty
    async def webhooks(self, ids: Collection[str], *, partner_id: str | None = None) -> dict[str, Webhook]:
        """By id."""
        return by_id(self.hooks, ids, partner_id)

    @faulty
    async def webhooks_of(self, partner_ids: Collection[str]) -> list[Webhook]:
        """Oldest first."""
        found = [each for each in self.hooks.values() if each.partner_id in partner_ids]
        return sorted(found, key=lambda each: (each.created_at, each.id))

    @faulty
    async def remove_webhook(self, id_: str, partner_id: str) -> bool:
        """Where it is this partner's."""
        found = self.hooks.get(id_)
        if found is None or found.partner_id != partner_id:
            return False
        del self.hooks[id_]
        return True

    @faulty
    async def pause_webhook(self, id_: str, until: datetime) -> None:
        """Never backwards."""
        if (hook := self.hooks.get(id_)) is not None:
            self.hooks[id_] = replace(hook, paused_until=max(until, hook.paused_until or until))

    @faulty
    async def disable_webhook(self, id_: str, because: str) -> None:
        """A next version."""
        if (hook := self.hooks.get(id_)) is not None and hook.active:
            self.hooks[id_] = replace(hook, active=False, disabled_because=because, version=hook.version + 1)

    @faulty
    async def add_deliveries(self, deliveries: Sequence[WebhookDelivery]) -> None:
        """Insert what is not there."""
        for each in deliveries:
            self.stored.setdefault(each.id, each)

    @faulty
    async def claim_deliveries(self, owner: str, now: datetime, until: datetime, limit: int) -> list[WebhookDelivery]:
        """Due ones first, then those whose lease ran out."""
        every = sorted(self.stored.values(), key=lambda each: each.due_at)
        due = [each for each in every if each.state is DeliveryState.PENDING and each.due_at <= now]
        ran_out = [each for each in every if _leased(each) and each.lease_until is not None and each.lease_until <= now]
        taken = (due + ran_out)[:limit]
        for each in taken:
            self.stored[each.id] = replace(
                each,
                state=DeliveryState.LEASED,
                lease_owner=owner,
                lease_until=until,
                attempts=each.attempts + 1,
            )
        return [self.stored[each.id] for each in sorted(taken, key=lambda each: each.due_at)]

    @faulty
    async def finish_deliveries(self, updates: Sequence[DeliveryUpdate], owner: str) -> None:
        """Where the lease is the owner's."""
        for update in updates:
            found = self.stored.get(update.delivery_id)
            if found is not None and _leased(found) and found.lease_owner == owner:
                self.stored[found.id] = replace(
                    found,
                    state=update.state,
                    attempts=update.attempts,
                    due_at=update.due_at,
                    last_status=update.last_status,
                    last_error=update.last_error,
                    delivered_at=update.delivered_at,
                    lease_owner=None,
                    lease_until=None,
                )

    @faulty
    async def deliveries(self, ids: Collection[str], *, partner_id: str | None = None) -> dict[str, WebhookDelivery]:
        """By id."""
        return by_id(self.stored, ids, partner_id)

    @faulty
    async def parked_deliveries(
        self, partner_id: str | None, limit: int, after: Cursor | None = None
    ) -> list[WebhookDelivery]:
        """Newest first."""
        parked = [each for each in self.stored.values() if _parked_of(each, partner_id)]
        found = [each for each in parked if after is None or (each.at, each.id) < (after.at, after.id)]
        return sorted(found, key=lambda each: (each.at, each.id), reverse=True)[:limit]

    @faulty
    async def replay_deliveries(self, ids: Collection[str], partner_id: str | None, at: datetime) -> int:
        """Only those that are parked."""
        mine = [each for each in self.stored.values() if each.id in ids and _parked_of(each, partner_id)]
        for each in mine:
            self.stored[each.id] = replace(each, state=DeliveryState.PENDING, due_at=at, attempts=0)
        return len(mine)

    @faulty
    async def waiting_deliveries(self) -> DeliveriesWaiting:
        """Counted one by one."""
        states = [each.state for each in self.stored.values()]
        due = [each.due_at for each in self.stored.values() if each.state is DeliveryState.PENDING]
        return DeliveriesWaiting(
            webhooks=len(self.hooks),
            pending=len(due),
            leased=states.count(DeliveryState.LEASED),
            parked=states.count(DeliveryState.PARKED),
            next_due=min(due, default=None),
        )


def _leased(delivery: WebhookDelivery) -> bool:
    return delivery.state is DeliveryState.LEASED


def _parked_of(delivery: WebhookDelivery, partner_id: str | None) -> bool:
    return delivery.state is DeliveryState.PARKED and partner_id in (None, delivery.partner_id)
