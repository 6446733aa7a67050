"""What follows from what the customer says: siblings are closed when it decides, and a wanted partner is asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import structlog

from services.core.commands import Withdraw
from services.core.engagement import sibling_command
from services.core.errors import Invalid
from services.core.events import Event, EventType
from services.core.ports import Failure, Record
from services.core.referral import Referral
from services.core.rounds import Cause, cause_in
from services.router.answering import Answering
from services.router.closing import Closing
from services.router.next_best import missing_rfi

log = structlog.get_logger("router")

_DECISIONS = frozenset({EventType.WITHDRAWN_BY_CUSTOMER, EventType.PARTNER_CHOSEN})


class SiblingsHandler:
    """Consumes `engagement.events`; only what the customer says concerns it.

    Referrals that the router has not stored yet are closed by the router itself, which reads the request once more
    after it has stored them.

    Args:
        closing: withdraws referrals.
        answering: answers wishes, once each.
        decode: makes an event of a record.
    """

    def __init__(self, *, closing: Closing, answering: Answering, decode: Callable[[Record], Event]) -> None:
        self._closing, self._answering, self._decode = closing, answering, decode

    async def __call__(self, records: Sequence[Record]) -> Sequence[Failure]:
        """Close what the decisions of a batch ask to be closed, and answer its wishes.

        Raises:
            DependencyUnavailable: the batch must come again; what is done already stays so.
            VersionConflict: as before.
        """
        failures: list[Failure] = []
        decisions: dict[str, Event] = {}
        wishes: dict[str, dict[str, Cause]] = {}
        asked_by: dict[str, list[Record]] = {}
        for record in records:
            try:
                event = self._decode(record)
            except Invalid as error:
                failures.append(Failure(record, error))
                continue
            if event.type in _DECISIONS:
                # A request is decided once; its event may come twice.
                decisions[event.subject] = event
            elif (cause := cause_in(event)) is not None:
                wishes.setdefault(event.rfi_id, {})[cause.event_id] = cause
                asked_by.setdefault(event.rfi_id, []).append(record)
        if decisions:
            await self._close(decisions)
        for id_ in await self._answering.answer({id_: list(each.values()) for id_, each in wishes.items()}):
            failures += [Failure(record, missing_rfi(id_)) for record in asked_by[id_]]
        return failures

    async def _close(self, decisions: dict[str, Event]) -> None:
        def command_for(referral: Referral) -> Withdraw | None:
            return sibling_command(decisions[referral.rfi_id], referral)

        closed = await self._closing.close(sorted(decisions), command_for)
        if closed:
            log.info("siblings_closed", requests=len(decisions), referrals=closed)
