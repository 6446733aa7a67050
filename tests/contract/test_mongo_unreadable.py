"""Does one document that this version cannot read (a newer one wrote it) hold up all the others?"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from services.adapters.mongo import indexes
from services.adapters.mongo.driver import Mongo, UpdateOne
from services.adapters.mongo.stores import MongoStores, stores_of
from services.core.ids import SHARDS
from tests.builders import START, make_partner, make_profile, make_referral, make_rfi
from tests.contract.job_suite import make_job

LATER = START + timedelta(days=30)


class World:
    def __init__(self, mongo: Mongo) -> None:
        self.mongo = mongo
        self.stores: MongoStores = stores_of(mongo)

    async def write(self, collection: str, id_: str, fields: dict[str, Any]) -> None:
        """What a newer version may have written."""
        await self.mongo.collection(collection).write([UpdateOne({"_id": id_}, {"$set": fields})])


@pytest.fixture
async def world(mongo_server: str, mongo_database: str) -> AsyncIterator[World]:
    with Mongo(mongo_server, mongo_database) as mongo:
        await indexes.ensure_indexes(mongo)
        yield World(mongo)


async def test_others_of_its_shard_come_due_and_it_comes_again_later(world: World) -> None:
    referrals = [make_referral(1, partner=n) for n in (1, 2)]
    await world.stores.referrals.add(referrals)
    await world.write(indexes.REFERRALS, referrals[0].id, {"substatus": "Pondered"})
    assert [each.id for each in await world.stores.referrals.due(range(SHARDS), LATER, 10)] == [referrals[1].id]
    # It is out of the way for a while, so that many of them do not fill each page.
    assert [each.id for each in await world.stores.referrals.due(range(SHARDS), LATER, 1)] == [referrals[1].id]
    await world.write(indexes.REFERRALS, referrals[0].id, {"substatus": "Pending"})
    due = await world.stores.referrals.due(range(SHARDS), LATER + timedelta(hours=1), 10)
    assert {each.id for each in due} == {each.id for each in referrals}


async def test_the_outboxes_of_others_are_sent(world: World) -> None:
    unknown = {"outbox": [{"id": "e", "type": "pondered", "at": START}]}
    await world.stores.rfis.add([make_rfi(1)])
    await world.stores.referrals.add([make_referral(1)])
    await world.write(indexes.RFIS, make_rfi(1).id, unknown)
    await world.write(indexes.REFERRALS, make_referral(1).id, unknown)
    assert await world.stores.rfis.with_outbox(10) == []
    assert await world.stores.referrals.with_outbox(10) == []


async def test_a_walk_does_not_end_at_a_page_of_them(world: World) -> None:
    partners = sorted((make_partner(n) for n in range(6)), key=lambda each: each.id)
    await world.stores.partners.put_partners(partners)
    for unknown in partners[1:4]:
        await world.write(indexes.PARTNERS, unknown.id, {"policy": "modern"})
    found = [await world.stores.partners.scan_partners(after, 2) for after in ("", partners[0].id, partners[4].id)]
    assert [[each.id for each in page] for page in found] == [
        [partners[0].id, partners[4].id],
        [partners[4].id, partners[5].id],
        [partners[5].id],
    ]


async def test_profiles_that_lie_beside_them_are_loaded(world: World) -> None:
    profiles = [make_profile(n) for n in range(6)]
    await world.stores.partners.put_profiles(profiles)
    for unknown in profiles[1:4]:
        await world.write(indexes.PROFILES, unknown.id, {"sizes": ["galactic"]})
    pages = [list(page.profiles()) async for page in world.stores.partners.stored_profiles(2)]
    assert len(pages) == 3
    assert {each.id for page in pages for each in page} == {each.id for each in (profiles[0], *profiles[4:])}


async def test_the_profiles_of_others_are_loaded_and_published(world: World) -> None:
    profiles = [make_profile(n) for n in (1, 2)]
    await world.stores.partners.put_profiles(profiles)
    await world.write(indexes.PROFILES, profiles[0].id, {"policy": "modern"})
    assert [each.id for each in await world.stores.partners.all_profiles()] == [profiles[1].id]
    assert [each.id for each in await world.stores.partners.unpublished(10)] == [profiles[1].id]


async def test_the_mails_of_others_are_claimed(world: World) -> None:
    jobs = [make_job(n) for n in (1, 2)]
    await world.stores.jobs.add_leased(jobs, "dead", START)
    await world.write(indexes.JOBS, jobs[0].id, {"kind": "pondered"})
    claimed = await world.stores.jobs.claim("heir", LATER, LATER, LATER + timedelta(seconds=30), 10)
    assert [each.id for each in claimed] == [jobs[1].id]
