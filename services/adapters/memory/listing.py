"""How would lists of referrals be answered if there were no database? The twin of port `ReferralListing`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from services.adapters.memory.faults import Faults, faulty
from services.adapters.memory.referrals import MemoryReferrals
from services.core.cards import card_of
from services.core.codes import PolicyName
from services.core.listing import COUNT_LIMIT, STAGES, Cards, Cursor, ListingQuery, Page, Section
from services.core.listing_rules import belongs, comes_after, order_key
from services.core.policy import POLICIES, Policy
from services.core.referral import Referral
from services.core.visibility import contact_visible


class MemoryListing:
    """Lists over the referrals of a twin."""

    def __init__(
        self,
        referrals: MemoryReferrals,
        faults: Faults | None = None,
        policies: Mapping[PolicyName, Policy] = POLICIES,
    ) -> None:
        self.faults = faults or Faults()
        self._referrals, self._policies = referrals, policies

    @faulty
    async def page(self, query: ListingQuery) -> Page:
        """By the rules of the core."""
        found = [each for each in self._referrals.stored.values() if belongs(each, query, self._visible)]
        found.sort(key=lambda each: order_key(each, query), reverse=query.descending)
        after = query.after
        rest = found if after is None else [each for each in found if comes_after(each, query, after)]
        page = rest[: query.limit]
        more = Cursor(*order_key(page[-1], query)) if len(rest) > query.limit else None
        return Page(tuple(replace(each, history=(), why={}, outbox=(), undo=None) for each in page), more)

    async def cards(self, query: ListingQuery) -> Cards:
        """Of the same page."""
        page = await self.page(query)
        return Cards(tuple(map(card_of, page.referrals)), page.next)

    @faulty
    async def counts(self, partner_id: str) -> dict[Section, int]:
        """Of all there are."""
        stages = Counter(each.stage for each in self._referrals.stored.values() if each.partner_id == partner_id)
        return {section: min(stages[STAGES[section]], COUNT_LIMIT) for section in Section}

    def _visible(self, referral: Referral) -> bool:
        return contact_visible(referral, self._policies[referral.policy])
