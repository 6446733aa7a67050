"""Which records of a batch are put aside, and when does an error concern the whole batch?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.adapters.kafka.settling import Settling
from services.core.errors import (
    DependencyUnavailable,
    Misconfigured,
    TooManyInternalErrors,
    UnknownMessage,
    VersionConflict,
)
from services.core.ports import Failure, Record
from tests.kafka_world import Handled


def batch(size: int) -> list[Record]:
    at = datetime(2026, 3, 2, tzinfo=UTC)
    return [Record(topic="t", partition=0, offset=n, timestamp=at, key=None, value=b"%d" % n) for n in range(size)]


def raising(error: Exception, *offsets: int) -> Handled:
    async def act(records: Sequence[Record]) -> None:
        if any(r.offset in offsets for r in records):
            raise error

    return Handled(act)


@given(size=st.integers(1, 60), poison=st.sets(st.integers(0, 59)), refused=st.sets(st.integers(0, 59)))
async def test_every_record_is_either_done_or_put_aside_and_the_order_stays(
    size: int, poison: set[int], refused: set[int]
) -> None:
    async def act(records: Sequence[Record]) -> Sequence[Failure]:
        if any(r.offset in poison for r in records):
            raise ValueError
        return [Failure(r, UnknownMessage()) for r in records if r.offset in refused]

    handled = Handled(act)
    asides = await Settling(handled, internal_error_limit=1000).settle(batch(size))
    assert [a.record.offset for a in asides] == sorted((poison | refused) & set(range(size)))
    assert [r.offset for r in handled.done] == sorted(set(range(size)) - poison - refused)
    assert {a.record.offset for a in asides if isinstance(a.error, ValueError)} == poison & set(range(size))


async def test_one_bad_record_costs_few_repetitions() -> None:
    handled = raising(KeyError(), 700)
    (aside,) = await Settling(handled, internal_error_limit=3).settle(batch(1000))
    assert aside.attempts == len(handled.batches) // 2 + 1
    assert len(handled.batches) < 25


@pytest.mark.parametrize("error", [DependencyUnavailable("mongo"), VersionConflict(), Misconfigured()])
async def test_an_error_that_concerns_all_is_passed_on_at_once(error: Exception) -> None:
    handled = raising(error, 1)
    with pytest.raises(type(error)):
        await Settling(handled, internal_error_limit=3).settle(batch(4))
    assert len(handled.batches) == 1


async def test_a_failure_that_is_no_dead_letter_concerns_all_too() -> None:
    async def act(records: Sequence[Record]) -> Sequence[Failure]:
        return [Failure(records[0], DependencyUnavailable("mongo"))]

    with pytest.raises(DependencyUnavailable):
        await Settling(Handled(act), internal_error_limit=3).settle(batch(4))


async def test_a_weary_batch_puts_a_conflict_on_its_record_but_still_waits_for_a_dependency() -> None:
    settling = Settling(raising(VersionConflict(), 2), internal_error_limit=3)
    (aside,) = await settling.settle(batch(4), weary=True)
    assert aside.record.offset == 2
    with pytest.raises(DependencyUnavailable):
        await Settling(raising(DependencyUnavailable("mongo"), 2), internal_error_limit=3).settle(batch(4), weary=True)


async def test_a_run_of_internal_errors_over_several_batches_stops() -> None:
    settling = Settling(raising(KeyError(), 0), internal_error_limit=3)
    for _ in range(3):
        await settling.settle(batch(1))
    with pytest.raises(TooManyInternalErrors, match="4 internal errors in a row"):
        await settling.settle(batch(1))


async def test_a_success_ends_the_run() -> None:
    settling = Settling(raising(KeyError(), 0), internal_error_limit=3)
    for _ in range(10):
        assert len(await settling.settle(batch(2))) == 1


async def test_bad_input_does_not_count_as_internal() -> None:
    async def act(records: Sequence[Record]) -> Sequence[Failure]:
        return [Failure(r, UnknownMessage()) for r in records]

    assert len(await Settling(Handled(act), internal_error_limit=3).settle(batch(50))) == 50


async def test_internal_errors_of_a_batch_that_is_put_back_do_not_count_twice() -> None:
    away = True

    async def act(records: Sequence[Record]) -> None:
        if any(r.offset < 3 for r in records):
            raise KeyError
        if away:
            raise DependencyUnavailable("mongo")

    settling = Settling(Handled(act), internal_error_limit=3)
    for _ in range(5):
        with pytest.raises(DependencyUnavailable):
            await settling.settle(batch(8))
    away = False
    assert len(await settling.settle(batch(8))) == 3
