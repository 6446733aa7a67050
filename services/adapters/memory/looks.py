"""How would a look at a list be answered if there were no database? The twin of port `ReferralLooks`."""

from __future__ import annotations

from datetime import datetime

from services.adapters.memory.accounts import MemorySignIns
from services.adapters.memory.favourites import MemoryFavourites
from services.adapters.memory.listing import MemoryListing
from services.core.looking import Look, Wanted, own_list


class MemoryLooks:
    """One question after the other."""

    def __init__(self, sign_ins: MemorySignIns, listing: MemoryListing, favourites: MemoryFavourites) -> None:
        self._sign_ins, self._listing, self._favourites = sign_ins, listing, favourites

    async def look(self, session_id: str, now: datetime, wanted: Wanted) -> Look | None:
        """As the port says."""
        held = await self._sign_ins.holder(session_id, now)
        if held is None:
            return None
        query = own_list(held[1], wanted)
        if query is None:
            return Look(*held, None, frozenset())
        page = await self._listing.cards(query)
        starred = await self._favourites.among(query.partner_id, [each.id for each in page.cards])
        return Look(*held, page, starred)
