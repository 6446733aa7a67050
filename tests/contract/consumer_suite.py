"""What every consumer must do, whatever is behind it. Subclasses say how one is begun with a handler."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence

from services.adapters.kafka.subscription import REPLAY_GROUP_HEADER
from services.core.errors import DependencyUnavailable, TooManyInternalErrors, UnknownMessage
from services.core.ports import Failure, Outgoing, Record
from tests.kafka_world import Handled, KeptLetters, outgoing

#: Records of a batch at most, and internal errors in a row after which a consumer stops.
AT_A_TIME, ERRORS = 2, 3


class ConsumerWorld(ABC):
    """A consumer of a topic with one partition, and what it left."""

    topic: str
    group: str
    letters: KeptLetters

    @abstractmethod
    async def publish(self, messages: Sequence[Outgoing]) -> None:
        """Write records."""

    @abstractmethod
    async def done(self) -> None:
        """Let it go on until nothing is left."""

    @abstractmethod
    async def put_back(self, times: int) -> None:
        """Let it go on until a batch was put back so often."""

    @abstractmethod
    async def stopped(self) -> Exception:
        """Let it go on until it stops for good; its error."""

    @abstractmethod
    async def committed(self) -> int:
        """How many records are done for good."""

    @abstractmethod
    async def set_back(self) -> None:
        """Set the group back to the first record, as an operator does."""

    @abstractmethod
    def references(self) -> list[bytes]:
        """What it told of records that it put aside."""

    def counted(self, name: str, **labels: str) -> float | None:
        """A metric of it; None where nobody counts."""
        return None


#: Begins a consumer with a handler.
Begin = Callable[[Handled], Awaitable[ConsumerWorld]]


class ConsumerSuite:
    """The behaviour; collected in the subclasses."""

    async def test_records_are_handled_in_their_order_in_bounded_batches_and_done_once(self, begin: Begin) -> None:
        handled = Handled()
        world = await begin(handled)
        await world.publish(outgoing(world.topic, *"abcde"))
        await world.done()
        await world.done()
        assert handled.values() == list("abcde")
        assert max(map(len, handled.batches)) <= AT_A_TIME
        assert await world.committed() == 5

    async def test_a_refused_record_is_put_aside_and_its_neighbours_go_on(self, begin: Begin) -> None:
        async def refuse_c(records: Sequence[Record]) -> Sequence[Failure]:
            return [Failure(r, UnknownMessage("no such type")) for r in records if r.value == b"c"]

        handled = Handled(refuse_c)
        world = await begin(handled)
        await world.publish(outgoing(world.topic, *"abcde"))
        await world.done()
        assert handled.values() == list("abde")
        assert world.letters.reasons() == [("UnknownMessage", 2)]
        assert world.letters.letters[0].record.value == b"c"
        (reference,) = world.references()
        assert b'"c"' not in reference
        assert world.counted("referrals_dead_letters_total", reason="UnknownMessage") in {None, 1}

    async def test_a_bug_of_the_handler_is_isolated_to_the_record_that_causes_it(self, begin: Begin) -> None:
        async def choke_on_d(records: Sequence[Record]) -> None:
            if any(r.value == b"d" for r in records):
                raise KeyError("ana@customer.example")

        handled = Handled(choke_on_d)
        world = await begin(handled)
        await world.publish(outgoing(world.topic, *"abcdefgh"))
        await world.done()
        assert handled.values() == list("abcefgh")
        (letter,) = world.letters.letters
        assert (letter.reason, letter.record.offset) == ("KeyError", 3)
        assert letter.attempts > 1
        assert "ana@" not in letter.detail

    async def test_a_run_of_internal_errors_stops_the_consumer_and_commits_nothing_more(self, begin: Begin) -> None:
        async def broken(records: Sequence[Record]) -> None:
            if any(r.value != b"good" for r in records):
                raise ZeroDivisionError

        world = await begin(Handled(broken))
        await world.publish(outgoing(world.topic, "good"))
        await world.done()
        await world.publish(outgoing(world.topic, *"abcdefgh"))
        assert isinstance(await world.stopped(), TooManyInternalErrors)
        # Those before the run's end were put aside, each by itself; the rest nobody has touched.
        assert await world.committed() <= 1 + ERRORS
        assert len(world.letters.letters) == await world.committed() - 1

    async def test_an_absent_dependency_is_waited_for_and_the_order_stays(self, begin: Begin) -> None:
        away = True

        async def need_mongo(records: Sequence[Record]) -> None:
            if away and any(r.value == b"c" for r in records):
                raise DependencyUnavailable("mongo")

        handled = Handled(need_mongo)
        world = await begin(handled)
        await world.publish(outgoing(world.topic, *"abcde"))
        await world.put_back(3)
        assert await world.committed() == 2
        away = False
        await world.done()
        assert handled.values() == list("abcde")
        assert world.letters.letters == []

    async def test_nothing_is_committed_while_the_dead_letter_store_is_away(self, begin: Begin) -> None:
        async def refuse(records: Sequence[Record]) -> Sequence[Failure]:
            return [Failure(r, UnknownMessage()) for r in records]

        world = await begin(Handled(refuse))
        world.letters.error = DependencyUnavailable("mongo")
        await world.publish(outgoing(world.topic, "a"))
        await world.put_back(2)
        assert await world.committed() == 0
        world.letters.error = None
        await world.done()
        assert world.letters.reasons() == [("UnknownMessage", 0)]

    async def test_a_replayed_record_is_for_the_group_that_failed_only(self, begin: Begin) -> None:
        handled = Handled()
        world = await begin(handled)
        for group in (world.group, "somebody"):
            headers = ((REPLAY_GROUP_HEADER, group.encode()),)
            await world.publish([Outgoing(topic=world.topic, key="k", value=group.encode(), headers=headers)])
        await world.done()
        assert handled.values() == [world.group]
        assert await world.committed() == 2
        assert world.counted("referrals_records_total", topic=world.topic, outcome="skipped") in {None, 1}

    async def test_a_group_that_is_set_back_does_all_again(self, begin: Begin) -> None:
        handled = Handled()
        world = await begin(handled)
        await world.publish(outgoing(world.topic, *"ab"))
        await world.done()
        await world.set_back()
        await world.done()
        assert handled.values() == ["a", "b", "a", "b"]
