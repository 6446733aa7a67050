"""How do the routers hear what was learned, at least once and however often a process dies in between?"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import structlog

from services.core.pasts import KeptPast, PastStore
from services.core.ports import Outgoing, Publisher
from services.core.standing import Standing
from services.matching.pasts import standing_in

log = structlog.get_logger("statistics")

#: Pasts published at a time.
PAGE = 500


class StandingPublisher:
    """Puts standings on `partner.stats`, and notes that they are there.

    Args:
        pasts: where they are kept.
        publisher: puts messages on Kafka.
        encode: makes a record of a standing and the id of its partner.
    """

    def __init__(self, *, pasts: PastStore, publisher: Publisher, encode: Callable[[Standing, str], Outgoing]) -> None:
        self._pasts, self._publisher, self._encode = pasts, publisher, encode

    async def publish(self, pasts: Sequence[KeptPast]) -> None:
        """Publish what was just saved. A crash before the note publishes it once more, which changes nothing.

        Raises:
            DependencyUnavailable: they stay unpublished, for `sweep`.
        """
        if not pasts:
            return
        standings = [(standing, past.partner_id) for past in pasts if (standing := standing_in(past)) is not None]
        await self._publisher.publish([self._encode(standing, partner_id) for standing, partner_id in standings])
        await self._pasts.mark_published({past.id: past.version for past in pasts})

    async def sweep(self) -> int:
        """Publish what a crash left unpublished; returns how many. Meant to be repeated every few seconds.

        Raises:
            DependencyUnavailable: try again.
        """
        sent = 0
        while pasts := await self._pasts.unpublished(PAGE):
            await self.publish(pasts)
            sent += len(pasts)
            if len(pasts) < PAGE:
                break
        if sent:
            log.info("standings_swept", standings=sent)
        return sent
