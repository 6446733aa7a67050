"""Does waiting for quiet last as long as work moves, and end with words when it does not?"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

import pytest

from services.cli.demo.script import WorkLeftError, until_nothing_is_left


def answers(looks: Iterable[dict[str, int]]) -> Callable[[], Awaitable[dict[str, int]]]:
    """What is left at each look; the last answer stays."""
    coming = iter(looks)
    last: dict[str, int] = {}

    async def pending() -> dict[str, int]:
        nonlocal last
        last = next(coming, last)
        return last

    return pending


async def test_quiet_is_believed_only_when_it_is_seen_twice() -> None:
    seen: list[dict[str, int]] = []
    inner = answers([{}, {"router backlog": 1}, {}, {}])

    async def pending() -> dict[str, int]:
        seen.append(await inner())
        return seen[-1]

    await until_nothing_is_left(pending, patience_s=10)
    assert seen == [{}, {"router backlog": 1}, {}, {}]


async def test_waiting_outlasts_the_patience_while_numbers_move() -> None:
    # No patience at all: every look must find another number.
    await until_nothing_is_left(answers([{"mails due": n} for n in (3, 2, 1)] + [{}]), patience_s=0)


async def test_work_that_stands_still_is_named() -> None:
    with pytest.raises(WorkLeftError, match="7 mails due, 2 outboxes"):
        await until_nothing_is_left(answers([{"mails due": 7, "outboxes": 2}]), patience_s=0)
