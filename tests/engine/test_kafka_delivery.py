"""Delivery on a real Kafka: what is done is done once, what fails comes again, what cannot work is put aside.

What the twin does as well is in tests/contract/consumer_suite.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from services.adapters.kafka.producer import KafkaPublisher
from services.core.errors import (
    Misconfigured,
    TooManyInternalErrors,
    UnknownMessage,
    VersionConflict,
)
from services.core.ports import Failure, Outgoing, Record
from tests.kafka_world import (
    Handled,
    World,
    consuming,
    new_topic,
    outgoing,
    plain_producer,
    send_bad_header_key,
    until,
)


async def publish(kafka: str, messages: Sequence[Outgoing]) -> None:
    publisher = KafkaPublisher(kafka)
    await publisher.publish(messages)
    await publisher.stop()


async def test_records_are_handled_in_order_and_then_committed(kafka: str) -> None:
    topic = await new_topic(kafka)
    await publish(kafka, outgoing(topic, *"abcde"))
    handled = Handled()
    async with consuming(kafka, topic, handled) as world:
        await world.until_committed()
        assert handled.values() == list("abcde")
        assert await world.committed() == {0: 5}
        assert world.delivery.unready() is None
        assert world.counted("referrals_records_total", topic=topic, outcome="done") == 5


async def test_a_batch_is_no_larger_than_asked_for_over_all_partitions(kafka: str) -> None:
    topic = await new_topic(kafka, partitions=3)
    await publish(kafka, [m for p in range(3) for m in outgoing(topic, *map(str, range(20)), partition=p)])
    handled = Handled()
    async with consuming(kafka, topic, handled, max_records=7) as world:
        await world.until_committed()
    assert len(handled.done) == 60
    assert max(map(len, handled.batches)) <= 7


async def test_a_run_of_internal_errors_stops_the_consumer_and_commits_nothing_more(kafka: str) -> None:
    async def broken(records: Sequence[Record]) -> None:
        if any(r.value != b"good" for r in records):
            raise ZeroDivisionError

    topic = await new_topic(kafka)
    await publish(kafka, outgoing(topic, "good"))
    handled = Handled(broken)
    async with consuming(kafka, topic, handled, internal_error_limit=3) as world:
        await world.until_committed()
        await publish(kafka, outgoing(topic, *"abcdefgh"))
        async with asyncio.timeout(20):
            error = await world.delivery.halted()
        assert isinstance(error, TooManyInternalErrors)
        assert await world.committed() == {0: 1}
        assert "stopped" in (world.delivery.stuck() or "")
        assert world.letters.letters == []


async def test_a_process_whose_consumer_stopped_for_good_ends_with_its_error(kafka: str) -> None:
    async def broken(_: Sequence[Record]) -> None:
        raise Misconfigured("the clock is shifted")

    topic = await new_topic(kafka)
    await publish(kafka, outgoing(topic, "a"))
    world = World(kafka, topic, "group-ends", Handled(broken))
    with pytest.raises(Misconfigured, match="shifted"):
        await world.delivery.run(asyncio.Event())
    assert await world.committed() == {}


async def test_a_conflict_that_never_ends_is_put_on_its_record(kafka: str) -> None:
    async def conflict_on_b(records: Sequence[Record]) -> None:
        if any(r.value == b"b" for r in records):
            raise VersionConflict

    topic = await new_topic(kafka)
    await publish(kafka, outgoing(topic, *"abc"))
    handled = Handled(conflict_on_b)
    async with consuming(kafka, topic, handled, retry_limit=2) as world:
        await world.until_committed()
    assert handled.values() == ["a", "c"]
    assert world.letters.reasons() == [("VersionConflict", 1)]


async def test_odd_header_values_and_missing_values_reach_the_handler(kafka: str) -> None:
    topic = await new_topic(kafka)
    async with plain_producer(kafka) as producer:
        await producer.send_and_wait(topic, b"a", headers=[("x", b"\xff\xfe")])
        await producer.send_and_wait(topic, None, key=b"tombstone")
    handled = Handled()
    async with consuming(kafka, topic, handled) as world:
        await world.until_committed()
    first, second = handled.done
    assert first.headers == (("x", b"\xff\xfe"),)
    assert (second.key, second.value) == (b"tombstone", None)


async def test_a_header_key_that_nobody_can_decode_is_put_aside_and_its_neighbours_go_on(kafka: str) -> None:
    topic = await new_topic(kafka, partitions=2)
    await publish(kafka, [*outgoing(topic, "a", "b"), *outgoing(topic, "x", "y", partition=1)])
    await send_bad_header_key(kafka, topic, b"bad one")
    await publish(kafka, outgoing(topic, "c"))
    await send_bad_header_key(kafka, topic, b"bad two")
    await publish(kafka, [*outgoing(topic, "d"), *outgoing(topic, "z", partition=1)])
    handled = Handled()
    async with consuming(kafka, topic, handled) as world:
        await world.until_committed()
        assert await world.committed() == {0: 6, 1: 3}
    assert sorted(handled.values()) == list("abcdxyz")
    assert world.letters.reasons() == [("UnreadableRecord", 2), ("UnreadableRecord", 4)]
    assert world.letters.letters[0].record.value == b"bad one"
    assert "UTF-8" in world.letters.letters[0].detail


async def test_an_undecodable_record_takes_nothing_of_other_partitions_with_it(kafka: str) -> None:
    topic = await new_topic(kafka, partitions=5)
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(_: Sequence[Record]) -> None:
        begun.set()
        await go_on.wait()

    handled = Handled(slowly)
    async with consuming(kafka, topic, handled) as world:
        await publish(kafka, outgoing(topic, "first"))
        await begun.wait()
        # While the handler is busy, all of these are fetched ahead; the next poll takes them together, or fails.
        await publish(kafka, [m for p in range(5) for m in outgoing(topic, f"{p}a", f"{p}b", partition=p)])
        await send_bad_header_key(kafka, topic, b"bad", partition=3)
        await publish(kafka, [m for p in range(5) for m in outgoing(topic, f"{p}c", partition=p)])
        asyncio.get_running_loop().call_later(1.0, go_on.set)
        await world.until_committed()
    assert sorted(handled.values()) == sorted([f"{p}{x}" for p in range(5) for x in "abc"] + ["first"])
    assert world.letters.reasons() == [("UnreadableRecord", 2)]


async def test_a_record_as_large_as_kafka_takes_is_put_aside_by_reference(kafka: str) -> None:
    async def refuse(records: Sequence[Record]) -> Sequence[Failure]:
        return [Failure(r, UnknownMessage()) for r in records]

    topic = await new_topic(kafka)
    large = Outgoing(topic=topic, key="\x00" * 400_000, value=bytes(500_000))
    await publish(kafka, [large])
    async with consuming(kafka, topic, Handled(refuse)) as world:
        await world.until_committed()
    assert world.letters.letters[0].record.value == large.value
    (reference,) = world.sent.messages
    assert len(reference.key) + len(reference.value) + len(repr(reference.headers)) < 2000


async def test_a_batch_cut_off_in_the_middle_comes_again(kafka: str) -> None:
    topic = await new_topic(kafka)
    await publish(kafka, outgoing(topic, *"abc"))
    begun = asyncio.Event()

    async def hang(_: Sequence[Record]) -> None:
        begun.set()
        await asyncio.Event().wait()

    async with consuming(kafka, topic, Handled(hang), group="group-cut") as world:
        await begun.wait()
        assert await world.committed() == {}
    assert await world.committed() == {}
    again = Handled()
    async with consuming(kafka, topic, again, group="group-cut") as world:
        await world.until_committed()
    assert again.values() == list("abc")


async def test_a_stop_lets_the_batch_in_hand_end_and_commits_it(kafka: str) -> None:
    topic = await new_topic(kafka)
    await publish(kafka, outgoing(topic, *"ab"))
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(_: Sequence[Record]) -> None:
        begun.set()
        await go_on.wait()

    handled = Handled(slowly)
    world = World(kafka, topic, "group-drain", handled)
    stop = asyncio.Event()
    running = asyncio.create_task(world.delivery.run(stop))
    await begun.wait()
    stop.set()
    asyncio.get_running_loop().call_later(0.3, go_on.set)
    async with asyncio.timeout(60):
        await running
    assert handled.values() == ["a", "b"]
    assert await world.committed() == {0: 2}


async def test_a_second_consumer_in_the_middle_of_a_batch_makes_nobody_handle_it_twice(kafka: str) -> None:
    topic = await new_topic(kafka, partitions=2)
    await publish(kafka, [m for p in range(2) for m in outgoing(topic, f"{p}a", f"{p}b", partition=p)])
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(_: Sequence[Record]) -> None:
        begun.set()
        await go_on.wait()

    first, second = Handled(slowly), Handled()
    async with consuming(kafka, topic, first, group="group-two") as world:
        await begun.wait()
        asyncio.get_running_loop().call_later(1.5, go_on.set)
        async with consuming(kafka, topic, second, group="group-two"):
            await world.until_committed()
            await publish(kafka, [m for p in range(2) for m in outgoing(topic, f"{p}c", partition=p)])
            await world.until_committed()
    assert sorted(first.values() + second.values()) == ["0a", "0b", "0c", "1a", "1b", "1c"]
    assert second.values()


async def test_several_consumers_of_one_process_share_the_partitions(kafka: str) -> None:
    topic = await new_topic(kafka, partitions=4)
    handled = Handled()
    async with consuming(kafka, topic, handled, concurrency=2) as world:
        await publish(kafka, [m for p in range(4) for m in outgoing(topic, f"{p}", partition=p)])
        await world.until_committed()
        assert len(world.delivery.progress) == 2
        assert all(world.delivery.owns(topic, partition) for partition in range(4))
        assert not world.delivery.owns(topic, 4)
        assert all(progress.records for progress in world.delivery.progress)
    assert sorted(handled.values()) == ["0", "1", "2", "3"]


async def test_a_missing_topic_is_waited_for(kafka: str) -> None:
    world = World(kafka, "test.never-created", "group-missing", Handled())
    stop = asyncio.Event()
    running = asyncio.create_task(world.delivery.run(stop))
    await until(lambda: "waiting on kafka" in (world.delivery.unready() or ""))
    assert world.delivery.stuck() is None
    stop.set()
    async with asyncio.timeout(60):
        await running
