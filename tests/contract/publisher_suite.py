"""What every Publisher must do, whatever is behind it. Subclasses say what `publisher` is and how to read it back."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod

import pytest

from services.adapters.kafka.sizes import MAX_RECORD_BYTES, MessageTooLarge
from services.core.errors import DependencyUnavailable, Misconfigured
from services.core.ports import Outgoing, Publisher, Record


class PublisherWorld(ABC):
    """A publisher, a topic of four partitions, and a way to see what lies in it."""

    publisher: Publisher
    topic: str

    @abstractmethod
    async def records(self) -> list[Record]:
        """Everything in the topic, partition by partition in order."""


class PublisherSuite:
    """The behaviour; collected in the subclasses."""

    async def test_what_was_published_is_there_as_it_was(self, world: PublisherWorld) -> None:
        message = Outgoing(topic=world.topic, key="ключ", value=b"\x00\xff", headers=(("a", b"\xfe"), ("a", b"")))
        await world.publisher.publish([message])
        (record,) = await world.records()
        assert (record.topic, record.key, record.value) == (world.topic, "ключ".encode(), b"\x00\xff")
        assert record.headers == (("a", b"\xfe"), ("a", b""))
        assert record.timestamp.tzinfo is not None

    async def test_messages_of_one_key_lie_in_one_partition_in_order(self, world: PublisherWorld) -> None:
        sent = [Outgoing(topic=world.topic, key=f"k{n % 9}", value=str(n).encode()) for n in range(90)]
        await world.publisher.publish(sent[:50])
        await world.publisher.publish(sent[50:])
        found = await world.records()
        assert len(found) == 90
        for key in {m.key for m in sent}:
            mine = [r for r in found if r.key == key.encode()]
            assert len({r.partition for r in mine}) == 1
            assert [r.value for r in mine] == [m.value for m in sent if m.key == key]

    @pytest.mark.parametrize("each", [1, 3, 20])
    async def test_of_many_callers_at_once_all_get_through_and_each_in_its_order(
        self, world: PublisherWorld, each: int
    ) -> None:
        callers = [
            [Outgoing(topic=world.topic, key="same", value=f"{n} {m}".encode()) for m in range(each)]
            for n in range(300)
        ]
        await asyncio.gather(*map(world.publisher.publish, callers))
        found = [record.value for record in await world.records()]
        assert len(found) == 300 * each
        for sent in callers:
            mine = {message.value for message in sent}
            assert [value for value in found if value in mine] == [message.value for message in sent]

    async def test_keys_are_placed_as_by_every_other_client(self, world: PublisherWorld) -> None:
        await world.publisher.publish(
            [Outgoing(topic=world.topic, key=key, value=b"v") for key in ("21", "foobar", "abc")]
        )
        assert {r.key: r.partition for r in await world.records()} == PLACES

    async def test_an_explicit_partition_wins_over_the_key(self, world: PublisherWorld) -> None:
        await world.publisher.publish(
            [Outgoing(topic=world.topic, key="same", value=b"v", partition=p) for p in range(4)]
        )
        assert [(r.partition, r.offset) for r in await world.records()] == [(p, 0) for p in range(4)]

    async def test_a_partition_that_does_not_exist_is_refused_and_nothing_is_written(
        self, world: PublisherWorld
    ) -> None:
        with pytest.raises(Misconfigured):
            await world.publisher.publish(
                [Outgoing(topic=world.topic, key="k", value=b"v", partition=p) for p in (0, 4)]
            )
        assert await world.records() == []

    async def test_a_topic_that_does_not_exist_is_named(self, world: PublisherWorld) -> None:
        with pytest.raises(DependencyUnavailable, match=r"no\.such\.topic"):
            await world.publisher.publish([Outgoing(topic="no.such.topic", key="k", value=b"v")])

    async def test_publishing_nothing_is_fine(self, world: PublisherWorld) -> None:
        await world.publisher.publish([])
        assert await world.records() == []

    async def test_a_message_that_is_too_large_is_named_and_nothing_is_sent(self, world: PublisherWorld) -> None:
        small = Outgoing(topic=world.topic, key="small", value=b"v")
        large = Outgoing(topic=world.topic, key="the large one", value=bytes(MAX_RECORD_BYTES + 1))
        with pytest.raises(MessageTooLarge, match="the large one") as caught:
            await world.publisher.publish([small, large])
        assert caught.value.message is large
        assert await world.records() == []


#: As the Java client does it (its own test has the hashes of these texts).
PLACES = {b"21": 0, b"foobar": 2, b"abc": 3}
