"""How would disclosures be kept if there were no database? The twin of port `RevealLog`."""

from __future__ import annotations

from collections.abc import Sequence

from services.adapters.memory.days import counted
from services.adapters.memory.faults import Faults, faulty
from services.core.ids import reveal_id
from services.core.reveals import Reveal, RevealedDay, in_order


class MemoryReveals:
    """Disclosures by day, in `stored`."""

    def __init__(self, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self.stored: dict[str, RevealedDay] = {}

    @faulty
    async def record(self, reveals: Sequence[Reveal]) -> None:
        """Count."""
        for reveal in reveals:
            id_ = reveal_id(reveal.referral_id, reveal.by, reveal.way.value, reveal.at)
            day = self.stored.get(id_) or RevealedDay(
                referral_id=reveal.referral_id,
                partner_id=reveal.partner_id,
                by=reveal.by,
                way=reveal.way,
                first_at=reveal.at,
                last_at=reveal.at,
                times=0,
            )
            self.stored[id_] = counted(day, reveal.at)

    @faulty
    async def of_referrals(self, ids: Sequence[str]) -> list[RevealedDay]:
        """Oldest first."""
        wanted = set(ids)
        return in_order(day for day in self.stored.values() if day.referral_id in wanted)
