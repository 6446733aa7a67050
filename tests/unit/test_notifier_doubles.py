"""Can a mail go out twice without being counted? What each of these left behind did, once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from services.adapters.memory.jobs import MemorySendJobs
from services.adapters.memory.partners import MemoryPartners
from services.core.errors import DependencyUnavailable
from services.core.mail import Envelope, JobState, JobUpdate, Outcome, SendJob
from services.core.partner import Profile
from services.notifier.sender import SenderLimits
from tests.builders import make_sign_in_mail
from tests.unit.test_notifier import World, handle

LEASE = SenderLimits().lease


def times_sent(world: World) -> set[int]:
    """How often each job's mail went out."""
    return {Counter(each.job_id for each in world.mailer.accepted)[id_] for id_ in world.stores.jobs.stored}


class UnreadableProfiles(MemoryPartners):
    """Profiles that can't be read while there is an error."""

    error: Exception | None = None

    async def load_profiles(self, ids: Sequence[str], *, partner_id: str | None = None) -> dict[str, Profile]:
        if self.error is not None:
            raise self.error
        return await super().load_profiles(ids, partner_id=partner_id)


@pytest.mark.parametrize("error", [DependencyUnavailable("mongo"), ValueError("what stands there is not known")])
async def test_who_else_to_ask_is_not_known_now_and_no_mail_of_the_batch_goes_out_again(error: Exception) -> None:
    world = World()
    world.stores.partners = partners = UnreadableProfiles()
    records = await world.seed(3)
    notifier = world.start()
    await handle(notifier, records)

    def answer(envelope: Envelope) -> Outcome:
        return Outcome.REFUSED if envelope.recipient == "sales@partner1.example" else Outcome.SENT

    world.mailer.answer = answer
    partners.error = error
    world.clock.advance(timedelta(seconds=6))
    await notifier.senders.deliver(list(world.stores.jobs.stored.values()))
    assert world.states() == {"sent": 2, "pending": 1}
    partners.error = None
    world.clock.advance(timedelta(minutes=1))
    assert await notifier.senders.claim_once() == 1
    assert world.states() == {"sent": 3}
    assert times_sent(world) == {1}
    assert "admin@partner1.example" in [each.recipient for each in world.mailer.accepted]


class SlowClaims(MemorySendJobs):
    """Jobs whose claims are answered when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.claimed, self.answered = asyncio.Event(), asyncio.Event()

    async def claim(self, owner: str, now: datetime, real_now: datetime, until: datetime, limit: int) -> list[SendJob]:
        found = await super().claim(owner, now, real_now, until, limit)
        self.claimed.set()
        await self.answered.wait()
        return found


async def test_what_was_sent_while_a_claim_waited_for_its_answer_is_not_sent_by_the_claim() -> None:
    world = World()
    world.stores.jobs = jobs = SlowClaims()
    records = await world.seed()
    notifier = world.start()
    await handle(notifier, records)
    waiting = list(jobs.stored.values())
    world.clock.advance(LEASE + timedelta(seconds=1))
    claiming = asyncio.create_task(notifier.senders.claim_once())
    await jobs.claimed.wait()
    await notifier.senders.deliver(waiting)
    jobs.answered.set()
    assert await claiming == 3
    assert world.states() == {"sent": 3}
    assert times_sent(world) == {1}


class UnwritableResult(MemorySendJobs):
    """Jobs of which one's result can't be written."""

    unwritable = ""

    async def finish(self, updates: Sequence[JobUpdate], owner: str) -> None:
        if self.unwritable in {each.job_id for each in updates}:
            raise DependencyUnavailable("mongo")
        await super().finish(updates, owner)


async def test_a_mail_whose_result_was_lost_in_a_stop_counts_as_possibly_doubled() -> None:
    world = World()
    world.stores.jobs = jobs = UnwritableResult()
    records = await world.seed(2)
    stopping = world.start(SenderLimits(workers=0, poll_s=0.001))
    stop = asyncio.Event()
    stop.set()
    await stopping.senders.run(stop)
    await handle(stopping, records)
    lost, other = jobs.stored.values()
    jobs.unwritable = lost.id
    with pytest.raises(DependencyUnavailable):
        await stopping.senders.deliver([lost])
    await stopping.senders.deliver([other])
    jobs.unwritable = ""
    world.clock.advance(LEASE + timedelta(seconds=1))
    assert await world.start().senders.claim_once() == 1
    assert {id_: job.lost_leases for id_, job in jobs.stored.items()} == {lost.id: 1, other.id: 0}
    assert world.metric("referrals_mail_possible_duplicates_total", cause="lease_ran_out") == 1


async def test_a_mail_left_by_a_sender_that_died_in_a_later_attempt_is_counted_too() -> None:
    world = World()
    records = await world.seed(1)
    notifier = world.start()
    await handle(notifier, records)
    world.mailer.answer = lambda _: Outcome.RETRY
    await notifier.senders.deliver(list(world.stores.jobs.stored.values()))
    world.clock.advance(timedelta(minutes=1))
    now = world.clock.real_now()
    (again,) = await world.stores.jobs.claim("dying", world.clock.now(), now, now + LEASE, 9)
    await world.stores.jobs.trying("dying", 0, [again.id], now)
    world.mailer.answer = lambda _: Outcome.SENT
    world.clock.advance(LEASE + timedelta(seconds=1))
    assert await notifier.senders.claim_once() == 1
    assert (world.only_job().state, world.only_job().lost_leases) == (JobState.SENT, 1)
    assert world.metric("referrals_mail_possible_duplicates_total", cause="lease_ran_out") == 1


async def test_a_mail_to_an_account_that_cannot_be_written_spares_its_neighbours() -> None:
    world = World()
    sound, damaged = make_sign_in_mail(1), make_sign_in_mail(2)
    await world.stores.jobs.add_leased([sound, damaged], "portal", world.clock.real_now())
    world.stores.jobs.stored[damaged.id] = replace(world.stores.jobs.stored[damaged.id], event_id="\ud800")
    assert await world.start().senders.claim_once() == 2
    assert world.states() == {"sent": 1, "pending": 1}
    assert world.stores.jobs.stored[damaged.id].last_error == "not rendered (UnicodeEncodeError)"
