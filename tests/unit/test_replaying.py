"""Are many dead letters replayed in order, once each, and does the policy on error hold?"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from services.adapters.memory.kafka import MemoryLog, MemoryPublisher
from services.adapters.memory.stores import MemoryStores
from services.adapters.replaying import AT_A_TIME, OnError, Replay, Replayer
from services.cli.letters import instant
from services.core.aside import Letters
from services.core.errors import CommandInvalid, DependencyUnavailable
from services.core.ports import DeadLetter
from tests.builders import START
from tests.contract.dead_letter_suite import bare, id_of, make_letter

TOPIC = "rfi.accepted"
#: Builders put every record on this partition.
PARTITIONS = 4
ALL = Letters()
NOWHERE = "there is no number"


class World:
    """Dead letters over twins, with a way to replay them."""

    def __init__(self) -> None:
        self.stores = MemoryStores()
        self.log = MemoryLog({TOPIC: PARTITIONS})
        self.publisher = MemoryPublisher(self.log)
        self.looked_at = 0

    async def put(self, *letters: DeadLetter) -> None:
        await self.stores.dead_letters.put(letters)

    async def replay(
        self, ids: list[str] | None = None, *, on_error: OnError = OnError.STOP, again: bool = False
    ) -> Replay:
        replayer = Replayer(
            letters=self.stores.dead_letters,
            aside=self.stores.aside,
            publisher=self.publisher,
            now=lambda: START,
            on_error=on_error,
            again=again,
        )
        return await replayer.run(await self.open() if ids is None else ids, self._look)

    def _look(self, number: int) -> None:
        self.looked_at += number

    async def open(self) -> list[str]:
        return await self.stores.aside.letter_ids(ALL, 10_000)

    @property
    def given(self) -> list[bytes]:
        """Keys of the records that were given again, in order."""
        return [record.key or b"" for record in self.log.records(TOPIC)]


def letter(n: int, *, partition: int = 3) -> DeadLetter:
    made = make_letter(n)
    return replace(made, record=replace(made.record, key=f"k{n}".encode(), partition=partition))


def elsewhere(n: int) -> DeadLetter:
    """A letter whose partition no longer exists."""
    return letter(n, partition=99)


async def world_of(*letters: DeadLetter) -> World:
    world = World()
    await world.put(*letters)
    return world


async def test_more_letters_than_are_taken_at_a_time_come_in_order_and_are_closed() -> None:
    number = AT_A_TIME * 2 + 1
    world = await world_of(*(letter(n) for n in reversed(range(number))))
    done = await world.replay()
    assert (done.replayed, done.failed, world.looked_at) == (number, [], number)
    assert world.given == [f"k{n}".encode() for n in range(number)]
    assert await world.open() == []


async def test_a_letter_that_was_closed_meanwhile_is_passed_over_unless_it_was_named() -> None:
    world = await world_of(letter(1), letter(2))
    ids = await world.open()
    await world.replay(ids[:1])
    done = await world.replay(ids)
    assert (done.replayed, done.closed_before, world.given) == (1, 1, [b"k1", b"k2"])
    named = await world.replay(ids[:1], again=True)
    assert (named.replayed, world.given) == (1, [b"k1", b"k2", b"k1"])


@pytest.mark.parametrize(("on_error", "given"), [(OnError.STOP, [b"k1"]), (OnError.CONTINUE, [b"k1", b"k3"])])
async def test_an_original_that_is_gone_stops_the_rest_or_is_passed_over(on_error: OnError, given: list[bytes]) -> None:
    world = await world_of(letter(1), bare(letter(2)), letter(3))
    done = await world.replay(on_error=on_error)
    assert world.given == given
    assert done.stopped is (on_error is OnError.STOP)
    [(id_, why)] = done.failed
    assert (id_, "no longer kept" in why) == (id_of(2), True)
    assert id_of(2) in await world.open()


@pytest.mark.parametrize(("on_error", "given"), [(OnError.STOP, [b"k1"]), (OnError.CONTINUE, [b"k1", b"k3"])])
async def test_one_that_kafka_refuses_does_not_take_its_neighbours_with_it(
    on_error: OnError, given: list[bytes]
) -> None:
    world = await world_of(letter(1), elsewhere(2), letter(3))
    done = await world.replay(on_error=on_error)
    assert world.given == given
    assert [NOWHERE in why for _, why in done.failed] == [True]
    assert len(await world.open()) == 3 - len(given)


@pytest.mark.parametrize("letters", [(letter(1), letter(2)), (letter(1), elsewhere(2))])
async def test_kafka_being_away_ends_the_replay_and_closes_nothing(letters: tuple[DeadLetter, ...]) -> None:
    world = await world_of(*letters)
    world.publisher.away = True
    with pytest.raises(DependencyUnavailable):
        await world.replay(on_error=OnError.CONTINUE)
    assert len(await world.open()) == 2


async def test_a_crash_before_the_letters_are_closed_leaves_them_to_be_replayed_again() -> None:
    world = await world_of(letter(1))
    ids = await world.open()
    world.stores.faults.fail_call(len(world.stores.faults.calls) + 2)
    with pytest.raises(DependencyUnavailable):
        await world.replay(ids)
    assert await world.open() == ids
    assert (await world.replay()).replayed == 1
    assert world.given == [b"k1", b"k1"]
    assert await world.open() == []


async def test_an_id_that_no_letter_has_is_told() -> None:
    done = await (await world_of()).replay(["missing"])
    assert done.failed == [("missing", "there is no dead letter with this id")]


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("90m", START - timedelta(minutes=90)),
        ("1d12h", START - timedelta(hours=36)),
        ("2026-11-21T15:00Z", START.replace(year=2026, month=11, day=21, hour=15, minute=0, second=0)),
        ("2026-11-21", START.replace(year=2026, month=11, day=21, hour=0, minute=0, second=0)),
    ],
)
def test_since_is_a_period_or_an_instant(text: str, at: object) -> None:
    assert instant(text, START) == at


def test_since_says_what_it_takes() -> None:
    with pytest.raises(CommandInvalid, match="write for example 24h"):
        instant("yesterday", START)
