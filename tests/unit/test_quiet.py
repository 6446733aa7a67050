"""Does waiting for quiet last as long as work moves, and end with words when it does not?"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping

import pytest

from schemas.topics import Group
from services.adapters.memory.clock import TurnableClock
from services.adapters.memory.stores import MemoryStores
from services.adapters.quiet import Quiet
from services.cli.demo.script import WorkLeftError, until_nothing_is_left
from services.core.mail import JobState, JobUpdate
from tests.builders import make_sign_in_mail


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


class NotifierAway:
    """A Kafka whose groups are up to date, but for the notifier's."""

    async def lags(self, reads: Mapping[str, Collection[str]]) -> dict[str, dict[tuple[str, int], int]]:
        return {group: {("referral.events", 0): 7 if group == Group.NOTIFIER else 0} for group in reads}


async def test_mails_that_are_due_are_named_beside_the_backlog_of_who_would_make_more() -> None:
    """While no notifier runs its backlog grows: an operator who asks what waits must see the mails all the same."""
    stores, clock = MemoryStores(), TurnableClock()
    mail = make_sign_in_mail(1)
    await stores.jobs.add_leased([mail], "a notifier", clock.real_now())
    again = JobUpdate(job_id=mail.id, state=JobState.PENDING, attempts=1, due_at=clock.now())
    await stores.jobs.finish([again], "a notifier")
    quiet = Quiet(
        admin=NotifierAway(),
        rfis=stores.rfis,
        referrals=stores.referrals,
        partners=stores.partners,
        jobs=stores.jobs,
        pasts=stores.pasts,
        webhooks=stores.webhooks,
        clock=clock,
    )
    assert await quiet.pending(all_of_it=True) == {"notifier backlog": 7, "mails due": 1}
    assert await quiet.pending() == {"notifier backlog": 7}
