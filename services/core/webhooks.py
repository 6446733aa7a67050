"""What is a webhook, which deliveries does it get, and when is a failed one tried again? Rules and the port.

Schedule, headers and signatures are those of the Standard Webhooks specification. A body carries ids alone: who gets it
asks the API with its own token, so a wrong address learns next to nothing. At least once: the id of a delivery follows
from event and webhook, so that a receiver can leave out what it has seen.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Protocol

from services.core.events import Event, EventType
from services.core.ids import delivery_id
from services.core.listing import Cursor


class HookEvent(StrEnum):
    """What a webhook may be told of."""

    CREATED = "referral.created"
    UPDATED = "referral.updated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """An address of a partner that events are posted to."""

    id: str
    partner_id: str
    url: str
    events: tuple[HookEvent, ...] = tuple(HookEvent)
    description: str = ""
    secret: str
    #: `whsec_` and base64. Signing needs the secret itself, so it can't be stored as a hash; it is shown once.
    old_secret: str | None = None
    old_secret_until: datetime | None = None
    #: While a secret is being changed both sign.
    active: bool = True
    disabled_because: str | None = None
    paused_until: datetime | None = None
    #: The receiver asked for less (429, 503): nothing is posted before.
    created_at: datetime
    version: int = 1

    def secrets(self, now: datetime) -> tuple[str, ...]:
        """What signs now, the newest first."""
        old_is_good = self.old_secret_until is not None and now < self.old_secret_until
        return (self.secret, self.old_secret) if self.old_secret and old_is_good else (self.secret,)


#: How long the old secret signs beside a new one.
ROTATION = timedelta(hours=24)
#: Most webhooks of one partner.
WEBHOOK_LIMIT = 20


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    PENDING = "pending"
    LEASED = "leased"
    DELIVERED = "delivered"
    PARKED = "parked"
    #: Given up; listed, and delivered again when somebody asks.


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookDelivery:
    """One event for one webhook; its id is the `webhook-id` that the receiver sees, the same at each attempt."""

    id: str
    webhook_id: str
    partner_id: str
    event_id: str
    type: HookEvent
    referral_id: str
    rfi_id: str
    at: datetime
    #: Business time of the event.
    sequence: int
    #: Version of the referral: a receiver that gets them out of order keeps the highest.
    state: DeliveryState = DeliveryState.PENDING
    attempts: int = 0
    due_at: datetime
    #: Real time, as all below.
    lease_owner: str | None = None
    lease_until: datetime | None = None
    last_status: int | None = None
    last_error: str | None = None
    delivered_at: datetime | None = None


def deliveries_of(event: Event, webhooks: Sequence[Webhook], now: datetime) -> list[WebhookDelivery]:
    """What an event gives to the webhooks of the referral's partner."""
    partner_id, referral_id = event.facts.get("partnerId"), event.facts.get("referralId")
    if not isinstance(partner_id, str) or not isinstance(referral_id, str):
        return []
    kind = HookEvent.CREATED if event.type is EventType.CREATED else HookEvent.UPDATED
    return [
        WebhookDelivery(
            id=delivery_id(event.id, each.id),
            webhook_id=each.id,
            partner_id=partner_id,
            event_id=event.id,
            type=kind,
            referral_id=referral_id,
            rfi_id=event.rfi_id,
            at=event.at,
            sequence=event.sequence,
            due_at=now,
        )
        for each in webhooks
        if each.partner_id == partner_id and each.active and kind in each.events
    ]


#: Waits after the first, second, … failed attempt. After the last one the delivery is parked.
SCHEDULE = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
#: How long a receiver that asks for less, and does not say how long, is left alone; and the longest it may ask for.
PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=1)
_GONE, _SLOWER = 410, frozenset({429, 503})
_JITTER = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of one attempt: the receiver's status, or None with why there was none."""

    status: int | None = None
    error: str = ""
    retry_after: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryUpdate:
    """How a delivery goes on after an attempt; written only while the lease is still the owner's."""

    delivery_id: str
    state: DeliveryState
    attempts: int
    due_at: datetime
    last_status: int | None = None
    last_error: str | None = None
    delivered_at: datetime | None = None


