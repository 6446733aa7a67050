"""What does port `SendJobStore` promise?"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

from services.core import ids
from services.core.mail import Disclosure, JobState, JobUpdate, MailKind, Role, SendJob
from tests.builders import START
from tests.contract.stores import Stores

MINUTE = timedelta(minutes=1)
SOON = START + MINUTE


def make_job(n: int = 1, **overrides: object) -> SendJob:
    base = SendJob(
        id=ids.job_id(f"event-{n}", MailKind.NEW_REFERRAL, Role.PARTNER),
        event_id=f"event-{n}",
        kind=MailKind.NEW_REFERRAL,
        role=Role.PARTNER,
        rfi_id=f"rfi-{n}",
        referral_id=f"referral-{n}",
        partner_id="partner-1",
        address=f"sales{n}@partner.example",
        name="Sara Sales",
        language="es",
        at=START,
        due_at=START,
    )
    return replace(base, **overrides)  # type: ignore[arg-type]


def retry(job: SendJob, due: int) -> JobUpdate:
    return JobUpdate(
        job_id=job.id, state=JobState.PENDING, attempts=1, due_at=START + due * MINUTE, last_error="451 later"
    )


async def pending(stores: Stores, *jobs: SendJob) -> None:
    """Store jobs that wait for their next attempt, `n` minutes after START for the n-th."""
    await stores.jobs.add_leased(jobs, "first", SOON)
    await stores.jobs.finish([retry(job, n) for n, job in enumerate(jobs)], "first")


class SendJobStoreSuite:
    async def test_a_job_is_born_leased_to_who_inserts_it(self, stores: Stores) -> None:
        job = make_job()
        assert await stores.jobs.add_leased([job], "a", SOON) == {job.id}
        born = replace(job, state=JobState.LEASED, lease_owner="a", lease_until=SOON, attempts=1)
        assert await stores.jobs.load([job.id, "missing"]) == {job.id: born}

    async def test_a_job_that_is_there_is_left_as_it_is(self, stores: Stores) -> None:
        await stores.jobs.add_leased([make_job(1)], "a", SOON)
        added = await stores.jobs.add_leased([make_job(1, address="other@partner.example"), make_job(2)], "b", SOON)
        assert added == {make_job(2).id}
        stored = await stores.jobs.load([make_job(1).id])
        assert (stored[make_job(1).id].lease_owner, stored[make_job(1).id].address) == ("a", make_job(1).address)

    async def test_of_two_who_insert_a_job_one_has_it(self, stores: Stores) -> None:
        jobs = [make_job(n) for n in range(30)]
        added = await asyncio.gather(*(stores.jobs.add_leased(jobs, f"owner-{n}", SOON) for n in range(3)))
        stored = await stores.jobs.load([job.id for job in jobs])
        assert sum(len(each) for each in added) == 30
        for n, mine in enumerate(added):
            assert all(stored[id_].lease_owner == f"owner-{n}" for id_ in mine)

    async def test_empty_batches_do_nothing(self, stores: Stores) -> None:
        assert await stores.jobs.add_leased([], "a", SOON) == set()
        assert await stores.jobs.renew([], "a", SOON) == set()
        await stores.jobs.finish([], "a")
        assert await stores.jobs.load([]) == {}
        assert await stores.jobs.of_rfis([]) == []
        assert await stores.jobs.next_due() is None
        assert await stores.jobs.counts() == {}

    async def test_due_jobs_are_claimed_up_to_the_limit_oldest_first(self, stores: Stores) -> None:
        jobs = [make_job(n) for n in range(4)]
        await pending(stores, *jobs)
        until = START + 9 * MINUTE
        assert await stores.jobs.next_due() == START
        claimed = await stores.jobs.claim("b", START + 2 * MINUTE, START, until, 2)
        assert {job.id for job in claimed} == {jobs[0].id, jobs[1].id}
        assert {(job.state, job.lease_owner, job.lease_until, job.attempts) for job in claimed} == {
            (JobState.LEASED, "b", until, 2)
        }
        assert [job.id for job in await stores.jobs.claim("b", START + 2 * MINUTE, START, until, 9)] == [jobs[2].id]
        assert await stores.jobs.claim("b", START + 2 * MINUTE, START, until, 9) == []
        assert await stores.jobs.next_due() == START + 3 * MINUTE

    async def test_a_lease_that_ran_out_in_real_time_is_claimed_by_another(self, stores: Stores) -> None:
        await stores.jobs.add_leased([make_job()], "a", SOON)
        assert await stores.jobs.claim("b", START + 99 * MINUTE, SOON - timedelta(milliseconds=1), SOON, 9) == []
        [claimed] = await stores.jobs.claim("b", START, SOON, SOON + MINUTE, 9)
        assert (claimed.lease_owner, claimed.attempts, claimed.lost_leases) == ("b", 1, 0), "it had only waited"

    async def test_only_what_a_dead_sender_was_trying_may_have_been_sent(self, stores: Stores) -> None:
        before, tried, waiting = (make_job(n) for n in range(3))
        await stores.jobs.add_leased([before, tried, waiting], "a", SOON)
        await stores.jobs.trying("a", 0, [before.id], START)
        await stores.jobs.trying("a", 0, [tried.id], START)
        await stores.jobs.trying("another", 0, [waiting.id], START)
        claimed = {job.id: job for job in await stores.jobs.claim("b", START, SOON, SOON + MINUTE, 9)}
        assert {id_: (job.attempts, job.lost_leases) for id_, job in claimed.items()} == {
            before.id: (1, 0),
            tried.id: (2, 1),
            waiting.id: (1, 0),
        }
        assert {job.lease_owner for job in claimed.values()} == {"b"}

    async def test_whoever_takes_over_what_may_have_been_sent_learns_nothing_of_the_attempt_before(
        self, stores: Stores
    ) -> None:
        tried, waiting = make_job(1), make_job(2)
        await pending(stores, tried, waiting)
        now = START + 9 * MINUTE
        assert len(await stores.jobs.claim("a", now, START, SOON, 9)) == 2
        await stores.jobs.trying("a", 0, [tried.id], START)
        claimed = {job.id: job for job in await stores.jobs.claim("b", now, SOON, SOON + MINUTE, 9)}
        assert {id_: (job.attempts, job.last_error) for id_, job in claimed.items()} == {
            tried.id: (3, None),
            waiting.id: (2, "451 later"),
        }

    async def test_of_many_who_claim_at_once_each_job_goes_to_one(self, stores: Stores) -> None:
        jobs = [make_job(n) for n in range(30)]
        await pending(stores, *jobs)
        now = START + 99 * MINUTE
        claims = await asyncio.gather(*(stores.jobs.claim(f"o-{n}", now, START, now, 30) for n in range(4)))
        taken = [job.id for claimed in claims for job in claimed]
        assert sorted(taken) == sorted(job.id for job in jobs)
        assert all(job.lease_owner == f"o-{n}" for n, claimed in enumerate(claims) for job in claimed)

    async def test_a_lease_is_renewed_for_its_owner_alone(self, stores: Stores) -> None:
        mine, theirs = make_job(1), make_job(2)
        await stores.jobs.add_leased([mine], "a", SOON)
        await stores.jobs.add_leased([theirs], "b", SOON)
        later = SOON + MINUTE
        assert await stores.jobs.renew([mine.id, theirs.id, "missing"], "a", later) == {mine.id}
        stored = await stores.jobs.load([mine.id, theirs.id])
        assert (stored[mine.id].lease_until, stored[theirs.id].lease_until) == (later, SOON)

    async def test_a_result_is_written_by_the_owner_alone_and_once(self, stores: Stores) -> None:
        job = make_job()
        await stores.jobs.add_leased([job], "a", SOON)
        sent = JobUpdate(job_id=job.id, state=JobState.SENT, attempts=1, sent_at=START)
        await stores.jobs.finish([sent], "b")
        assert (await stores.jobs.load([job.id]))[job.id].state is JobState.LEASED
        await stores.jobs.finish([sent], "a")
        done = replace(job, state=JobState.SENT, attempts=1, sent_at=START)
        assert await stores.jobs.load([job.id]) == {job.id: done}
        await stores.jobs.finish([replace(sent, state=JobState.FAILED)], "a")
        assert await stores.jobs.load([job.id]) == {job.id: done}
        assert await stores.jobs.renew([job.id], "a", SOON) == set()

    async def test_a_retry_waits_for_its_time_and_forgets_its_error_when_it_succeeds(self, stores: Stores) -> None:
        job = make_job()
        await stores.jobs.add_leased([job], "a", SOON)
        update = replace(retry(job, 5), cut_at_dot=1)
        await stores.jobs.finish([update], "a")
        stored = (await stores.jobs.load([job.id]))[job.id]
        assert (stored.state, stored.due_at, stored.last_error) == (JobState.PENDING, START + 5 * MINUTE, "451 later")
        assert (stored.lease_owner, stored.lease_until, stored.cut_at_dot) == (None, None, 1)
        await stores.jobs.claim("b", START + 5 * MINUTE, START, SOON, 1)
        await stores.jobs.finish(
            [JobUpdate(job_id=job.id, state=JobState.SENT, attempts=2, sent_at=SOON, cut_at_dot=1)], "b"
        )
        stored = (await stores.jobs.load([job.id]))[job.id]
        assert (stored.state, stored.attempts, stored.last_error) == (JobState.SENT, 2, None)

    async def test_what_was_shown_of_a_contact_is_kept_with_the_result_and_left_by_those_that_say_nothing(
        self, stores: Stores
    ) -> None:
        jobs = [make_job(n) for n in range(3)]
        await stores.jobs.add_leased(jobs, "a", SOON)
        shown = (Disclosure(at=START), Disclosure(at=SOON, to="second@partner.example"))
        await stores.jobs.finish(
            [
                replace(retry(jobs[0], 0), disclosed=shown[:1]),
                replace(retry(jobs[1], 0), disclosed=()),
                retry(jobs[2], 0),
            ],
            "a",
        )
        stored = await stores.jobs.load([job.id for job in jobs])
        assert [stored[job.id].disclosed for job in jobs] == [shown[:1], (), None]
        await stores.jobs.claim("b", START, START, SOON, 9)
        back = JobUpdate(job_id=jobs[0].id, state=JobState.PENDING, attempts=1, due_at=START)
        sent = JobUpdate(job_id=jobs[1].id, state=JobState.SENT, attempts=2, sent_at=START, disclosed=shown)
        await stores.jobs.finish([back, sent], "b")
        stored = await stores.jobs.load([job.id for job in jobs])
        assert [stored[job.id].disclosed for job in jobs] == [shown[:1], shown, None]

    async def test_a_sender_whose_lease_was_taken_over_changes_nothing(self, stores: Stores) -> None:
        job = make_job()
        await stores.jobs.add_leased([job], "a", SOON)
        await stores.jobs.claim("b", START, SOON, SOON + MINUTE, 1)
        assert await stores.jobs.renew([job.id], "a", SOON + 9 * MINUTE) == set()
        await stores.jobs.finish([JobUpdate(job_id=job.id, state=JobState.FAILED, attempts=1)], "a")
        stored = (await stores.jobs.load([job.id]))[job.id]
        assert (stored.state, stored.lease_owner) == (JobState.LEASED, "b")

    async def test_jobs_are_found_by_rfi_and_counted(self, stores: Stores) -> None:
        jobs = [make_job(1), make_job(2, rfi_id="rfi-1", language="en"), make_job(3)]
        await stores.jobs.add_leased(jobs, "a", SOON)
        await stores.jobs.finish([JobUpdate(job_id=jobs[0].id, state=JobState.SENT, attempts=1, sent_at=START)], "a")
        assert {job.id for job in await stores.jobs.of_rfis(["rfi-1", "missing"])} == {jobs[0].id, jobs[1].id}
        assert await stores.jobs.counts() == {
            ("new_referral", "es", JobState.SENT): 1,
            ("new_referral", "en", JobState.LEASED): 1,
            ("new_referral", "es", JobState.LEASED): 1,
        }

    async def test_a_mail_that_came_back_is_due_again_once_for_each_address(self, stores: Stores) -> None:
        job, sent = make_job(), JobUpdate(job_id=make_job().id, state=JobState.SENT, attempts=1, sent_at=START)
        await stores.jobs.add_leased([job], "a", SOON)
        assert not await stores.jobs.came_back(job.id, "first", "came back: 5.1.1", SOON), "not sent yet"
        await stores.jobs.finish([sent], "a")
        assert await stores.jobs.came_back(job.id, "first", "came back: 5.1.1", SOON)
        assert not await stores.jobs.came_back(job.id, "first", "came back: 5.1.1", SOON)
        [again] = await stores.jobs.claim("b", SOON, SOON, SOON + MINUTE, 9)
        assert (again.attempts, again.last_error, again.returned) == (1, "came back: 5.1.1", ("first",))
        await stores.jobs.finish([sent], "b")
        assert not await stores.jobs.came_back(job.id, "first", "came back: 5.1.1", SOON), "it went elsewhere since"
        assert await stores.jobs.came_back(job.id, "second", "came back: 5.2.2", None)
        [given_up] = await stores.aside.failed(9)
        assert (given_up.last_error, given_up.returned) == ("came back: 5.2.2", ("first", "second"))
        assert not await stores.jobs.came_back("missing", "first", "came back: 5.1.1", SOON)

    async def test_a_job_is_not_handed_back_again_from_whoever_claimed_it_since(self, stores: Stores) -> None:
        """Found by a backlog on a slow database: an answer that came too late, and its repetition undid a claim."""
        job = make_job()
        await stores.jobs.add_leased([job], "a", SOON)
        back = JobUpdate(job_id=job.id, state=JobState.PENDING, attempts=0, due_at=START, unclaimed=True)
        await stores.jobs.finish([back], "a")
        assert len(await stores.jobs.claim("a", START, START, SOON, 9)) == 1
        await stores.jobs.finish([back], "a")
        assert (await stores.jobs.load([job.id]))[job.id].state is JobState.LEASED
        await stores.jobs.finish([JobUpdate(job_id=job.id, state=JobState.SENT, attempts=1, sent_at=START)], "a")
        assert (await stores.jobs.load([job.id]))[job.id].state is JobState.SENT
