"""On a real database several expirers and notifiers make and send one digest for each person and day."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from services.adapters.mongo.driver import Mongo
from services.adapters.mongo.indexes import ensure_indexes
from services.adapters.mongo.stores import stores_of
from services.core.accounts import Notify
from services.core.digest import next_morning, with_wish
from services.core.ids import SHARDS
from services.expirer.digests import DigestSweep
from tests.builders import START, make_partner, make_referral
from tests.contract.account_suite import make_user
from tests.unit.test_notifier import World

ADDRESSES = [f"reader{n}@partner1.example" for n in range(5)]


async def test_each_reader_gets_one_digest_a_day_whoever_makes_it(mongo_server: str, mongo_database: str) -> None:
    with Mongo(mongo_server, mongo_database) as mongo:
        await ensure_indexes(mongo)
        stores = stores_of(mongo)
        world = World(stores=stores)  # type: ignore[arg-type]  # the real ones keep the twins' promises
        people = [make_user(each, make_partner(1).id, time_zone="Europe/Madrid") for each in ADDRESSES]
        await stores.users.add([with_wish(each, Notify.DIGEST, START) for each in people])
        await stores.referrals.add([make_referral(n, created_at=START) for n in range(3)])
        for day in (1, 2):
            world.clock.advance(next_morning("Europe/Madrid", world.clock.now()) - world.clock.now())
            sweeps = [DigestSweep(users=stores.users, jobs=stores.jobs, clock=world.clock) for _ in range(3)]
            await asyncio.gather(*(each.sweep(range(SHARDS), world.clock.now()) for each in sweeps))
            notifiers = [world.start() for _ in range(2)]
            await asyncio.gather(*(each.senders.claim_once() for each in notifiers))
            assert sorted(each.recipient for each in world.mailer.accepted) == sorted(ADDRESSES * day)
            world.clock.advance(timedelta(hours=1))
            assert await sweeps[0].sweep(range(SHARDS), world.clock.now()) == 0
