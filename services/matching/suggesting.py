"""Which suggestions has a partner, from what is stored?"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta

from services.core.stores import PartnerStore, ReferralStore, RfiStore
from services.matching.regions import ParentOf, flat
from services.matching.suggested import Suggestion
from services.matching.suggestions import Answered, Missed, suggest

#: How far back, and how much, is looked at.
PERIOD = timedelta(days=90)
MOST_REFERRALS, MOST_RFIS = 1000, 2000


class Suggesting:
    """Suggests changes of a partner's profiles."""

    def __init__(
        self, *, rfis: RfiStore, referrals: ReferralStore, partners: PartnerStore, parent_of: ParentOf = flat
    ) -> None:
        self._rfis, self._referrals, self._partners, self._parent_of = rfis, referrals, partners, parent_of

    async def of_partner(self, partner_id: str, now: datetime) -> list[Suggestion]:
        """Suggestions for all profiles of a partner, what rests on most requests first.

        Looks at the partner's newest referrals, and for near misses at the newest RFIs of the period.

        Raises:
            DependencyUnavailable: the database does not answer.
        """
        since = now - PERIOD
        referrals = await self._referrals.listed(partner_id=partner_id, limit=MOST_REFERRALS)
        recent = [referral for referral in referrals if referral.created_at >= since]
        asked = await self._rfis.load(sorted({referral.rfi_id for referral in recent}))
        answered: defaultdict[str, list[Answered]] = defaultdict(list)
        for referral in recent:
            if referral.rfi_id in asked:
                answered[referral.profile_id].append(Answered(asked[referral.rfi_id], referral))
        missed: defaultdict[str, list[Missed]] = defaultdict(list)
        for rfi in await self._rfis.recent(MOST_RFIS, since=since):
            for skipped in rfi.routing.near_misses if rfi.routing else ():
                if skipped.partner_id == partner_id and skipped.profile_id is not None:
                    missed[skipped.profile_id].append(Missed(rfi, skipped.because))
        profiles = await self._partners.load_profiles(sorted({*answered, *missed}))
        found = [
            each
            for id_, profile in profiles.items()
            for each in suggest(profile, answered[id_], missed[id_], now, self._parent_of)
        ]
        return sorted(found, key=lambda each: (-each.count, each.profile_id, each.code, each.value))
