"""What becomes of a batch of submitted RFIs, also when it comes twice or the world fails in between?"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from schemas.refused import RfiRefusedV1
from schemas.topics import TOPICS, Topic
from services.adapters.memory.kafka import MemoryLog, MemoryPublisher
from services.adapters.memory.stores import MemoryStores
from services.adapters.wire import event_of
from services.adapters.wire_envelope import cloud_event_of
from services.core import ids
from services.core.errors import DependencyUnavailable
from services.core.events import EventType
from services.core.ports import Record
from services.intake.handler import DEFAULT_SOURCE, IntakeHandler
from services.intake.metrics import IntakeMetrics
from services.intake.replay import replay
from tests.builders import SOURCE, START
from tests.submissions import StoppedClock, regions, rfi_json, submitted_record


@dataclass
class World:
    """Intake over twins."""

    stores: MemoryStores = field(default_factory=MemoryStores)
    log: MemoryLog = field(default_factory=lambda: MemoryLog({spec.topic: 1 for spec in TOPICS}))
    clock: StoppedClock = field(default_factory=StoppedClock)

    def __post_init__(self) -> None:
        self.publisher = MemoryPublisher(self.log)
        self.registry = CollectorRegistry()
        self.metrics = IntakeMetrics(self.registry)

    async def handle(self, *records: Record) -> None:
        assert await self.handler()(records) == []

    async def damaged(self, *records: tuple[Record, str]) -> None:
        await self.handler().damaged(records)

    def handler(self) -> IntakeHandler:
        # A process of its own for each batch: nothing may depend on what the last one remembers.
        return IntakeHandler(
            self.stores.rfis,
            self.stores.refusals,
            self.publisher,
            self.clock,
            regions=regions(),
            metrics=self.metrics,
        )

    def accepted(self) -> list[str]:
        return [event_of(r).facts["publisherId"] for r in self.log.records(Topic.RFI_ACCEPTED)]  # type: ignore[misc]

    def refused(self) -> list[RfiRefusedV1]:
        records = self.log.records(Topic.RFI_REFUSED)
        return [RfiRefusedV1.model_validate_json(cloud_event_of(r).data) for r in records]


async def test_outcomes_and_problems_are_counted() -> None:
    world = World()
    await world.handle(
        submitted_record(rfi_json()),
        submitted_record(rfi_json(id="fax", channel="fax"), offset=1),
        submitted_record(rfi_json(id="both", channel="fax", consent__share=False), offset=2),
    )
    await world.handle(submitted_record(rfi_json(), offset=3))

    def counted(name: str, **labels: str) -> float | None:
        return world.registry.get_sample_value(f"referrals_{name}_total", labels)

    assert {o: counted("rfis", outcome=o) for o in ("new", "known", "refused")} == {"new": 1, "known": 1, "refused": 2}
    assert (counted("rfi_problems", code="unknown_channel"), counted("rfi_problems", code="no_consent")) == (2, 1)


async def test_a_faultless_rfi_is_stored_and_told() -> None:
    world = World()
    await world.handle(submitted_record(rfi_json()))
    (rfi,) = world.stores.rfis.stored.values()
    (record,) = world.log.records(Topic.RFI_ACCEPTED)
    event = event_of(record)
    assert record.key == rfi.id.encode()
    assert (event.type, event.subject, event.rfi_id) == (EventType.RFI_ACCEPTED, rfi.id, rfi.id)
    assert (event.at, event.sequence) == (rfi.accepted_at, 1)
    assert event.facts == {"rfiId": rfi.id, "source": SOURCE, "publisherId": "RFI-1", "channel": "marketing"}
    assert world.refused() == []


async def test_a_faulty_rfi_is_refused_with_every_problem_and_its_original() -> None:
    world = World()
    record = submitted_record(rfi_json(channel="fax", consent__share=False), offset=41, partition=3)
    await world.handle(record)
    (refusal,) = world.stores.refusals.stored.values()
    assert refusal.id == ids.refusal_id(record.topic, 3, 41)
    assert (refusal.record, refusal.source, refusal.publisher_id) == (record, SOURCE, "RFI-1")
    (told,) = world.refused()
    assert {(p.field, p.code) for p in told.problems} == {
        ("/channel", "unknown_channel"),
        ("/consent/share", "no_consent"),
    }
    assert (told.refusal_id, told.publisher_id) == (refusal.id, "RFI-1")
    (kafka,) = world.log.records(Topic.RFI_REFUSED)
    assert kafka.key == ids.rfi_id(SOURCE, "RFI-1").encode()
    assert kafka.value is not None
    assert b"molina" not in kafka.value
    assert (world.stores.rfis.stored, world.accepted()) == ({}, [])


@pytest.mark.parametrize("value", [None, b"", b"{", b"\xff", b"null", b"[]", b"{}", b"[" * 5000])
async def test_what_cannot_be_read_is_refused_and_its_neighbours_go_on(value: bytes | None) -> None:
    world = World()
    await world.handle(
        submitted_record(rfi_json(id="before"), offset=0),
        submitted_record(value, offset=1),
        submitted_record(rfi_json(id="behind"), offset=2),
    )
    assert world.accepted() == ["before", "behind"]
    assert len(world.refused()) == len(world.stores.refusals.stored) == 1
    (kafka,) = world.log.records(Topic.RFI_REFUSED)
    assert kafka.key == b"rfi.submitted/0/1"


async def test_problems_of_the_envelope_and_of_the_rfi_are_told_together() -> None:
    world = World()
    await world.handle(submitted_record(rfi_json(channel="fax"), headers={"x-referrals-source": ""}))
    (told,) = world.refused()
    assert {p.code for p in told.problems} == {"source", "unknown_channel"}


async def test_records_without_a_source_get_the_default_one() -> None:
    world = World()
    await world.handle(submitted_record(rfi_json(), headers={}))
    assert list(world.stores.rfis.stored) == [ids.rfi_id(DEFAULT_SOURCE, "RFI-1")]


async def test_a_redelivery_stores_nothing_and_tells_the_same_event_again() -> None:
    world = World()
    good, bad = submitted_record(rfi_json()), submitted_record(b"{", offset=1)
    await world.handle(good, bad)
    stored, refusals = dict(world.stores.rfis.stored), dict(world.stores.refusals.stored)
    world.clock.at = world.clock.at.replace(hour=15, microsecond=123456)
    await world.handle(good, bad)
    assert (world.stores.rfis.stored, world.stores.refusals.stored) == (stored, refusals)
    for topic in (Topic.RFI_ACCEPTED, Topic.RFI_REFUSED):
        first, second = world.log.records(topic)
        assert cloud_event_of(first).id == cloud_event_of(second).id
    first, second = world.log.records(Topic.RFI_ACCEPTED)
    assert (first.value, first.headers) == (second.value, second.headers)


async def test_the_same_rfi_twice_in_a_batch_is_one() -> None:
    world = World()
    again = dict(reversed(rfi_json().items()))
    await world.handle(submitted_record(rfi_json()), submitted_record(again, offset=1))
    assert (len(world.stores.rfis.stored), world.accepted(), world.refused()) == (1, ["RFI-1"], [])


async def test_another_rfi_under_a_known_id_is_refused_and_says_since_when() -> None:
    world = World()
    await world.handle(submitted_record(rfi_json()))
    await world.handle(submitted_record(rfi_json(need__title="Something else"), offset=1))
    (rfi,) = world.stores.rfis.stored.values()
    assert rfi.need.title == rfi_json()["need"]["title"]
    (told,) = world.refused()
    (problem,) = told.problems
    assert (problem.field, problem.code) == ("/id", "id_reused")
    assert "2026-03-02T09:00:00+00:00" in problem.message
    assert world.accepted() == ["RFI-1"]


async def test_another_rfi_under_the_same_id_in_one_batch_is_refused() -> None:
    world = World()
    await world.handle(
        submitted_record(rfi_json()),
        submitted_record(rfi_json(need__title="Something else"), offset=1),
        submitted_record(rfi_json(), offset=2),
    )
    assert (world.accepted(), [p.code for r in world.refused() for p in r.problems]) == (["RFI-1"], ["id_reused"])


async def test_the_same_id_of_another_publisher_is_another_rfi() -> None:
    world = World()
    await world.handle(
        submitted_record(rfi_json()), submitted_record(rfi_json(need__title="Mine"), headers={}, offset=1)
    )
    assert (len(world.stores.rfis.stored), world.refused()) == (2, [])


async def test_a_refused_id_stays_free() -> None:
    world = World()
    await world.handle(submitted_record(rfi_json(channel="fax")))
    await world.handle(submitted_record(rfi_json(), offset=1))
    assert world.accepted() == ["RFI-1"]


async def test_an_empty_batch_does_nothing() -> None:
    world = World()
    await world.handle()
    assert (world.stores.faults.calls, world.accepted()) == ([], [])


BATCH: list[Any] = [
    rfi_json(id="a"),
    rfi_json(id="b", need__title="First of b"),
    rfi_json(id="b", need__title="Second of b"),
    b"{",
    rfi_json(id="a"),
    rfi_json(id="c", channel="fax"),
]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("call", [0, 1])
async def test_a_failure_at_any_write_is_healed_by_the_redelivery(call: int, after: bool) -> None:
    records = [submitted_record(data, offset=n) for n, data in enumerate(BATCH)]
    world = World()
    world.stores.faults.fail_call(call, after=after)
    with pytest.raises(DependencyUnavailable):
        await world.handle(*records)
    await world.handle(*records)
    assert_settled(world)


@pytest.mark.parametrize("lost", [False, True], ids=["not written", "answer lost"])
async def test_a_failure_to_publish_is_healed_by_the_redelivery(lost: bool) -> None:
    records = [submitted_record(data, offset=n) for n, data in enumerate(BATCH)]
    world = World()
    if lost:
        await world.handle(*records)
    else:
        world.publisher.away = True
        with pytest.raises(DependencyUnavailable):
            await world.handle(*records)
        world.publisher.away = False
    await world.handle(*records)
    assert_settled(world)


def assert_settled(world: World) -> None:
    assert {r.publisher_id: r.need.title for r in world.stores.rfis.stored.values()} == {
        "a": rfi_json()["need"]["title"],
        "b": "First of b",
    }
    assert set(world.accepted()) == {"a", "b"}
    told = {r.refusal_id: [p.code for p in r.problems] for r in world.refused()}
    assert sorted(told.values()) == [["id_reused"], ["not_json"], ["unknown_channel"]]
    assert set(told) == set(world.stores.refusals.stored)
    for topic, distinct in ((Topic.RFI_ACCEPTED, 2), (Topic.RFI_REFUSED, 3)):
        assert len({cloud_event_of(r).id for r in world.log.records(topic)}) == distinct


async def test_an_rfi_that_was_stored_is_told_although_it_would_be_refused_by_now() -> None:
    world = World()
    record = submitted_record(rfi_json())
    await world.handle(record)
    # A crash before anything was told; meanwhile the RFI has grown older than a year.
    again = World(stores=world.stores, clock=StoppedClock(START + timedelta(days=400)))
    await again.handle(record)
    assert again.accepted() == ["RFI-1"]
    assert (again.refused(), again.stores.refusals.stored) == ([], {})


async def test_a_faulty_rfi_under_the_id_of_a_stored_one_is_still_refused() -> None:
    world = World()
    await world.handle(submitted_record(rfi_json(), offset=0))
    await world.handle(submitted_record(rfi_json(channel="fax"), offset=1))
    assert [p.code for refusal in world.refused() for p in refusal.problems] == ["unknown_channel"]
    assert world.accepted() == ["RFI-1"]


async def test_a_batch_of_large_faulty_records_leaves_time_to_others() -> None:
    world = World()
    turns = 0

    async def other_work() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    others = asyncio.create_task(other_work())
    await world.handle(*(submitted_record(b"[" * 100_000, offset=n) for n in range(30)))
    others.cancel()
    assert len(world.refused()) == 30
    # In memory nothing else waits: without turns in between there would be one or two.
    assert turns >= 5


async def test_a_record_that_no_client_can_decode_is_refused_with_its_original_and_told() -> None:
    world = World()
    whole = submitted_record(rfi_json(id="RFI-7"))
    nothing = replace(submitted_record(b"x", offset=9), value=None, key=None)
    await world.damaged((whole, "a header's key is not UTF-8"), (nothing, "the checksum is wrong"))
    await world.damaged((whole, "a header's key is not UTF-8"))
    kept = await world.stores.refusals.load([ids.refusal_id(r.topic, r.partition, r.offset) for r in (whole, nothing)])
    assert [each.record for each in kept.values()] == [whole, nothing]
    assert [each.publisher_id for each in kept.values()] == ["RFI-7", None]
    assert {problem.code for each in kept.values() for problem in each.problems} == {"damaged"}
    assert {each.refusal_id for each in world.refused()} == set(kept)
    again = replay(kept[ids.refusal_id(whole.topic, whole.partition, whole.offset)], None)
    assert (again.value, again.topic) == (whole.value, Topic.RFI_SUBMITTED)
    assert not world.stores.dead_letters.stored
