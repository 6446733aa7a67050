"""Where are the profiles themselves, when somebody wants to see one? As they were stored, until they are first seen.

Most of a large network is never looked at: the index knows what it needs. A profile that was read takes four times
the memory of its document, so only those seen lately stay read.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from services.core.partner import RoutableProfile
from services.core.stored import StoredProfiles
from services.matching.index.layout import I64
from services.matching.owners import Owners

#: Stored profiles that stay read; winners come again and again.
KEPT = 50_000
#: Instead of a place: the profile is at hand.
_AT_HAND = -1


class Found(NamedTuple):
    """Stored profiles that were found in a page, by their place there."""

    ids: Sequence[str]
    partners: Sequence[str]
    versions: I64
    begins: I64


class Shelf(Sequence[RoutableProfile]):
    """Profiles by number, by id and by partner. Numbers count from 0 and are never given up."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.versions = array("q")
        #: By number.
        self._numbers: dict[str, int] = {}
        self.owners = Owners(self.ids.__getitem__)
        self._at = array("q")
        #: By number: the page, and where its document begins there.
        self._pages: list[StoredProfiles] = []
        self._at_hand: dict[int, RoutableProfile] = {}
        self._read = lru_cache(maxsize=KEPT)(self._read_stored)

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, number: int) -> RoutableProfile:  # type: ignore[override]  # nobody takes slices of it
        return self._at_hand[number] if self._at[number] == _AT_HAND else self._read(number)

    def number(self, profile_id: str) -> int | None:
        """The number of a profile."""
        return self._numbers.get(profile_id)

    def none_of(self, ids: Sequence[str]) -> bool:
        """Whether these are all different, and none of them is here."""
        return len(set(ids)) == len(ids) and self._numbers.keys().isdisjoint(ids)

    def append(self, profile: RoutableProfile) -> int:
        """Put a profile behind the others; returns its number."""
        number = self._numbers[profile.id] = len(self.ids)
        self._at_hand[number] = profile
        self.ids.append(profile.id)
        self.versions.append(profile.version)
        self._at.append(_AT_HAND)
        self.owners.add(self.owners.number(profile.partner_id), number)
        return number

    def replace(self, number: int, profile: RoutableProfile) -> None:
        """Put another version in the place of one."""
        old = self[number]
        self._at_hand[number], self._at[number], self.versions[number] = profile, _AT_HAND, profile.version
        if old.partner_id != profile.partner_id:
            self.owners.drop(old.partner_id, number)
            self.owners.add(self.owners.number(profile.partner_id), number)

    def append_stored(self, page: StoredProfiles, found: Found) -> I64:
        """Put profiles of a page, none of which is here, behind the others; returns the numbers of their partners."""
        before, first = len(self._pages) << 32, len(self.ids)
        self._pages.append(page)
        self._numbers.update(zip(found.ids, range(first, first + len(found.ids)), strict=True))
        self.ids.extend(found.ids)
        self.versions.frombytes(found.versions.tobytes())
        self._at.frombytes((found.begins | before).tobytes())
        partners = self.owners.numbers(found.partners)
        self.owners.add_all(partners, first)
        return partners

    def _read_stored(self, number: int) -> RoutableProfile:
        place = self._at[number]
        profile = self._pages[place >> 32].at(place & 0xFFFFFFFF)
        if profile is None:
            raise LookupError(f"profile {self.ids[number]} was read into the index and can't be read now")
        return profile
