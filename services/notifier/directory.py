"""Who are the partners, and who their contacts, without a read for each mail?"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from services.core.account_stores import UserStore
from services.core.accounts import User
from services.core.partner import Partner, Profile
from services.core.ports import Clock
from services.core.stores import PartnerStore

T = TypeVar("T")

#: How old an answer may be: a changed contact is mailed at the old address for this long at most.
FRESH_FOR = timedelta(seconds=5)
_MOST = 50_000


class Directory:
    """Partners and profiles by id, kept for some seconds."""

    def __init__(self, partners: PartnerStore, users: UserStore, clock: Clock) -> None:
        self._partners = _Kept(partners.load_partners, clock.real_now)
        self._profiles = _Kept(partners.load_profiles, clock.real_now)
        self._users = users
        self._wishes = _Kept(self._load_wishes, clock.real_now)

    async def partners(self, ids: set[str]) -> Mapping[str, Partner]:
        """The partners; unknown ids are left out."""
        return await self._partners.get(ids)

    async def profiles(self, ids: set[str]) -> Mapping[str, Profile]:
        """The profiles; unknown ids are left out."""
        return await self._profiles.get(ids)

    async def wishes(self, partner_ids: set[str]) -> Mapping[str, Sequence[User]]:
        """Active people who want other mails than those to contacts, by partner."""
        return await self._wishes.get(partner_ids)

    async def _load_wishes(self, partner_ids: Sequence[str]) -> dict[str, Sequence[User]]:
        found = await self._users.notified(partner_ids)
        # That there is nobody is worth remembering: it is so with most partners.
        return {id_: found.get(id_, ()) for id_ in partner_ids}


class _Kept(Generic[T]):
    def __init__(self, load: Callable[[Sequence[str]], Awaitable[dict[str, T]]], now: Callable[[], datetime]) -> None:
        self._load, self._now = load, now
        self._known: dict[str, tuple[datetime, T]] = {}

    async def get(self, ids: set[str]) -> dict[str, T]:
        now = self._now()
        found = {id_: kept[1] for id_ in ids if (kept := self._known.get(id_)) and now - kept[0] < FRESH_FOR}
        if asked := sorted(ids - found.keys()):
            loaded = await self._load(asked)
            if len(self._known) + len(loaded) > _MOST:
                self._known.clear()
            self._known.update({id_: (now, each) for id_, each in loaded.items()})
            found |= loaded
        return found
