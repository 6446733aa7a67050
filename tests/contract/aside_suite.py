"""What does port `AsideStore` promise?"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

from services.core.aside import Closing, Letters, Parked, Waiting
from services.core.creation import accepted_event, created_event
from services.core.listing import Cursor
from services.core.mail import JobState, JobUpdate, SendJob
from services.core.ports import DeadLetter
from services.core.referral import Timers
from tests.builders import START, make_referral, make_rfi
from tests.contract.dead_letter_suite import bare, id_of, make_letter
from tests.contract.job_suite import make_job
from tests.contract.refusal_suite import make_record
from tests.contract.stores import Stores

T = TypeVar("T")

DAY = timedelta(days=1)
ALL = Letters()
#: The shards of the builders' referrals here.
SHARD = 1

LETTERS = [
    make_letter(1),
    make_letter(2, reason="KeyError", detail="KeyError in handler.py:7 route (odd)"),
    make_letter(3, group="referrals-notifier", record=make_record(3, topic="referral.events")),
]
IDS = [id_of(1), id_of(2)]


async def given_up(stores: Stores, jobs: Sequence[SendJob]) -> None:
    await stores.jobs.add_leased(jobs, "sender", START)
    failed = [
        JobUpdate(job_id=j.id, state=JobState.FAILED, attempts=9, last_error="refused: 550", cut_at_dot=1) for j in jobs
    ]
    await stores.jobs.finish(failed, "sender")


async def walked(listed: Callable[..., Awaitable[list[T]]], place: Callable[[T], Cursor]) -> list[T]:
    """All eight of a list, three at a time."""
    found: list[T] = []
    after: Cursor | None = None
    while page := await listed(3, after):
        found += page
        after = place(page[-1])
    assert len(found) == 8
    return found


class AsideStoreSuite:
    async def test_open_letters_are_narrowed_by_each_filter_and_by_all_of_them(self, stores: Stores) -> None:
        await stores.dead_letters.put(LETTERS)
        one, two, three = map(bare, LETTERS)
        listed = stores.aside.letters
        assert await listed(ALL, 9) == [three, two, one]
        assert await listed(ALL, 2) == [three, two]
        assert await listed(Letters(group="referrals-router"), 9) == [two, one]
        assert await listed(Letters(topic="referral.events"), 9) == [three]
        assert await listed(Letters(reason="KeyError"), 9) == [two]
        assert await listed(Letters(since=two.at), 9) == [three, two]
        assert await listed(Letters(text="NOT KNOWN"), 9) == [three, one]
        assert await listed(Letters(text="(odd)"), 9) == [two]
        assert await listed(Letters(text=".*"), 9) == []
        assert await listed(Letters(text="not\0known"), 9) == []
        assert await listed(Letters(group="referrals-router", text="not known", since=START), 9) == [one]

    async def test_ids_come_in_the_order_in_which_records_are_replayed(self, stores: Stores) -> None:
        together = [make_letter(n, at=START) for n in (5, 4)]
        await stores.dead_letters.put([*LETTERS, *together])
        assert await stores.aside.letter_ids(Letters(group="referrals-router"), 9) == [id_of(4), id_of(5), *IDS]
        assert await stores.aside.letter_ids(Letters(since=LETTERS[0].at), 1) == [id_of(1)]

    async def test_letters_are_counted_by_group_topic_and_reason(self, stores: Stores) -> None:
        await stores.dead_letters.put([*LETTERS, make_letter(4)])
        assert await stores.aside.letter_counts(ALL) == {
            ("referrals-router", "rfi.accepted", "UnknownMessage"): 2,
            ("referrals-router", "rfi.accepted", "KeyError"): 1,
            ("referrals-notifier", "referral.events", "UnknownMessage"): 1,
        }
        assert await stores.aside.letter_counts(Letters(reason="none")) == {}

    async def test_a_closed_letter_says_how_and_the_first_word_stands(self, stores: Stores) -> None:
        await stores.dead_letters.put(LETTERS)
        await stores.aside.close(IDS[:1], "replayed", START)
        await stores.aside.close([*IDS, "missing"], "a test record", START + DAY)
        await stores.aside.close([], "nothing", START)
        assert await stores.aside.closings([*IDS, "missing", id_of(3)]) == {
            IDS[0]: Closing(why="replayed", at=START),
            IDS[1]: Closing(why="a test record", at=START + DAY),
        }
        assert await stores.aside.letter_ids(Letters(group="referrals-router"), 9) == []
        assert set(await stores.dead_letters.load(IDS)) == set(IDS)

    async def test_a_parked_referral_is_listed_until_it_is_released_and_then_due(self, stores: Stores) -> None:
        older, newer, deferred = (make_referral(n, shard=SHARD, updated_at=START + n * DAY) for n in (1, 2, 3))
        await stores.referrals.add([newer, older, deferred])
        for each in (newer, older):
            await stores.referrals.defer(each.id, 1, START, 5, parked=True, why="KeyError")
        await stores.referrals.defer(deferred.id, 1, START + 99 * DAY, 1, parked=False, why="KeyError")
        first, second = (Parked(referral=each, attempts=5, why="KeyError") for each in (older, newer))
        assert await stores.aside.parked(9) == [first, second]
        assert await stores.aside.parked(1) == [first]
        assert await stores.aside.release([older.id, deferred.id, "missing"]) == 1
        assert await stores.aside.release([]) == 0
        assert await stores.aside.parked(9) == [second]
        due = older.timers.next_due()
        assert due is not None
        assert await stores.referrals.due([SHARD], due - timedelta(seconds=1), 9) == []
        assert await stores.referrals.due([SHARD], due, 9) == [older]
        assert await stores.referrals.load([older.id]) == {older.id: older}

    async def test_a_released_referral_with_nothing_due_stays_out_of_the_sweeps(self, stores: Stores) -> None:
        referral = make_referral(shard=SHARD, timers=Timers())
        await stores.referrals.add([referral])
        await stores.referrals.defer(referral.id, 1, START, 5, parked=True, why="KeyError")
        assert await stores.aside.release([referral.id]) == 1
        assert await stores.aside.parked(9) == []
        assert await stores.referrals.due([SHARD], START + 99 * DAY, 9) == []

    async def test_a_mail_that_was_given_up_is_listed_until_it_is_tried_again(self, stores: Stores) -> None:
        later, earlier = make_job(1, at=START + DAY), make_job(2)
        await given_up(stores, [later, earlier])
        await stores.jobs.add_leased([make_job(3)], "sender", START + DAY)
        failed = await stores.aside.failed(9)
        assert [(job.id, job.last_error) for job in failed] == [
            (earlier.id, "refused: 550"),
            (later.id, "refused: 550"),
        ]
        assert await stores.aside.failed(1) == failed[:1]
        assert await stores.aside.retry([earlier.id, make_job(3).id, "missing"], START) == 1
        assert await stores.aside.retry([], START) == 0
        assert [job.id for job in await stores.aside.failed(9)] == [later.id]
        [claimed] = await stores.jobs.claim("another", START, START, START + DAY, 9)
        # All attempts anew; a copy that may have arrived is remembered.
        assert (claimed.id, claimed.attempts, claimed.cut_at_dot) == (earlier.id, 1, 1)

    async def test_each_list_goes_on_behind_the_last_of_a_page_also_within_one_instant(self, stores: Stores) -> None:
        letters = [make_letter(n, at=START + (n // 4) * DAY) for n in range(8)]
        referrals = [make_referral(n, shard=SHARD, updated_at=START + (n // 4) * DAY) for n in range(8)]
        await stores.dead_letters.put([*letters, make_letter(9, group="referrals-notifier", at=START)])
        await stores.referrals.add(referrals)
        for each in referrals:
            await stores.referrals.defer(each.id, 1, START, 5, parked=True, why="KeyError")
        await given_up(stores, [make_job(n, at=START + (n // 4) * DAY) for n in range(8)])

        async def of_router(limit: int, after: Cursor | None = None) -> list[DeadLetter]:
            return await stores.aside.letters(Letters(group="referrals-router", text="known"), limit, after)

        def of_letter(letter: DeadLetter) -> Cursor:
            return Cursor(letter.at, id_of(letter.record.offset, letter.group))

        assert await walked(of_router, of_letter) == await of_router(99)
        parked = await walked(stores.aside.parked, lambda each: Cursor(each.referral.updated_at, each.referral.id))
        assert parked == await stores.aside.parked(99)
        assert await walked(stores.aside.failed, lambda job: Cursor(job.at, job.id)) == await stores.aside.failed(99)

    async def test_what_is_unfinished_is_counted_and_dated(self, stores: Stores) -> None:
        nothing = Waiting(open_letters=0, parked_referrals=0, oldest_unsent=None, oldest_due=None)
        assert await stores.aside.waiting() == nothing
        rfi, referral, parked = make_rfi(), make_referral(1, shard=SHARD), make_referral(2, shard=SHARD)
        await stores.rfis.add([replace(rfi, outbox=(replace(accepted_event(rfi), at=START + DAY),))])
        await stores.referrals.add([replace(referral, outbox=(created_event(referral),)), parked])
        await stores.referrals.defer(parked.id, 1, START, 5, parked=True, why="KeyError")
        await stores.dead_letters.put(LETTERS)
        due = referral.timers.next_due()
        told = Waiting(open_letters=3, parked_referrals=1, oldest_unsent=START, oldest_due=due)
        assert await stores.aside.waiting() == told
