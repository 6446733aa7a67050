"""How would what was put aside be found, released and closed without a database? The twin of port `AsideStore`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from services.adapters.memory.dead_letters import MemoryDeadLetters
from services.adapters.memory.faults import faulty
from services.adapters.memory.going_on import gone_on
from services.adapters.memory.jobs import MemorySendJobs
from services.adapters.memory.referrals import Deferred, MemoryReferrals
from services.adapters.memory.refusals import without_original
from services.adapters.memory.rfis import MemoryRfis
from services.adapters.mongo.dead_letters import id_of
from services.core.aside import Closing, Letters, Parked, Waiting
from services.core.listing import Cursor
from services.core.mail import JobState, SendJob
from services.core.ports import DeadLetter


class MemoryAside:
    """Looks into the other twins, and fails when they are told to."""

    def __init__(
        self, letters: MemoryDeadLetters, referrals: MemoryReferrals, jobs: MemorySendJobs, rfis: MemoryRfis
    ) -> None:
        self.faults = letters.faults
        self._letters, self._referrals, self._jobs, self._rfis = letters, referrals, jobs, rfis

    def _meant(self, which: Letters) -> dict[str, DeadLetter]:
        return {
            id_: letter
            for id_, letter in self._letters.stored.items()
            if id_ not in self._letters.dropped
            and which.group in (None, letter.group)
            and which.topic in (None, letter.record.topic)
            and which.reason in (None, letter.reason)
            and (which.since is None or letter.at >= which.since)
            and (which.text is None or which.text.casefold() in letter.detail.casefold())
        }

    @faulty
    async def letters(self, which: Letters, limit: int, after: Cursor | None = None) -> list[DeadLetter]:
        """Newest first."""
        found = [replace(letter, record=without_original(letter.record)) for letter in self._meant(which).values()]
        return gone_on(found, lambda each: Cursor(each.at, id_of(each)), after, descending=True)[:limit]

    @faulty
    async def letter_ids(self, which: Letters, limit: int) -> list[str]:
        """Oldest first; among letters of one instant, by their place in the log."""
        return [id_ for id_, _ in sorted(self._meant(which).items(), key=lambda each: _in_order(each[1]))][:limit]

    @faulty
    async def letter_counts(self, which: Letters) -> dict[tuple[str, str, str], int]:
        """By group, topic and reason."""
        return dict(Counter((x.group, x.record.topic, x.reason) for x in self._meant(which).values()))

    @faulty
    async def closings(self, ids: Sequence[str]) -> Mapping[str, Closing]:
        """By id."""
        return {id_: self._letters.dropped[id_] for id_ in ids if id_ in self._letters.dropped}

    @faulty
    async def close(self, ids: Sequence[str], why: str, at: datetime) -> None:
        """The first word stands."""
        for id_ in ids:
            if id_ in self._letters.stored:
                self._letters.dropped.setdefault(id_, Closing(why=why, at=at))

    def _parked(self) -> dict[str, Deferred]:
        return {id_: deferred for id_, deferred in self._referrals.deferred.items() if deferred.parked}

    @faulty
    async def parked(self, limit: int, after: Cursor | None = None) -> list[Parked]:
        """Changed longest ago first."""
        found = [
            Parked(referral=self._referrals.stored[id_], attempts=deferred.attempts, why=deferred.why)
            for id_, deferred in self._parked().items()
        ]
        return gone_on(found, lambda each: Cursor(each.referral.updated_at, each.referral.id), after)[:limit]

    @faulty
    async def release(self, ids: Sequence[str]) -> int:
        """Due as before."""
        held = self._parked().keys() & set(ids)
        for id_ in held:
            del self._referrals.deferred[id_]
        return len(held)

    def _failed(self) -> list[SendJob]:
        return [job for job in self._jobs.stored.values() if job.state is JobState.FAILED]

    @faulty
    async def failed(self, limit: int, after: Cursor | None = None) -> list[SendJob]:
        """Oldest event first."""
        return gone_on(self._failed(), lambda job: Cursor(job.at, job.id), after)[:limit]

    @faulty
    async def retry(self, ids: Sequence[str], at: datetime) -> int:
        """Pending again."""
        given_up = [job for job in self._failed() if job.id in ids]
        again = [replace(job, state=JobState.PENDING, due_at=at, attempts=0) for job in given_up]
        self._jobs.stored |= {job.id: job for job in again}
        return len(again)

    @faulty
    async def waiting(self) -> Waiting:
        """Counted over everything."""
        referrals = self._referrals.stored.values()
        unsent = [rfi.outbox[0].at for rfi in self._rfis.stored.values() if rfi.outbox]
        unsent += [referral.outbox[0].at for referral in referrals if referral.outbox]
        due = [at for referral in referrals if (at := self._referrals.due_at(referral)) is not None]
        return Waiting(
            open_letters=len(self._meant(Letters())),
            parked_referrals=len(self._parked()),
            oldest_unsent=min(unsent, default=None),
            oldest_due=min(due, default=None),
        )


def _in_order(letter: DeadLetter) -> tuple[datetime, str, str, int, int]:
    record = letter.record
    return letter.at, letter.group, record.topic, record.partition, record.offset
