"""How does a partner or a profile get its next version, when others may be writing it at the same time?

The store keeps the higher version and leaves an equal one alone, so of two writers who both came to version 4 one would
lose without a word. Whoever finds another's content under its version takes the next one: the later writer wins, and
both are told.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from services.adapters.mongo.documents import PARTNERS, PROFILES, Codec
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
    await _put(PARTNERS, store.load_partners, store.put_partners, partners)


async def put_profiles(store: PartnerStore, profiles: Sequence[Profile]) -> None:
    """Store profiles, each as the version after the one that is there.

    Raises:
        VersionConflict: others kept changing some of them.
        DependencyUnavailable: the database is away; some may have been stored.
    """
    await _put(PROFILES, store.load_profiles, store.put_profiles, profiles)


async def change_profile(store: PartnerStore, profile: Profile, expected: int) -> Profile:
    """Store what somebody made of version `expected` (0: of nothing) as the version after it; that profile.

    The store keeps an equal version as it is, so what is read back tells who came first. The same change made again
    after a lost answer is the same version.

    Raises:
        Outdated: it has another version by now.
        DependencyUnavailable: the database is away; it may have been stored.
    """
    fresh: Profile = PROFILES.as_stored(replace(profile, version=expected + 1))
    await store.put_profiles([fresh])
    stored = (await store.load_profiles([fresh.id])).get(fresh.id)
    if stored != fresh:
        raise Outdated(fresh.id, stored.version if stored else 0)
    return fresh


async def _put(
    codec: Codec[T],
    load: Callable[[Sequence[str]], Awaitable[Mapping[str, T]]],
    put: Callable[[Sequence[T]], Awaitable[None]],
    values: Sequence[T],
) -> None:
    left: Sequence[T] = values
    known = await load([value.id for value in left])
    for _ in range(ATTEMPTS):
        fresh = [replace(v, version=known[v.id].version + 1) if v.id in known else v for v in left]
        await put(fresh)
        known = await load([value.id for value in fresh])
        left = [value for value in fresh if not _won(codec, value, known.get(value.id))]
        if not left:
            return
    raise VersionConflict(f"{left[0].id} and {len(left) - 1} more are being changed by others: try again")


def _won(codec: Codec[T], ours: T, stored: T | None) -> bool:
    """Whether what is stored is ours.

    A higher version does not tell: it may have been made from ours, or from that of another who came before us. Both
    write at the same moment then, so it is as good to be written once more, after the other.
    """
    return stored == codec.as_stored(ours)
