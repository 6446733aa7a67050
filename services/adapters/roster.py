"""How does a partner or a profile get its next version, when others may be writing it at the same time?

The store keeps the higher version, leaves an equal one alone, and tells whose write took place. Of two writers who both
came to version 4 the other one takes the next: the later writer wins, and neither is lost without a word.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from services.adapters.mongo.documents import PROFILES
from services.core.errors import Outdated, VersionConflict
from services.core.partner import Partner, Profile
from services.core.stores import PartnerStore

T = TypeVar("T", Partner, Profile)

#: How often a next version is taken while others keep writing the same documents.
ATTEMPTS = 8


async def put_partners(store: PartnerStore, partners: Sequence[Partner]) -> None:
    """Store partners, each as the version after the one that is there.

    Raises:
        VersionConflict: others kept changing some of them.
        DependencyUnavailable: the database is away; some may have been stored.
    """
    await _put(store.load_partners, store.put_partners, partners)


async def put_profiles(store: PartnerStore, profiles: Sequence[Profile]) -> None:
    """Store profiles, each as the version after the one that is there.

    Raises:
        VersionConflict: others kept changing some of them.
        DependencyUnavailable: the database is away; some may have been stored.
    """
    await _put(store.load_profiles, store.put_profiles, profiles)


async def change_profile(store: PartnerStore, profile: Profile, expected: int) -> Profile:
    """Store what somebody made of version `expected` (0: of nothing) as the version after it; that profile.

    The same change made again after a lost answer is the same version.

    Raises:
        Outdated: it has another version by now.
        DependencyUnavailable: the database is away; it may have been stored.
    """
    fresh: Profile = PROFILES.as_stored(replace(profile, version=expected + 1))
    if fresh.id not in await store.put_profiles([fresh]):
        stored = (await store.load_profiles([fresh.id])).get(fresh.id)
        raise Outdated(fresh.id, stored.version if stored else 0)
    return fresh


async def _put(
    load: Callable[[Sequence[str]], Awaitable[Mapping[str, T]]],
    put: Callable[[Sequence[T]], Awaitable[set[str]]],
    values: Sequence[T],
) -> None:
    left = list({value.id: value for value in values}.values())
    for _ in range(ATTEMPTS):
        known = await load([value.id for value in left])
        fresh = [replace(v, version=known[v.id].version + 1) if v.id in known else v for v in left]
        written = await put(fresh)
        left = [value for value in fresh if value.id not in written]
        if not left:
            return
    raise VersionConflict(f"{left[0].id} and {len(left) - 1} more are being changed by others: try again")
