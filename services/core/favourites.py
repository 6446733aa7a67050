"""Which referrals has a partner starred? Kept beside the referral: a star is no change of the deal, and never races."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

#: Most favourites that a list of favourites looks at; the newest count.
FAVOURITE_LIMIT = 1000


class FavouriteStore(Protocol):
    """The stars."""

    async def star(self, partner_id: str, referral_id: str, at: datetime) -> None:
        """Star a referral of this partner; one that has a star keeps it."""

    async def unstar(self, partner_id: str, referral_id: str) -> None:
        """Take the star away, if there is one."""

    async def of_partner(self, partner_id: str) -> frozenset[str]:
        """The starred referrals of a partner, the newest FAVOURITE_LIMIT."""

    async def among(self, partner_id: str, referral_ids: Collection[str]) -> frozenset[str]:
        """Those of the referrals that have this partner's star."""
