"""Which deliveries do the events of a batch make? Inserted once; the offset may be committed when they are stored.

A crash before the insert brings the events again; one after it finds the ids taken.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from services.core.errors import Invalid
from services.core.events import Event
from services.core.ports import Clock, Failure, Record
from services.core.webhooks import WebhookStore, deliveries_of


class WebhookHandler:
    """Consumes `referral.events`.

    Args:
        decode: reads an event off a record; raises `Invalid`.
        wake: tells the sender that something is due.
    """

    def __init__(
        self, *, store: WebhookStore, clock: Clock, decode: Callable[[Record], Event], wake: Callable[[], None]
    ) -> None:
        self._store, self._clock, self._decode, self._wake = store, clock, decode, wake

    async def __call__(self, records: Sequence[Record]) -> Sequence[Failure]:
        """Store what the webhooks of these partners are to be told."""
        failures: list[Failure] = []
        events: list[Event] = []
        for record in records:
            try:
                events.append(self._decode(record))
            except Invalid as error:
                failures.append(Failure(record, error))
        partners = {partner for each in events if isinstance(partner := each.facts.get("partnerId"), str)}
        webhooks = await self._store.webhooks_of(sorted(partners)) if partners else []
        now = self._clock.real_now()
        made = {each.id: each for event in events for each in deliveries_of(event, webhooks, now)} if webhooks else {}
        if made:
            await self._store.add_deliveries(list(made.values()))
            self._wake()
        return failures
