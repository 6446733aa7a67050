"""What do partners compare themselves with? The middle of all partners, made anew every hour and kept.

Each partner's figures are asked for by themselves, as its own page does; nothing is read across partners. A crash loses
nothing: whoever comes next finds the medians old, and makes them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from services.core.insight_figures import medians_of
from services.core.insights import PERIODS, InsightStore
from services.core.ports import Clock
from services.core.stores import PartnerStore

log = structlog.get_logger("statistics")

#: Partners that medians are made of, at most: of more a sample says as much.
MOST = 2_000
#: Partners read at a time.
PAGE = 500
#: How old medians become.
FRESH_FOR = timedelta(hours=1)


class MedianKeeper:
    """Makes the medians of every period.

    Args:
        insights: figures, and where medians are kept.
        partners: who there is.
        clock: business time.
        leads: whether this instance is the one of several that makes them.
    """

    def __init__(
        self, *, insights: InsightStore, partners: PartnerStore, clock: Clock, leads: Callable[[], bool]
    ) -> None:
        self._insights, self._partners, self._clock, self._leads = insights, partners, clock, leads

    async def refresh(self) -> int:
        """Make those that are old; returns of how many periods. Meant to be repeated every few minutes.

        Raises:
            DependencyUnavailable: try again.
        """
        if not self._leads():
            return 0
        now = self._clock.now()
        old = [days for days in PERIODS if await self._is_old(days, now)]
        ids = await self._ids() if old else []
        for days in old:
            since = now - timedelta(days=days)
            figures = [await self._insights.figures(id_, since, now) for id_ in ids]
            await self._insights.put_medians(medians_of(figures, days, now))
        if old:
            log.info("medians_made", periods=len(old), partners=len(ids))
        return len(old)

    async def _is_old(self, days: int, now: datetime) -> bool:
        kept = await self._insights.medians(days)
        # A sandbox's clock may be turned back.
        return kept is None or abs(now - kept.at) >= FRESH_FOR

    async def _ids(self) -> list[str]:
        """The partners, or a sample that is the same each time: ids are hashes, so their order is as good as chance."""
        found: list[str] = []
        after = ""
        while len(found) < MOST and (page := await self._partners.scan_partners(after, PAGE)):
            after = page[-1].id
            found += [partner.id for partner in page if partner.active]
        return found[:MOST]
