"""What do webhooks and their deliveries look like over the API?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar

from pydantic import Field

from services.core.webhook_addresses import URL_LIMIT
from services.core.webhooks import DeliveryState, HookEvent, Webhook, WebhookDelivery
from services.portal.v1.wire import Wire


class WebhookGivenV1(Wire):
    """A webhook as a caller wants it."""

    stand_ins: ClassVar[Mapping[str, Any]] = {"url": "https://stand-in.example/"}
    url: Annotated[str, Field(min_length=1, max_length=URL_LIMIT, description="Begins with https://")]
    events: list[HookEvent] = Field(
        list(HookEvent), min_length=1, max_length=10, description="What is posted; all without it"
    )
    description: Annotated[str, Field(max_length=200)] = ""
    active: Annotated[bool, Field(description="false: nothing is posted")] = True


class WebhookV1(Wire):
    """A webhook as it is. Its secret is told when it is made, and never again."""

    id: str
    url: str
    events: list[HookEvent]
    description: str
    active: bool
    disabled_because: str | None = None
    created_at: datetime


class WebhookWithSecretV1(WebhookV1):
    """The same with its secret: keep it, it is not shown again."""

    secret: Annotated[str, Field(description="Verifies `webhook-signature` (Standard Webhooks)")]


class WebhookListV1(Wire):
    """Every webhook of the partner, oldest first."""

    value: list[WebhookV1]


class DeliveryV1(Wire):
    """A delivery that was given up."""

    id: Annotated[str, Field(description="The header `webhook-id`, the same at each attempt")]
    webhook_id: str
    type: HookEvent
    referral_id: str
    at: datetime
    state: DeliveryState
    attempts: int
    last_status: int | None = None
    last_error: str | None = None


class DeliveryListV1(Wire):
    """Deliveries that were given up, newest event first."""

    value: list[DeliveryV1]


def told(webhook: Webhook) -> WebhookV1:
    """A webhook without its secret."""
    return WebhookV1(**_facts(webhook))


def told_once(webhook: Webhook) -> WebhookWithSecretV1:
    """A webhook with its secret."""
    return WebhookWithSecretV1(**_facts(webhook), secret=webhook.secret)


def _facts(webhook: Webhook) -> dict[str, object]:
    return {
        "id": webhook.id,
        "url": webhook.url,
        "events": list(webhook.events),
        "description": webhook.description,
        "active": webhook.active,
        "disabled_because": webhook.disabled_because,
        "created_at": webhook.created_at,
    }


def delivery_told(delivery: WebhookDelivery) -> DeliveryV1:
    """A delivery."""
    return DeliveryV1(
        id=delivery.id,
        webhook_id=delivery.webhook_id,
        type=delivery.type,
        referral_id=delivery.referral_id,
        at=delivery.at,
        state=delivery.state,
        attempts=delivery.attempts,
        last_status=delivery.last_status,
        last_error=delivery.last_error,
    )
