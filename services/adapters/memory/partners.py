"""How would partners be kept if there were no database? The twin of port `PartnerStore`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from itertools import islice
from typing import TypeVar

from services.adapters.memory.faults import Faults, faulty
from services.adapters.memory.owned import by_id
from services.adapters.mongo.documents import PARTNERS, PROFILES, ROUTABLE, Doc, encoded
from services.adapters.mongo.partners import by_partner, newest
from services.adapters.mongo.walking import array_of
from services.core.partner import Partner, Profile
from services.core.stored import StoredProfiles

T = TypeVar("T", Partner, Profile)


class MemoryPartners:
    """Partners and profiles by id; `published` holds the version of each profile that is known to be on Kafka."""

    def __init__(self, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self.partners: dict[str, Partner] = {}
        self.profiles: dict[str, Profile] = {}
        self.published: dict[str, int] = {}
        self._line: list[Partner | Profile] = []
        #: Everything that was ever written.

    @faulty
    async def put_partners(self, partners: Sequence[Partner]) -> set[str]:
        """Higher versions win."""
        return self._put(self.partners, [PARTNERS.as_stored(each) for each in newest(partners)])

    @faulty
    async def put_profiles(self, profiles: Sequence[Profile]) -> set[str]:
        """Higher versions win."""
        return self._put(self.profiles, [PROFILES.as_stored(each) for each in newest(profiles)])

    def _put(self, stored: dict[str, T], values: Sequence[T]) -> set[str]:
        for each in values:
            if each.id not in stored or stored[each.id].version < each.version:
                stored[each.id] = each
                self._line.append(each)
        return {each.id for each in values if each in self._line}

    @faulty
    async def load_partners(self, ids: Sequence[str]) -> dict[str, Partner]:
        """By id."""
        return {id_: self.partners[id_] for id_ in ids if id_ in self.partners}

    @faulty
    async def load_profiles(self, ids: Sequence[str], *, partner_id: str | None = None) -> dict[str, Profile]:
        """By id."""
        return by_id(self.profiles, ids, partner_id)

    @faulty
    async def profiles_of(self, partner_id: str) -> list[Profile]:
        """By country."""
        return sorted((p for p in self.profiles.values() if p.partner_id == partner_id), key=lambda p: p.country)

    @faulty
    async def profiles_of_each(self, partner_ids: Sequence[str]) -> dict[str, list[Profile]]:
        """By country."""
        found = (p for p in self.profiles.values() if p.partner_id in partner_ids)
        return by_partner(sorted(found, key=lambda p: (p.partner_id, p.country)))

    @faulty
    async def all_profiles(self) -> list[Profile]:
        """In the order of ids."""
        return [self.profiles[id_] for id_ in sorted(self.profiles)]

    @faulty
    async def all_partners(self) -> list[Partner]:
        """In the order of ids."""
        return [self.partners[id_] for id_ in sorted(self.partners)]

    @faulty
    async def scan_partners(self, after: str, limit: int) -> list[Partner]:
        """In the order of ids."""
        return [self.partners[id_] for id_ in sorted(self.partners) if id_ > after][:limit]

    async def stored_profiles(self, limit: int) -> AsyncGenerator[StoredProfiles, None]:
        """In the order of ids."""
        after = ""
        while page := await self._page(after, limit):
            after = page[-1]["_id"]
            yield StoredProfiles(documents=array_of(map(encoded, page)), read=ROUTABLE.read)

    @faulty
    async def _page(self, after: str, limit: int) -> list[Doc]:
        docs = (PROFILES.to_doc(self.profiles[id_]) for id_ in sorted(self.profiles) if id_ > after)
        page = list(islice(docs, limit))
        for doc in page:
            doc["locations"] = [{name: part[name] for name in part if name != "contact"} for part in doc["locations"]]
        return page

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
