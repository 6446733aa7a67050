"""What is posted: a thin body with ids, and the headers that prove who sent it (Standard Webhooks)."""

from __future__ import annotations

import json
from datetime import datetime

from standardwebhooks import Webhook as Signer

from services.core.webhooks import Webhook, WebhookDelivery


def body_of(delivery: WebhookDelivery, base_url: str) -> bytes:
    """Ids and where to ask for more; no name, address or text of anybody."""
    told = {
        "type": delivery.type.value,
        "timestamp": delivery.at.isoformat(),
        "data": {
            "referralId": delivery.referral_id,
            "engagementId": delivery.rfi_id,
            "version": delivery.sequence,
            "uri": f"{base_url}/v1.0/engagements/referrals/{delivery.referral_id}",
        },
    }
    return json.dumps(told, separators=(",", ":")).encode()


def headers_of(delivery: WebhookDelivery, webhook: Webhook, body: bytes, now: datetime) -> dict[str, str]:
    """The id stays the same at each attempt; the time is the attempt's, so that old posts can't be sent again."""
    signatures = [Signer(secret).sign(delivery.id, now, body.decode()) for secret in webhook.secrets(now)]
    return {
        "content-type": "application/json",
        "user-agent": "referral-exchange-webhooks/1",
        "webhook-id": delivery.id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
