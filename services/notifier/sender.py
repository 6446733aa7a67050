"""How do stored jobs become sent mails, each in the hands of one sender at a time?

Workers take what the handler hands over; a claimer takes what is due again or was left by a crash. Before the first
byte goes out the state of things is read afresh and the lease is sure to be ours; after the answers to some mails one
write ends their jobs. A crash between answer and write sends those once more, under the same Message-ID.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from time import perf_counter
from typing import TypeVar

import structlog

from services.core.errors import Transient
from services.core.mail import SendJob
from services.core.ports import Clock
from services.core.stores import SendJobStore
from services.notifier.delivery import BatchDelivery, Loaded
from services.notifier.metrics import MailMetrics
from services.notifier.outcomes import handed_back, not_loaded

log = structlog.get_logger("notifier")

T = TypeVar("T")

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderLimits:
    """Bounds of the senders of one process."""

    workers: int = 2
    batch: int = 500
    #: Most jobs in one batch.
    noted: int = 100
    #: Mails after which results are stored: so many go out twice at most when a worker is killed.
    waiting_batches: int = 4
    #: Batches that may wait; then the handler waits.
    patience_s: float = 10.0
    #: How long it waits; then its jobs go back to the store, for a slow mail server must not hold up the consumer.
    lease: timedelta = timedelta(seconds=30)
    poll_s: float = 1.0
    #: How often the store is asked for jobs that are due.


class MailSenders:
    """The senders of one process. `submit` hands jobs over; `run` works until stopped."""

    def __init__(
        self,
        *,
        jobs: SendJobStore,
        clock: Clock,
        delivery: BatchDelivery,
        owner: str,
        limits: SenderLimits,
        metrics: MailMetrics,
        progressed: Callable[[], None] = lambda: None,
    ) -> None:
        self._jobs, self._clock, self._delivery = jobs, clock, delivery
        self._owner, self._limits, self._metrics, self._progressed = owner, limits, metrics, progressed
        self._queue: asyncio.Queue[Sequence[SendJob] | None] = asyncio.Queue(limits.waiting_batches)
        self._stopping = asyncio.Event()
        self._slots: set[int] = set()
        #: Numbers of the portions that are being tried.
        self._held: set[str] = set()
        #: Jobs in our hands, waiting or under way: their leases are renewed, and a claim of our own leaves them alone.

    async def submit(self, jobs: Sequence[SendJob]) -> None:
        """Hand over jobs that are leased to this process; waits a while if too many wait already.

        What finds no room in time becomes pending in the store, and whichever sender is free claims it.

        Raises:
            DependencyUnavailable: there was no room, and the store does not answer; others go on when leases run out.
        """
        self._held.update(job.id for job in jobs)
        for at in range(0, len(jobs), self._limits.batch):
            try:
                async with asyncio.timeout(self._limits.patience_s):
                    await self._queue.put(jobs[at : at + self._limits.batch])
            except TimeoutError:
                left = jobs[at:]
                log.warning("mail_senders_busy", jobs_left_to_the_store=len(left))
                self._held.difference_update(job.id for job in left)
                await self._jobs.finish([handed_back(job) for job in left], self._owner)
                return
            self._metrics.queued.set(self._queue.qsize() * self._limits.batch)

    async def run(self, stop: asyncio.Event) -> None:
        """Send until stopped; then end the batches in hand and hand back what waits.

        Raises:
            ExceptionGroup: a part of it died of something unforeseen, and so all of it ends.
        """
        # Whoever works without renewed leases lets others send the same mails: the parts live and die together.
        async with asyncio.TaskGroup() as parts:
            heart = parts.create_task(self._renew_what_is_held())
            async with asyncio.TaskGroup() as tasks:
                for _ in range(self._limits.workers):
                    tasks.create_task(self._work())
                tasks.create_task(self._claim_until_stopped())
                await stop.wait()
                self._stopping.set()
                await self._hand_back()
                for _ in range(self._limits.workers):
                    await self._queue.put(None)
            # Not before the last batch has ended.
            heart.cancel()

    async def deliver(self, jobs: Sequence[SendJob]) -> None:
        """Try a batch of jobs leased to this process once, and store the results."""
        began = perf_counter()
        self._held.update(job.id for job in jobs)
        try:
            try:
                loaded = await self._patiently(lambda: self._delivery.load(jobs))
            except Transient:
                raise
            except Exception as error:  # noqa: BLE001 - one unreadable document must not stop the mails about others
                await self._apart(jobs, error)
                return
            for at in range(0, len(jobs), self._limits.noted):
                await self._attempt(jobs[at : at + self._limits.noted], loaded)
        finally:
            self._held.difference_update(job.id for job in jobs)
        self._metrics.batch_seconds.observe(perf_counter() - began)
        self._progressed()

    async def _attempt(self, jobs: Sequence[SendJob], loaded: Loaded) -> None:
        slot = next(n for n in count() if n not in self._slots)
        self._slots.add(slot)
        # Noted before the leases are looked at: who takes one over after this knows that the mail may be out.
        now, ids = self._clock.real_now(), [job.id for job in jobs]
        await self._patiently(lambda: self._jobs.trying(self._owner, slot, ids, now))
        # Asked for each portion: the one before may have taken longer than a lease.
        ours = await self._patiently(lambda: self._still_ours(jobs))
        updates = await self._delivery.attempt([job for job in jobs if job.id in ours], loaded)
        # The answers of the servers are known to nobody else: this is repeated until it is stored.
        await self._patiently(lambda: self._jobs.finish(updates, self._owner))
        # Not after an error: the note that these mails may be out must stay until somebody takes them over.
        self._slots.discard(slot)

    async def _apart(self, jobs: Sequence[SendJob], error: Exception) -> None:
        """Try the halves of a batch that can't be loaded; nothing of it has been sent. A single job waits for a fix."""
        if len(jobs) > 1:
            for half in (jobs[: len(jobs) // 2], jobs[len(jobs) // 2 :]):
                await self.deliver(half)
            return
        log.error("mail_not_loaded", job_id=jobs[0].id, kind=jobs[0].kind.value, error=type(error).__name__)
        update = not_loaded(jobs[0], f"cannot be read ({type(error).__name__})", self._clock.now())
        await self._patiently(lambda: self._jobs.finish([update], self._owner))

    async def claim_once(self) -> int:
        """Claim and try what is due, at most one batch; returns how many jobs that were."""
        real_now, limits = self._clock.real_now(), self._limits
        until, held = real_now + limits.lease, frozenset(self._held)
        claimed = await self._jobs.claim(self._owner, self._clock.now(), real_now, until, limits.batch)
        # After a pause of the whole process our own leases may have run out, and the claim renewed them. Whoever had
        # such a job when the claim began may have sent it and let go of it since.
        jobs = [job for job in claimed if job.id not in held and job.id not in self._held]
        if jobs:
            # Neither waiting for a retry nor handed back: its first sender vanished, perhaps after the final dot.
            left = sum(job.attempts > 1 and job.last_error is None for job in jobs)
            self._metrics.possible_duplicates.labels("lease_ran_out").inc(left)
            await self.deliver(jobs)
        return len(claimed)

    async def _work(self) -> None:
        while (jobs := await self._queue.get()) is not None:
            self._metrics.queued.set(self._queue.qsize() * self._limits.batch)
            try:
                await self.deliver(jobs)
            except Transient as error:
                # Only while stopping: the leases run out, and another process goes on.
                log.warning("mail_batch_left", jobs=len(jobs), error=str(error))

    async def _claim_until_stopped(self) -> None:
        while not self._stopping.is_set():
            claimed = 0
            try:
                claimed = await self.claim_once()
            except Transient as error:
                log.warning("mail_claim_failed", error=str(error))
            self._progressed()
            if claimed < self._limits.batch:
                await self._pause(self._limits.poll_s)

    async def _still_ours(self, jobs: Sequence[SendJob]) -> set[str]:
        """The ids whose lease is ours for long enough; renewed first where it may not be."""
        safe = self._clock.real_now() + self._limits.lease / 2
        ours = {job.id for job in jobs if job.lease_until is not None and job.lease_until >= safe}
        doubtful = [job.id for job in jobs if job.id not in ours]
        if doubtful:
            kept = await self._jobs.renew(doubtful, self._owner, self._clock.real_now() + self._limits.lease)
            self._metrics.leases_lost.inc(len(doubtful) - len(kept))
            ours |= kept
        return ours

    async def _renew_what_is_held(self) -> None:
        while True:
            await asyncio.sleep(self._limits.lease.total_seconds() / 3)
            try:
                await self._jobs.renew(sorted(self._held), self._owner, self._clock.real_now() + self._limits.lease)
            except Transient as error:
                log.warning("mail_lease_not_renewed", error=str(error))

    async def _hand_back(self) -> None:
        waiting: list[SendJob] = []
        while not self._queue.empty():
            waiting += self._queue.get_nowait() or ()
        if waiting:
            self._held.difference_update(job.id for job in waiting)
            updates = [handed_back(job) for job in waiting]
            try:
                await self._jobs.finish(updates, self._owner)
            except Transient as error:
                log.warning("mail_jobs_not_handed_back", jobs=len(waiting), error=str(error))

    async def _patiently(self, call: Callable[[], Awaitable[T]]) -> T:
        """Repeat a call to the store until it answers; while stopping, once.

        Raises:
            Transient: it failed, and this process stops.
        """
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                return await call()
            except Transient as error:
                if self._stopping.is_set():
                    raise
                log.warning("mail_store_unavailable", error=str(error), retry_in_s=pause_s)
            await self._pause(pause_s)
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return
