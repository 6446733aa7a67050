"""How would send jobs be kept if there were no database? The twin of port `SendJobStore`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from services.adapters.memory.faults import Faults, faulty
from services.adapters.mongo.documents import JOBS
from services.adapters.mongo.jobs import leased_to
from services.core.mail import JobState, JobUpdate, SendJob


class MemorySendJobs:
    """Jobs by id, in `stored`."""

    def __init__(self, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self.stored: dict[str, SendJob] = {}
        self._notes: dict[tuple[str, int], Sequence[str]] = {}
        self._claimed: set[str] = set()
        #: Those whose lease comes from a claim, not from their birth.

    @faulty
    async def add_leased(self, jobs: Sequence[SendJob], owner: str, until: datetime) -> set[str]:
        """Insert what is not there."""
        new = {job.id: job for job in jobs if job.id not in self.stored}
        for job in new.values():
            self.stored[job.id] = JOBS.as_stored(leased_to(job, owner, until))
        return set(new)

    @faulty
    async def claim(self, owner: str, now: datetime, real_now: datetime, until: datetime, limit: int) -> list[SendJob]:
        """Due ones first, then those whose lease ran out."""
        pending = [job for job in self.stored.values() if job.state is JobState.PENDING and job.due_at <= now]
        ran_out = [
            job
            for job in self.stored.values()
            if job.state is JobState.LEASED and job.lease_until is not None and job.lease_until <= real_now
        ]
        taken = (sorted(pending, key=lambda job: job.due_at) + ran_out)[:limit]
        for job in taken:
            lost = job.state is JobState.LEASED
            tried = not lost or self._was_trying(job)
            self.stored[job.id] = replace(
                leased_to(job, owner, until),
                attempts=job.attempts + tried,
                lost_leases=job.lost_leases + (lost and tried),
                last_error=None if lost and tried else job.last_error,
            )
        self._claimed.update(job.id for job in taken)
        return [self.stored[job.id] for job in taken]

    def _was_trying(self, job: SendJob) -> bool:
        return any(owner == job.lease_owner and job.id in ids for (owner, _), ids in self._notes.items())

    @faulty
    async def trying(self, owner: str, slot: int, ids: Sequence[str], at: datetime) -> None:
        """The note before it in the slot goes."""
        del at  # Nothing expires here.
        self._notes[owner, slot] = tuple(ids)

    @faulty
    async def renew(self, ids: Sequence[str], owner: str, until: datetime) -> set[str]:
        """Those still leased to the owner."""
        ours = {id_ for id_ in ids if self._is_leased_to(id_, owner)}
        for id_ in ours:
            self.stored[id_] = replace(self.stored[id_], lease_until=until)
        return ours

    def _is_leased_to(self, id_: str, owner: str) -> bool:
        job = self.stored.get(id_)
        return job is not None and job.state is JobState.LEASED and job.lease_owner == owner

    @faulty
    async def finish(self, updates: Sequence[JobUpdate], owner: str) -> None:
        """Only where the lease is still the owner's."""
        for update in updates:
            if self._is_leased_to(update.job_id, owner) and not (update.unclaimed and update.job_id in self._claimed):
                job = self.stored[update.job_id]
                self._claimed.discard(job.id)
                self.stored[job.id] = replace(
                    job,
                    state=update.state,
                    attempts=update.attempts,
                    due_at=update.due_at or job.due_at,
                    sent_at=update.sent_at or job.sent_at,
                    last_error=update.last_error,
                    cut_at_dot=update.cut_at_dot,
                    disclosed=job.disclosed if update.disclosed is None else update.disclosed,
                    lease_owner=None,
                    lease_until=None,
                )

    @faulty
    async def came_back(self, id_: str, address_key: str, why: str, due_at: datetime | None) -> bool:
        """Where it counts as sent, and did not come back from there before."""
        job = self.stored.get(id_)
        if job is None or job.state is not JobState.SENT or address_key in (job.returned or ()):
            return False
        self.stored[id_] = replace(
            job,
            state=JobState.FAILED if due_at is None else JobState.PENDING,
            due_at=due_at or job.due_at,
            last_error=why,
            attempts=0,
            returned=(*(job.returned or ()), address_key),
        )
        return True

    @faulty
    async def load(self, ids: Sequence[str]) -> dict[str, SendJob]:
        """By id."""
        return {id_: self.stored[id_] for id_ in ids if id_ in self.stored}

    @faulty
    async def of_rfis(self, rfi_ids: Sequence[str]) -> list[SendJob]:
        """All of them."""
        return [job for job in self.stored.values() if job.rfi_id in rfi_ids]

    @faulty
    async def counts(self) -> dict[tuple[str, str, JobState], int]:
        """By kind, language and state."""
        return dict(Counter((job.kind.value, job.language, job.state) for job in self.stored.values()))

    @faulty
    async def next_due(self) -> datetime | None:
        """The earliest of the pending ones."""
        return min((job.due_at for job in self.stored.values() if job.state is JobState.PENDING), default=None)
