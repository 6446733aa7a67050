"""The database dies in the middle of things: nothing acknowledged is lost, and every repeat is safe."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest
from pymongo.uri_parser import parse_uri

from services.adapters.mongo.driver import Mongo, Timing
from services.adapters.mongo.indexes import ensure_indexes
from services.adapters.mongo.stores import MongoStores, stores_of
from services.core.errors import DependencyUnavailable
from services.core.mail import JobState, JobUpdate
from services.core.ports import Change
from services.core.referral import HistoryEntry, Referral
from tests.builders import START, make_referral, make_rfi
from tests.contract.job_suite import make_job
from tests.engines import breakable

R = TypeVar("R")

#: Short waits, so that an outage shows at once.
IMPATIENT = Timing(choose_server_s=1.0, operation_s=3.0)


async def persistently(work: Callable[[], Awaitable[R]]) -> R:
    """Repeat an operation until the database answers."""
    async with asyncio.timeout(60):
        while True:
            try:
                return await work()
            except DependencyUnavailable:
                continue


def next_version(referral: Referral) -> Referral:
    version = referral.version + 1
    entry = HistoryEntry(at=START, version=version, what="referral.edited", by="system")
    return replace(referral, version=version, history=(*referral.history, entry))


async def work_through(stores: MongoStores, batches: int) -> None:
    """Add referrals batch by batch and change each of them twice."""
    for batch in range(batches):
        referrals = [make_referral(batch * 50 + n) for n in range(50)]
        await persistently(lambda new=referrals: stores.referrals.add(new))  # type: ignore[misc]
        for _ in range(2):
            changed = [next_version(referral) for referral in referrals]
            changes = [Change(after, before.version) for before, after in zip(referrals, changed, strict=True)]
            saved = await persistently(lambda these=changes: stores.referrals.save(these))  # type: ignore[misc]
            assert saved.conflicts == []
            referrals = changed


async def check(stores: MongoStores, batches: int) -> None:
    ids = [make_referral(n).id for n in range(batches * 50)]
    stored = await stores.referrals.load(ids)
    assert len(stored) == len(ids)
    assert {referral.version for referral in stored.values()} == {3}
    assert {tuple(entry.version for entry in referral.history) for referral in stored.values()} == {(1, 2, 3)}


async def test_a_killed_server_loses_nothing_and_our_repeated_writes_are_no_conflicts(tmp_path: Path) -> None:
    with (
        breakable(tmp_path, mongo=True) as engines,
        Mongo(engines.endpoints.mongo, "outage", timing=IMPATIENT) as mongo,
    ):
        await ensure_indexes(mongo)
        stores = stores_of(mongo)
        working = asyncio.ensure_future(work_through(stores, 40))
        for _ in range(2):
            await asyncio.to_thread(engines["mongo"].kill)
            await asyncio.to_thread(engines["mongo"].start)
        await working
        await check(stores, 40)
        await asyncio.to_thread(engines["mongo"].kill)
        with pytest.raises(DependencyUnavailable, match="mongo"):
            await mongo.ping()
        with pytest.raises(DependencyUnavailable):
            await stores.rfis.add([make_rfi()])


@pytest.mark.slow
async def test_a_killed_primary_is_replaced_without_a_lost_or_doubled_write(tmp_path: Path) -> None:
    with (
        breakable(tmp_path, mongo=True, members=3) as engines,
        Mongo(engines.endpoints.mongo, "failover", timing=Timing(operation_s=15.0)) as mongo,
    ):
        await ensure_indexes(mongo)
        stores = stores_of(mongo)
        working = asyncio.ensure_future(work_through(stores, 30))
        await asyncio.to_thread(engines["mongo-1"].kill)
        await working
        await check(stores, 30)
        assert (await mongo.hello())["isWritablePrimary"]


async def finish_jobs(stores: MongoStores, stop: asyncio.Event) -> int:
    """Insert jobs and write their results, batch by batch, without ever repeating; returns how many."""
    done = 0
    while not stop.is_set():
        jobs = [make_job(n) for n in range(done, done + 50)]
        assert len(await stores.jobs.add_leased(jobs, "sender", START)) == 50
        updates = [JobUpdate(job_id=job.id, state=JobState.SENT, attempts=1, sent_at=START) for job in jobs]
        await stores.jobs.finish(updates, "sender")
        done += 50
    return done


@pytest.mark.slow
async def test_results_of_mails_are_written_through_a_change_of_primary(tmp_path: Path) -> None:
    with (
        breakable(tmp_path, mongo=True, members=3) as engines,
        Mongo(engines.endpoints.mongo, "failover", timing=Timing(choose_server_s=15.0, operation_s=30.0)) as mongo,
    ):
        await ensure_indexes(mongo)
        stores, stop = stores_of(mongo), asyncio.Event()
        primary = (await mongo.hello())["me"]
        working = asyncio.ensure_future(finish_jobs(stores, stop))
        names = {f"127.0.0.1:{port}": f"mongo-{n}" for n, port in enumerate(ports_of(engines.endpoints.mongo), 1)}
        await asyncio.to_thread(engines[names[primary]].kill)
        assert (await persistently(mongo.hello))["me"] != primary
        stop.set()
        done = await working
        assert await stores.jobs.counts() == {("new_referral", "es", JobState.SENT): done}


def ports_of(uri: str) -> list[int]:
    return [port for _, port in parse_uri(uri)["nodelist"]]
