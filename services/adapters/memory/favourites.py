"""How would stars be kept if there were no database? The twin of port `FavouriteStore`."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from services.adapters.memory.faults import Faults, faulty
from services.core.favourites import FAVOURITE_LIMIT


class MemoryFavourites:
    """(partner, time) by referral, in `stored`."""

    def __init__(self, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self.stored: dict[str, tuple[str, datetime]] = {}

    @faulty
    async def star(self, partner_id: str, referral_id: str, at: datetime) -> None:
        """Insert if absent."""
        self.stored.setdefault(referral_id, (partner_id, at))

    @faulty
    async def unstar(self, partner_id: str, referral_id: str) -> None:
        """Where it is this partner's."""
        if self.stored.get(referral_id, ("", None))[0] == partner_id:
            del self.stored[referral_id]

    @faulty
    async def of_partner(self, partner_id: str) -> frozenset[str]:
        """The newest ones."""
        mine = [(at, id_) for id_, (owner, at) in self.stored.items() if owner == partner_id]
        return frozenset(id_ for _, id_ in sorted(mine, reverse=True)[:FAVOURITE_LIMIT])

    @faulty
    async def among(self, partner_id: str, referral_ids: Collection[str]) -> frozenset[str]:
        """By id."""
        return frozenset(id_ for id_ in referral_ids if self.stored.get(id_, ("", None))[0] == partner_id)
