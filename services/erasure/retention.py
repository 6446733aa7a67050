"""Which requests have been kept for as long as they may be? Their customers' data is erased like any other."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from services.core.codes import Status
from services.core.erasures import Because, ErasureStore, Found
from services.core.errors import Transient
from services.core.ports import Clock
from services.core.referral import Referral
from services.core.rfi import Rfi
from services.core.stores import ReferralStore
from services.erasure.eraser import Eraser

log = structlog.get_logger("erasure")

#: Requests erased by one order.
PAGE = 200
SYSTEM = "system"


class Retention:
    """Erases what ended longer ago than `kept_for`. A request with an open referral is kept, however old it is."""

    def __init__(
        self,
        *,
        eraser: Eraser,
        erasures: ErasureStore,
        referrals: ReferralStore,
        clock: Clock,
        kept_for: timedelta,
    ) -> None:
        self._eraser, self._erasures, self._referrals = eraser, erasures, referrals
        self._clock, self._kept_for = clock, kept_for

    async def sweep(self) -> int:
        """Look through all requests that are old enough; returns how many were erased.

        A crash leaves the rest to the next sweep.

        Raises:
            DependencyUnavailable: to be done again.
            VersionConflict: as before.
        """
        before = self._clock.now() - self._kept_for
        erased, after = 0, None
        while page := await self._erasures.accepted_before(before, after, PAGE):
            after = page[-1].accepted_at
            try:
                erased += await self._erase(await self._ended(page, before))
            except Transient:
                raise
            except Exception as error:  # noqa: BLE001 - one document that can't be read must not keep the others back
                log.error("retention_failed", rfis=len(page), error=type(error).__name__)  # noqa: TRY400
        if erased:
            log.info("retention_ended", rfis=erased)
        return erased

    async def _ended(self, page: Sequence[Rfi], before: datetime) -> list[Rfi]:
        referrals = await self._referrals.of_rfis([rfi.id for rfi in page])
        return [rfi for rfi in page if _ended_before(rfi, referrals.get(rfi.id, ()), before)]

    async def _erase(self, rfis: Sequence[Rfi]) -> int:
        if rfis:
            await self._eraser.erase(Found(rfi_ids=tuple(rfi.id for rfi in rfis)), SYSTEM, Because.RETENTION)
        return len(rfis)


def _ended_before(rfi: Rfi, referrals: Sequence[Referral], before: datetime) -> bool:
    """Whether the last thing that happened to the request happened before that instant, and nothing is open."""
    ends = [referral.closed_at for referral in referrals if referral.status is Status.CLOSED]
    if len(ends) < len(referrals) or any(referral.undo is not None for referral in referrals):
        return False
    return max([rfi.accepted_at, *(end for end in (*ends, rfi.closed_at) if end is not None)]) < before
