"""How would figures be counted if there were no database? The twin of port `InsightStore`."""

from __future__ import annotations

from datetime import datetime

from services.adapters.memory.faults import Faults, faulty
from services.adapters.memory.referrals import MemoryReferrals
from services.core.codes import Status
from services.core.insight_figures import figures_of, tally_of, wait_of
from services.core.insights import Figures, Medians


class MemoryInsights:
    """Figures of the referrals of a twin."""

    def __init__(self, referrals: MemoryReferrals, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self._referrals = referrals
        self._medians: dict[int, Medians] = {}

    @faulty
    async def figures(self, partner_id: str, since: datetime, until: datetime) -> Figures:
        """Each referral is a tally of one."""
        found = [
            each
            for each in self._referrals.stored.values()
            if each.partner_id == partner_id and since <= each.created_at < until
        ]
        return figures_of(
            [tally for each in found if (tally := tally_of(each)) is not None],
            [wait for each in found if (wait := wait_of(each)) is not None],
            sum(each.status is Status.NEW for each in found),
        )

    @faulty
    async def put_medians(self, medians: Medians) -> None:
        """By the number of days."""
        self._medians[medians.days] = medians

    @faulty
    async def medians(self, days: int) -> Medians | None:
        """Those last put."""
        return self._medians.get(days)
