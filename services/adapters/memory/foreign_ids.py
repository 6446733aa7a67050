"""How would requests for others' things be noted if there were no database? The twin of port `ForeignAskLog`."""

from __future__ import annotations

from collections.abc import Sequence

from services.adapters.memory.days import counted
from services.adapters.memory.faults import Faults, faulty
from services.core.foreign_ids import ForeignAsk, ForeignAskDay
from services.core.ids import foreign_ask_id


class MemoryForeignAsks:
    """Notes by day, in `stored`; none is ever old."""

    def __init__(self, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self.stored: dict[str, ForeignAskDay] = {}

    @faulty
    async def note(self, asks: Sequence[ForeignAsk]) -> None:
        """Count."""
        for ask in asks:
            id_ = foreign_ask_id(ask.by, ask.operation, ask.thing_id, ask.at)
            day = self.stored.get(id_) or ForeignAskDay(
                id=id_,
                by=ask.by,
                partner_id=ask.partner_id,
                operation=ask.operation,
                thing=ask.thing,
                thing_id=ask.thing_id,
                first_at=ask.at,
                last_at=ask.at,
                times=0,
            )
            self.stored[id_] = counted(day, ask.at)

    @faulty
    async def newest(self, limit: int) -> list[ForeignAskDay]:
        """The last met first."""
        return sorted(self.stored.values(), key=lambda day: (day.last_at, day.id), reverse=True)[:limit]
