"""Do the gauges say how much is unfinished, since when, and that nobody has looked?"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from prometheus_client import CollectorRegistry

from services.adapters.gauges import StoreGauges
from services.adapters.health import Health, health_app
from services.adapters.memory.clock import TurnableClock
from services.adapters.memory.stores import MemoryStores
from services.core.creation import created_event
from services.core.errors import DependencyUnavailable
from services.core.mail import JobState
from services.core.webhooks import DeliveryState
from tests.builders import START, make_referral
from tests.contract.aside_suite import given_up
from tests.contract.dead_letter_suite import make_letter
from tests.contract.job_suite import make_job, pending
from tests.contract.webhook_suite import ended, make_delivery

MINUTE = timedelta(minutes=1)


class HalfFull:
    """A disk."""

    async def disk(self) -> tuple[int, int]:
        return 50, 100


class World:
    """Gauges over twins."""

    def __init__(self) -> None:
        self.stores, self.clock, self.registry = MemoryStores(), TurnableClock(START), CollectorRegistry()
        self.gauges = StoreGauges(
            self.registry,
            aside=self.stores.aside,
            jobs=self.stores.jobs,
            webhooks=self.stores.webhooks,
            clock=self.clock,
            disk=HalfFull(),
        )

    async def value(self, name: str, **labels: str) -> float | None:
        await self.gauges.refresh()
        return self.registry.get_sample_value(f"referrals_{name}", labels)


async def test_of_an_exchange_at_rest_they_say_nothing_waits() -> None:
    world = World()
    for name in ("outbox_oldest_seconds", "overdue_seconds", "parked_referrals", "dead_letters_open"):
        assert await world.value(name) == 0
    assert await world.value("mail_overdue_seconds") == 0
    assert {state: await world.value("send_jobs", state=state.value) for state in JobState} == dict.fromkeys(
        JobState, 0
    )
    assert await world.value("mongo_disk_free_bytes") == 50
    assert await world.value("mongo_disk_total_bytes") == 100


async def test_ages_grow_with_time_and_never_begin_before_a_thing_is_due() -> None:
    world, referral = World(), make_referral(1)
    due = referral.timers.next_due()
    assert due is not None
    await world.stores.referrals.add([replace(referral, outbox=(created_event(referral),))])
    assert await world.value("overdue_seconds") == 0
    world.clock.advance(due - START + 5 * MINUTE)
    assert await world.value("overdue_seconds") == 300
    assert await world.value("outbox_oldest_seconds") == (due - START + 5 * MINUTE).total_seconds()


async def test_what_was_given_up_is_counted() -> None:
    world, referral = World(), make_referral(1)
    await world.stores.referrals.add([referral])
    await world.stores.referrals.defer(referral.id, 1, START, 5, parked=True, why="KeyError")
    await world.stores.dead_letters.put([make_letter(1), make_letter(2)])
    await given_up(world.stores, [make_job(1)])
    await pending(world.stores, make_job(2), make_job(3))
    world.clock.advance(20 * MINUTE)
    assert await world.value("parked_referrals") == 1
    assert await world.value("overdue_seconds") == 0
    assert await world.value("dead_letters_open") == 2
    assert await world.value("send_jobs", state="failed") == 1
    assert await world.value("send_jobs", state="pending") == 2
    assert await world.value("mail_overdue_seconds") == 20 * 60


async def test_calls_to_webhooks_are_counted_and_their_lateness_is_in_real_time() -> None:
    world = World()
    webhooks = world.stores.webhooks
    await webhooks.add_deliveries([make_delivery(n, due_at=START) for n in range(1, 4)])
    [held] = await webhooks.claim_deliveries("a", START, START + MINUTE, 1)
    await webhooks.finish_deliveries([ended(held, DeliveryState.PARKED)], "a")
    await webhooks.claim_deliveries("a", START, START + MINUTE, 1)
    world.clock.advance(2 * MINUTE)
    assert {
        state: await world.value("webhook_deliveries", state=state) for state in ("pending", "leased", "parked")
    } == {
        "pending": 1,
        "leased": 1,
        "parked": 1,
    }
    assert await world.value("webhook_overdue_seconds") == 120


async def test_a_database_that_is_away_leaves_them_as_they_were_and_the_last_look_shows() -> None:
    world = World()
    assert await world.value("store_seen_timestamp_seconds") == START.timestamp()
    world.clock.advance(MINUTE)
    world.stores.faults.fail_next()
    with pytest.raises(DependencyUnavailable):
        await world.gauges.refresh()
    assert world.registry.get_sample_value("referrals_store_seen_timestamp_seconds") == START.timestamp()
    assert await world.value("store_seen_timestamp_seconds") == (START + MINUTE).timestamp()


async def test_the_figures_of_a_process_tell_what_its_health_answers() -> None:
    wrong: list[str] = []
    health, registry = Health("router"), CollectorRegistry()
    health.add(live=lambda: next((w for w in wrong if w == "stuck"), None), ready=lambda: next(iter(wrong), None))
    transport = httpx.ASGITransport(health_app(health, registry))
    async with httpx.AsyncClient(transport=transport, base_url="http://process.test") as client:
        for problems, live, ready in (([], 1, 1), (["waits"], 1, 0), (["stuck"], 0, 0)):
            wrong[:] = problems
            told = (await client.get("/metrics")).text
            assert f"referrals_process_live {live}.0" in told
            assert f"referrals_process_ready {ready}.0" in told
            assert (await client.get("/live")).status_code == (200 if live else 503)
            assert (await client.get("/ready")).status_code == (200 if ready else 503)
