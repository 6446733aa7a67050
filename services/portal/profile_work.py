"""What do pages and programs do with a partner's business profiles? Find the own ones, take advice, save a change.

A change is one conditional write on the version it was made of; who comes second is told.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from services.core.codes import PolicyName
from services.core.errors import Outdated
from services.core.ids import profile_id
from services.core.partner import Profile
from services.core.rfi import Place
from services.matching.suggested import Suggestion
from services.matching.suggesting import Suggesting
from services.portal.access import NotHere
from services.portal.identity import Identity
from services.portal.ports import PortalPorts

log = structlog.get_logger("portal.profiles")

#: For how long a partner's suggestions are kept, and of how many partners.
_KEPT, _MOST_KEPT = timedelta(seconds=60), 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Whose profile is meant, and for which country."""

    partner_id: str
    country: str
    policy: PolicyName
    #: In which dates without a zone are meant.
    zone: str
    now: datetime

    @property
    def profile_id(self) -> str:
        """A partner has one profile for each country."""
        return profile_id(self.partner_id, self.country)


def blank(owner: Owner) -> Profile:
    """What a country without a profile begins with: nothing is offered, and nothing is received."""
    return Profile(
        id=owner.profile_id,
        partner_id=owner.partner_id,
        country=owner.country,
        serves=(Place(country=owner.country),),
        locations=(),
        active=False,
        version=0,
        policy=owner.policy,
    )


class ProfileWork:
    """Made once, so that pages and programs get the same advice."""

    def __init__(self, ports: PortalPorts) -> None:
        self.ports = ports
        self._suggesting = Suggesting(
            rfis=ports.rfis, referrals=ports.referrals, partners=ports.partners, parent_of=ports.profiles.parent_of
        )
        self._suggestions: dict[str, tuple[datetime, list[Suggestion]]] = {}

    async def owner(self, me: Identity, country: str) -> Owner:
        """Whose profile of this country is meant.

        Raises:
            NotHere: there is no such country, or no such partner.
        """
        place = self.ports.profiles.place(country, None, None)
        account = (await self.ports.partners.load_partners([me.partner_id or ""])).get(me.partner_id or "")
        if place is None or place.country != country or account is None:
            raise NotHere("there is no such country")
        return Owner(
            partner_id=account.id,
            country=country,
            policy=account.policy,
            zone=me.time_zone,
            now=self.ports.clock.now(),
        )

    async def stored(self, owner: Owner) -> Profile | None:
        """The partner's profile for the country."""
        mine = await self.ports.partners.load_profiles([owner.profile_id], partner_id=owner.partner_id)
        return mine.get(owner.profile_id)

    async def suggestions(self, partner_id: str) -> list[Suggestion]:
        """What is suggested to a partner; asked anew after a minute, because it reads many requests."""
        now = self.ports.clock.now()
        at, found = self._suggestions.get(partner_id, (None, []))
        if at is None or not at <= now < at + _KEPT:
            found = await self._suggesting.of_partner(partner_id, now)
            if len(self._suggestions) >= _MOST_KEPT:
                self._suggestions.clear()
            self._suggestions[partner_id] = (now, found)
        return found

    async def save(self, me: Identity, profile: Profile, sent: str) -> Profile:
        """Store and publish what was made of a profile.

        Args:
            me: who does it.
            profile: changed, its version as it was when it was read.
            sent: the version that its reader was shown.

        Raises:
            Outdated: somebody was faster.
        """
        if sent != str(profile.version):
            raise Outdated(profile.id, profile.version)
        stored = await self.ports.profiles.save(profile, profile.version)
        # Its suggestions are made anew: the profile has changed.
        self._suggestions.pop(profile.partner_id, None)
        log.info("profile_saved", by=me.name, profile=stored.id, version=stored.version, active=stored.active)
        return stored
