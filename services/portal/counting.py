"""How much has a partner in each section? Every page of a list says it, and it is asked anew every few seconds.

To count is dearer than to read a page: a thousand keys of an index for each section. What a person may do and whose
referrals it sees is never kept, only how many they are.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from services.core.codes import PolicyName
from services.core.listing import ReferralListing, Section
from services.core.stores import PartnerStore

#: How long figures are good for, seconds from when they were asked for.
FRESH_S = 5.0
#: Partners whose figures are kept; beyond that, those that are still good.
_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class Overview:
    """What stands above the lists of a partner."""

    counts: Mapping[Section, int]
    classic: bool
    #: Whether it works by the policy that has the section Evaluating.


class Counting:
    """Counts, and keeps what it found for some seconds."""

    def __init__(
        self, listing: ReferralListing, partners: PartnerStore, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._listing, self._partners, self._monotonic = listing, partners, monotonic
        self._known: dict[str, tuple[float, Overview]] = {}

    async def of(self, partner_id: str, *, anew: bool) -> Overview:
        """The overview of a partner; `anew` for somebody who has just changed something."""
        now = self._monotonic()
        known = self._known.get(partner_id)
        if known is not None and now < known[0] and not anew:
            return known[1]
        counts, accounts = await asyncio.gather(
            self._listing.counts(partner_id), self._partners.load_partners([partner_id])
        )
        account = accounts.get(partner_id)
        overview = Overview(counts, account is not None and account.policy is PolicyName.CLASSIC)
        if len(self._known) >= _KEPT:
            self._known = {id_: each for id_, each in self._known.items() if now < each[0]}
        # Counted from before it was asked: an answer on its way is as old as its question.
        self._known[partner_id] = (now + FRESH_S, overview)
        return overview
