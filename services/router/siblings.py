"""What happens to the referrals of a request when the customer withdraws it or tells that it chose somebody?"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import structlog

from services.core.commands import Withdraw
from services.core.engagement import sibling_command
from services.core.errors import Invalid
from services.core.events import Event, EventType
from services.core.ports import Failure, Record
from services.core.referral import Referral
from services.router.closing import Closing

log = structlog.get_logger("router")

_DECISIONS = frozenset({EventType.WITHDRAWN_BY_CUSTOMER, EventType.PARTNER_CHOSEN})


class SiblingsHandler:
    """Consumes `engagement.events`; only the customer's decisions concern it.

    Referrals that the router has not stored yet are closed by the router itself, which reads the request once more
    after it has stored them.
    """

    def __init__(self, *, closing: Closing, decode: Callable[[Record], Event]) -> None:
        self._closing, self._decode = closing, decode

    async def __call__(self, records: Sequence[Record]) -> Sequence[Failure]:
        """Close what the decisions of a batch ask to be closed.

        Raises:
            DependencyUnavailable: the batch must come again; what is closed already stays so.
            VersionConflict: as before.
        """
        failures: list[Failure] = []
        decisions: dict[str, Event] = {}
        for record in records:
            try:
                event = self._decode(record)
            except Invalid as error:
                failures.append(Failure(record, error))
                continue
            if event.type in _DECISIONS:
                # A request is decided once; its event may come twice.
                decisions[event.subject] = event
        if decisions:
            await self._close(decisions)
        return failures

    async def _close(self, decisions: dict[str, Event]) -> None:
        def command_for(referral: Referral) -> Withdraw | None:
            return sibling_command(decisions[referral.rfi_id], referral)

        closed = await self._closing.close(sorted(decisions), command_for)
        if closed:
            log.info("siblings_closed", requests=len(decisions), referrals=closed)
