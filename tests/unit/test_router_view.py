"""A router knows every profile before it routes, follows changes, and is never told back to an older version."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from schemas.topics import Topic
from services.adapters.memory.kafka import MemoryPublisher
from services.adapters.wire import profile_outgoing
from services.core.errors import DependencyUnavailable
from services.core.ports import Outgoing
from services.matching.capacity import Capacity
from tests.builders import make_profile, make_referral
from tests.router_world import RouterWorld

ID = make_profile(1).id


def version(world: RouterWorld, profile_id: str = ID) -> int | None:
    profile = world.router.matcher.profile(profile_id)
    return profile.version if profile else None


async def tell(world: RouterWorld, *messages: Outgoing) -> None:
    await MemoryPublisher(world.log).publish(messages)


async def follow(world: RouterWorld) -> None:
    """Take in what is on the topic; the feed in memory ends there."""
    await world.router.view.follow(asyncio.Event())


async def test_nothing_is_ready_until_all_profiles_are_loaded() -> None:
    world = RouterWorld()
    await world.stores.partners.put_profiles([make_profile(n) for n in range(3)])
    assert not world.router.view.ready
    world.faults.fail_next()
    with pytest.raises(DependencyUnavailable):
        await world.router.prepare()
    assert not world.router.view.ready
    with pytest.raises(RuntimeError, match="load the profiles"):
        await follow(world)
    await world.router.prepare()
    assert world.router.view.ready
    assert all(version(world, make_profile(n).id) == 1 for n in range(3))


async def test_changes_told_after_the_start_are_taken_in() -> None:
    world = RouterWorld()
    await world.with_profiles(make_profile(1))
    await tell(world, profile_outgoing(make_profile(1, version=2)), profile_outgoing(make_profile(2)))
    await follow(world)
    assert (version(world), version(world, make_profile(2).id)) == (2, 1)


async def test_the_topic_is_followed_from_before_the_store_was_read() -> None:
    world = RouterWorld()
    await tell(world, profile_outgoing(make_profile(1, version=1)))
    await world.with_profiles(make_profile(1, version=5))
    await tell(world, profile_outgoing(make_profile(1, version=4)), profile_outgoing(make_profile(1, version=5)))
    await follow(world)
    assert version(world) == 5


async def test_an_unreadable_change_leaves_the_older_version_and_the_others_go_on() -> None:
    world = RouterWorld()
    await world.with_profiles(make_profile(1))
    broken = Outgoing(topic=Topic.PARTNER_PROFILES, key=ID, value=b"{}")
    await tell(world, broken, profile_outgoing(make_profile(2)))
    with capture_logs() as logs:
        await follow(world)
    assert version(world) == 1
    assert version(world, make_profile(2).id) == 1
    assert [entry["event"] for entry in logs if entry["log_level"] == "warning"] == ["change_unreadable"]


async def test_following_ends_when_asked_to() -> None:
    world = RouterWorld()
    await world.with_profiles()
    stop = asyncio.Event()
    stop.set()
    await asyncio.wait_for(world.router.view.follow(stop), 60)


async def test_what_is_routed_while_counting_is_not_forgotten() -> None:
    world = RouterWorld()
    await world.stores.referrals.add([make_referral(n, partner=1) for n in range(3)])
    capacity = Capacity(world.stores.referrals)
    refreshing = asyncio.ensure_future(capacity.refresh([ID]))
    await asyncio.sleep(0)
    capacity.took([ID])
    await refreshing
    assert capacity.open_count(ID) == 4
    await capacity.refresh([ID])
    assert capacity.open_count(ID) == 3


async def test_a_count_that_fails_leaves_the_old_one() -> None:
    world = RouterWorld()
    capacity = Capacity(world.stores.referrals)
    capacity.took([ID])
    world.faults.fail_next()
    with pytest.raises(DependencyUnavailable):
        await capacity.refresh([ID])
    assert capacity.open_count(ID) == 1
