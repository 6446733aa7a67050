"""How does a stored delivery become a post, in the hands of one sender at a time?

A crash between the receiver's answer and our note of it posts once more when the lease ends, under the same id.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from operator import itemgetter

import structlog

from services.core.errors import Transient
from services.core.ports import Clock
from services.core.webhooks import (
    DeliveryState,
    DeliveryUpdate,
    Webhook,
    WebhookCaller,
    WebhookDelivery,
    WebhookStore,
    after,
    disabled_by,
    pause,
)
from services.webhooks.message import body_of, headers_of
from services.webhooks.silences import Silences

log = structlog.get_logger("webhooks")


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderLimits:
    """Bounds of one process. A lease outlasts the slowest batch: batch / at_a_time x the time-out of one post."""

    batch: int = 64
    at_a_time: int = 16
    lease: timedelta = timedelta(minutes=2)
    poll_s: float = 1.0


class WebhookSender:
    """`run` works until stopped; `step` does what is due once."""

    def __init__(
        self,
        *,
        store: WebhookStore,
        caller: WebhookCaller,
        clock: Clock,
        owner: str,
        base_url: str,
        limits: SenderLimits,
        progressed: Callable[[], None] = lambda: None,
    ) -> None:
        self._store, self._caller, self._clock = store, caller, clock
        self._owner, self._base_url, self._limits, self._progressed = owner, base_url, limits, progressed
        self._due, self._silences = asyncio.Event(), Silences()
        self._room = asyncio.Semaphore(limits.at_a_time)

    def wake(self) -> None:
        """Something is due now."""
        self._due.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until stopped; the batch in hand is ended."""
        while not stop.is_set():
            self._due.clear()
            busy = 0
            try:
                busy = await self.step()
            except Transient as error:
                log.warning("webhooks_wait", reason=str(error))
            self._progressed()
            if not busy:
                await self._rest(stop)

    async def _rest(self, stop: asyncio.Event) -> None:
        tasks = [asyncio.ensure_future(each.wait()) for each in (stop, self._due)]
        await asyncio.wait(tasks, timeout=self._limits.poll_s, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()

    async def step(self) -> int:
        """Take what is due and try each once; how many there were."""
        now = self._clock.real_now()
        taken = await self._store.claim_deliveries(self._owner, now, now + self._limits.lease, self._limits.batch)
        if not taken:
            return 0
        webhooks = await self._store.webhooks({each.webhook_id for each in taken})
        batch = _Batch(webhooks)
        results = await asyncio.gather(
            *(self._deliver(each, batch) for each in _in_turn(taken)), return_exceptions=True
        )
        for result in results:
            if isinstance(result, BaseException):
                # Its lease runs out, and somebody tries again; the others are done.
                raise result
        return len(taken)

    async def _deliver(self, delivery: WebhookDelivery, batch: _Batch) -> None:
        async with self._room:
            update = await self._tried(delivery, batch)
            await self._store.finish_deliveries([update], self._owner)

    async def _tried(self, delivery: WebhookDelivery, batch: _Batch) -> DeliveryUpdate:
        webhook, now = batch.webhooks.get(delivery.webhook_id), self._clock.real_now()
        if webhook is None or not webhook.active:
            self._silences.forget(delivery.webhook_id)
            why = webhook.disabled_because if webhook else "the webhook was removed"
            return _untried(delivery, DeliveryState.PARKED, now, why or "the webhook is switched off")
        if (until := batch.left_alone_until(webhook, now) or self._silences.until(webhook.id, now)) is not None:
            return _untried(delivery, DeliveryState.PENDING, until, delivery.last_error)
        body = body_of(delivery, self._base_url)
        answer = await self._caller.post(webhook.url, headers_of(delivery, webhook, body, now), body)
        began, now = now, self._clock.real_now()
        update = after(delivery, answer, now)
        if (because := disabled_by(answer)) is not None:
            # Before the delivery's own end: a crash in between tries once more and finds it switched off.
            await self._store.disable_webhook(webhook.id, because)
            batch.changed(replace(webhook, active=False, disabled_because=because))
        elif (asked := pause(answer)) is not None:
            await self._store.pause_webhook(webhook.id, now + asked)
            batch.changed(replace(webhook, paused_until=now + asked))
        if answer.status is None:
            # Nobody is there: others do not wait for the same time-out again and again.
            self._silences.silent(webhook.id, now)
        else:
            self._silences.answered(webhook.id, now, now - began)
        log.info("webhook_tried", id=delivery.id, webhook=webhook.id, status=answer.status, state=update.state.value)
        return update


@dataclass(slots=True)
class _Batch:
    """What is known of the webhooks while one batch is under way."""

    webhooks: dict[str, Webhook]

    def changed(self, webhook: Webhook) -> None:
        self.webhooks[webhook.id] = webhook

    def left_alone_until(self, webhook: Webhook, now: datetime) -> datetime | None:
        until = webhook.paused_until
        return until if until is not None and until > now else None


def _in_turn(deliveries: Sequence[WebhookDelivery]) -> list[WebhookDelivery]:
    """First one for each webhook, then the next for each: whoever has many does not stand before the others."""
    before = Counter[str]()
    turns: list[int] = []
    for each in deliveries:
        turns.append(before[each.webhook_id])
        before[each.webhook_id] += 1
    return [each for _, each in sorted(zip(turns, deliveries, strict=True), key=itemgetter(0))]


def _untried(delivery: WebhookDelivery, state: DeliveryState, due: datetime, why: str | None) -> DeliveryUpdate:
    """Nothing was posted, so the attempt does not count."""
    return DeliveryUpdate(
        delivery_id=delivery.id,
        state=state,
        attempts=delivery.attempts - 1,
        due_at=due,
        last_status=delivery.last_status,
        last_error=why,
    )