def after(delivery: WebhookDelivery, answer: Answer, now: datetime) -> DeliveryUpdate:
    """What follows an answer. Only 2xx is a success: a redirect could lead anywhere."""
    attempts = delivery.attempts
    if answer.status is not None and 200 <= answer.status < 300:  # noqa: PLR2004 - the class of success
        return DeliveryUpdate(
            delivery_id=delivery.id,
            state=DeliveryState.DELIVERED,
            attempts=attempts,
            due_at=now,
            last_status=answer.status,
            delivered_at=now,
        )
    over = answer.status == _GONE or attempts > len(SCHEDULE)
    return DeliveryUpdate(
        delivery_id=delivery.id,
        state=DeliveryState.PARKED if over else DeliveryState.PENDING,
        attempts=attempts,
        due_at=now if over else now + max(wait(delivery.id, attempts), pause(answer) or timedelta()),
        last_status=answer.status,
        last_error=answer.error or f"the receiver answered {answer.status}",
    )


def wait(delivery: str, attempts: int) -> timedelta:
    """How long to wait after that many attempts: the schedule's step, up to a fifth longer.

    The addition follows from id and attempt, so that what failed together does not come back together and a second
    look at the same failure says the same.
    """
    chance = sha256(f"{delivery}/{attempts}".encode()).digest()[0] / 256
    return SCHEDULE[min(attempts, len(SCHEDULE)) - 1] * (1 + _JITTER * chance)


def pause(answer: Answer) -> timedelta | None:
    """How long the receiver wants to be left alone, None if it does not say so."""
    if answer.status not in _SLOWER:
        return None
    return min(max(answer.retry_after or PAUSE, timedelta(seconds=1)), LONGEST_PAUSE)


def disabled_by(answer: Answer) -> str | None:
    """Why the webhook gets nothing any more, None if it goes on."""
    return "the receiver answered 410 Gone" if answer.status == _GONE else None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveriesWaiting:
    """How many deliveries are unfinished; for gauges and for whoever waits until nothing is left to do."""

    webhooks: int
    #: How many there are; without one nobody waits for anything.
    pending: int
    leased: int
    parked: int
    next_due: datetime | None
    #: When the first of the pending ones is due (real time).


class WebhookStore(Protocol):
    """Webhooks and their deliveries. All may raise `DependencyUnavailable("mongo")`; every write may be repeated."""

    async def put_webhook(self, webhook: Webhook) -> bool:
        """Insert version 1, or replace the version before this one; False when neither was possible."""

    async def webhooks(self, ids: Collection[str], *, partner_id: str | None = None) -> dict[str, Webhook]:
        """By id; those of this partner alone, None: whoever's."""

    async def webhooks_of(self, partner_ids: Collection[str]) -> list[Webhook]:
        """All of these partners, oldest first."""

    async def remove_webhook(self, id_: str, partner_id: str) -> bool:
        """Take it out; False when this partner has none such. Its deliveries are given up when they are due."""

    async def pause_webhook(self, id_: str, until: datetime) -> None:
        """Post nothing to it before; a later end that is stored already stands."""

    async def disable_webhook(self, id_: str, because: str) -> None:
        """Post nothing to it until its partner activates it again."""

    async def add_deliveries(self, deliveries: Sequence[WebhookDelivery]) -> None:
        """Insert those that are not there."""

    async def claim_deliveries(self, owner: str, now: datetime, until: datetime, limit: int) -> list[WebhookDelivery]:
        """Lease what is pending and due, or whose lease ran out; attempts + 1 each, most overdue first."""

    async def finish_deliveries(self, updates: Sequence[DeliveryUpdate], owner: str) -> None:
        """Write results, each only where the lease is still the owner's."""

    async def deliveries(self, ids: Collection[str], *, partner_id: str | None = None) -> dict[str, WebhookDelivery]:
        """By id; those of this partner alone, None: whoever's."""

    async def parked_deliveries(
        self, partner_id: str | None, limit: int, after: Cursor | None = None
    ) -> list[WebhookDelivery]:
        """Those given up, newest event first; None: of every partner. `after`: where the page before ended."""

    async def replay_deliveries(self, ids: Collection[str], partner_id: str | None, at: datetime) -> int:
        """Make parked ones due again with all attempts anew; how many. None: of every partner."""

    async def waiting_deliveries(self) -> DeliveriesWaiting:
        """How much is unfinished now."""


class WebhookCaller(Protocol):
    """Posts to addresses outside."""

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """One attempt. Never raises for what addresses, networks or receivers do: that is the answer."""
