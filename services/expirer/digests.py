"""Whose daily digest is due? Each becomes a send job, once a day and person, whatever dies.

The steps, and what a crash after each leaves:

1. read who is due            nothing
2. store the jobs             they are there; the next tick makes the same ones, which are there already. Until a lease
                              of a moment ends nobody sends them
3. set them free              any notifier sends them; the people are still due: as before
4. make the people due again, each only if nobody changed it meanwhile: who did is due as that change says
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from services.core.account_stores import UserStore
from services.core.digest import after_digest, digest_job
from services.core.mail import JobState, JobUpdate
from services.core.ports import Change, Clock
from services.core.stores import SendJobStore

log = structlog.get_logger("expirer")

#: People read and written at a time, and such portions for one call: what is left is due again at the next tick.
BATCH, ROUNDS = 500, 20
#: Under this name jobs are made; they are set free at once.
_OWNER = "expirer-digests"
_SET_FREE_WITHIN = timedelta(seconds=30)


class DigestSweep:
    """Makes digests; what they say is looked up when they are sent."""

    def __init__(self, *, users: UserStore, jobs: SendJobStore, clock: Clock) -> None:
        self._users, self._jobs, self._clock = users, jobs, clock

    async def sweep(self, shards: Sequence[int], at: datetime) -> int:
        """Make the digests that are due in the shards at `at`; returns how many people were due.

        Raises:
            DependencyUnavailable: those before are made; the next tick goes on.
        """
        seen = 0
        for _ in range(ROUNDS):
            due = await self._users.digests_due(shards, at, BATCH)
            if not due:
                break
            seen += len(due)
            jobs = [job for user in due if (job := digest_job(user, at)) is not None]
            if jobs:
                await self._jobs.add_leased(jobs, _OWNER, self._clock.real_now() + _SET_FREE_WITHIN)
                free = [JobUpdate(job_id=job.id, state=JobState.PENDING, attempts=0, due_at=job.due_at) for job in jobs]
                await self._jobs.finish(free, _OWNER)
            await self._users.save([Change(after_digest(user, at), user.version) for user in due])
            if len(due) < BATCH:
                break
        if seen:
            log.info("digests_made", people=seen, shards=len(shards))
        return seen
