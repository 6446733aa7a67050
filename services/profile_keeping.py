"""How does a business profile that somebody changed in the portal get into the database and to the routers?

Part of the composition root: the portal knows the port `ProfileDesk`; intake knows places, the adapters know how.
"""

from __future__ import annotations

from collections.abc import Callable

import structlog

from services.adapters import regions as hierarchy
from services.adapters import roster
from services.adapters.outbox import OutboxRelay
from services.core.errors import DependencyUnavailable
from services.core.partner import Profile
from services.core.rfi import Place
from services.core.stores import PartnerStore
from services.intake.regions import Regions

log = structlog.get_logger("profiles")


class ProfileKeeping:
    """Port `ProfileDesk`. `regions` is asked when first needed: reading the tables takes a moment."""

    def __init__(self, partners: PartnerStore, relay: OutboxRelay, regions: Callable[[], Regions]) -> None:
        self._partners, self._relay, self._regions = partners, relay, regions

    def place(self, country: str, subdivision: str | None, city: str | None) -> Place | None:
        """From names or codes, in any language that intake understands."""
        return self._regions().place(country, subdivision, city)

    def parent_of(self, subdivision: str) -> str | None:
        """As ISO 3166-2 has it."""
        return hierarchy.parent_of(subdivision)

    def zone_of(self, country: str) -> str:
        """As tzdata has it."""
        return self._regions().default_zone(country)

    def knows_zone(self, name: str) -> bool:
        """As tzdata has it."""
        return self._regions().knows_zone(name)

    async def save(self, profile: Profile, expected: int) -> Profile:
        """One conditional write, then the routers are told; what a crash or Kafka leaves untold, the sweep tells."""
        stored = await roster.change_profile(self._partners, profile, expected)
        try:
            await self._relay.publish_profiles()
        except DependencyUnavailable as away:
            log.warning("profile_published_later", profile=profile.id, dependency=away.dependency)
        return stored
