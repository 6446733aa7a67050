"""What does a webhooks process consist of? Wiring; the adapters come in as ports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from secrets import token_hex

from services.core.events import Event
from services.core.ports import Clock, Record
from services.core.webhooks import WebhookCaller, WebhookStore
from services.webhooks.handler import WebhookHandler
from services.webhooks.sender import SenderLimits, WebhookSender


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookPorts:
    """What webhooks need of the world."""

    store: WebhookStore
    caller: WebhookCaller
    clock: Clock
    decode: Callable[[Record], Event]


@dataclass(frozen=True, slots=True)
class Webhooks:
    """The two halves: `handler` is given to the consumer, `sender.run(stop)` runs beside it."""

    handler: WebhookHandler
    sender: WebhookSender


def build(
    ports: WebhookPorts,
    *,
    owner: str,
    base_url: str,
    limits: SenderLimits | None = None,
    progressed: Callable[[], None] = lambda: None,
) -> Webhooks:
    """Put them together; opens nothing.

    Args:
        ports: open, and closed by the caller.
        owner: name of this process for leases; each call makes it unique, as a container restarts under its old name.
        base_url: where programs ask for what a body names.
        limits: bounds; None for the defaults.
        progressed: called whenever the sender has got on, for /live.
    """
    sender = WebhookSender(
        store=ports.store,
        caller=ports.caller,
        clock=ports.clock,
        owner=f"{owner}#{token_hex(4)}",
        base_url=base_url.rstrip("/"),
        limits=limits or SenderLimits(),
        progressed=progressed,
    )
    handler = WebhookHandler(store=ports.store, clock=ports.clock, decode=ports.decode, wake=sender.wake)
    return Webhooks(handler, sender)
