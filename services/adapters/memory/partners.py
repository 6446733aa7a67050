"""How would partners be kept if there were no database? The twin of port `PartnerStore`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from services.adapters.memory.faults import Faults, faulty
from services.adapters.mongo.documents import PARTNERS, PROFILES
from services.core.partner import Partner, Profile


class MemoryPartners:
    """Partners and profiles by id; `published` holds the version of each profile that is known to be on Kafka."""

    def __init__(self, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self.partners: dict[str, Partner] = {}
        self.profiles: dict[str, Profile] = {}
        self.published: dict[str, int] = {}

    @faulty
    async def put_partners(self, partners: Sequence[Partner]) -> None:
        """Higher versions win."""
        for partner in partners:
            if partner.id not in self.partners or self.partners[partner.id].version < partner.version:
                self.partners[partner.id] = PARTNERS.as_stored(partner)

    @faulty
    async def put_profiles(self, profiles: Sequence[Profile]) -> None:
        """Higher versions win."""
        for profile in profiles:
            if profile.id not in self.profiles or self.profiles[profile.id].version < profile.version:
                self.profiles[profile.id] = PROFILES.as_stored(profile)

    @faulty
    async def load_partners(self, ids: Sequence[str]) -> dict[str, Partner]:
        """By id."""
        return {id_: self.partners[id_] for id_ in ids if id_ in self.partners}

    @faulty
    async def load_profiles(self, ids: Sequence[str]) -> dict[str, Profile]:
        """By id."""
        return {id_: self.profiles[id_] for id_ in ids if id_ in self.profiles}

    @faulty
    async def profiles_of(self, partner_id: str) -> list[Profile]:
        """By country."""
        return sorted((p for p in self.profiles.values() if p.partner_id == partner_id), key=lambda p: p.country)

    @faulty
    async def all_profiles(self) -> list[Profile]:
        """In the order of ids."""
        return [self.profiles[id_] for id_ in sorted(self.profiles)]

    @faulty
    async def all_partners(self) -> list[Partner]:
        """In the order of ids."""
        return [self.partners[id_] for id_ in sorted(self.partners)]

    @faulty
    async def unpublished(self, limit: int) -> list[Profile]:
        """Those whose newest version was not marked."""
        return [each for each in self.profiles.values() if self.published.get(each.id) != each.version][:limit]

    @faulty
    async def mark_published(self, versions: Mapping[str, int]) -> None:
        """Where the version is still the newest."""
        for id_, version in versions.items():
            if id_ in self.profiles and self.profiles[id_].version == version:
                self.published[id_] = version
