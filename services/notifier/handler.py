"""Which send jobs do the events of a batch make? Inserted once, then handed to the senders of this process.

A job is born leased to us. A crash before the insert brings the events again; a crash after it leaves jobs whose lease
runs out, and any sender claims them. So the offset may be committed once the jobs are stored.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from services.core.errors import Invalid, ReferenceMissing
from services.core.events import Event
from services.core.mail import Role, SendJob
from services.core.ports import Clock, Failure, Record
from services.core.rfi import Person
from services.core.stores import RfiStore, SendJobStore
from services.notifier.directory import Directory
from services.notifier.metrics import MailMetrics
from services.notifier.plan import Lease, Wanted, copies_of, job_of, partner_contacts, wanted


@dataclass(frozen=True, slots=True)
class _Asked:
    record: Record
    event: Event
    mail: Wanted

    def fact(self, name: str) -> str:
        return str(self.event.facts.get(name, ""))


class NotifierHandler:
    """Consumes `referral.events` and `engagement.events`.

    Args:
        decode: reads an event off a record; raises `Invalid`.
        submit: takes the jobs that were inserted now; waits while too many are waiting to be sent.
        owner: name of this start of this process, for leases.
        lease: how long a job stays ours without a sign of life.
    """

    def __init__(
        self,
        *,
        rfis: RfiStore,
        jobs: SendJobStore,
        directory: Directory,
        clock: Clock,
        decode: Callable[[Record], Event],
        submit: Callable[[Sequence[SendJob]], Awaitable[None]],
        owner: str,
        lease: timedelta,
        metrics: MailMetrics,
    ) -> None:
        self._rfis, self._jobs, self._directory, self._clock = rfis, jobs, directory, clock
        self._decode, self._submit = decode, submit
        self._owner, self._lease, self._metrics = owner, lease, metrics

    async def __call__(self, records: Sequence[Record]) -> Sequence[Failure]:
        """Store the jobs that the events ask for, and hand over those that are new."""
        failures: list[Failure] = []
        asked: list[_Asked] = []
        for record in records:
            try:
                event = self._decode(record)
            except Invalid as error:
                failures.append(Failure(record, error))
                continue
            asked += [_Asked(record, event, mail) for mail in wanted(event)]
        jobs: dict[str, SendJob] = {}
        lease = Lease(self._owner, self._clock.real_now() + self._lease)
        recipients = await self._recipients(asked)
        to_partners = {each.fact("partnerId") for each in asked if each.mail.role is Role.PARTNER}
        wishes = await self._directory.wishes(to_partners)
        for each, to in zip(asked, recipients, strict=True):
            if to is None:
                failures.append(Failure(each.record, _nobody(each)))
            else:
                job = job_of(each.event, each.mail, to, lease)
                jobs[job.id] = job
                if each.mail.role is Role.PARTNER:
                    jobs |= {copy.id: copy for copy in copies_of(job, wishes.get(each.fact("partnerId"), ()))}
        if jobs:
            await self._store(list(jobs.values()), lease)
        return failures

    async def _store(self, jobs: list[SendJob], lease: Lease) -> None:
        new = await self._jobs.add_leased(jobs, lease.owner, lease.until)
        ours = [job for job in jobs if job.id in new]
        for kind, number in Counter(job.kind.value for job in ours).items():
            self._metrics.jobs.labels(kind).inc(number)
        if ours:
            await self._submit(ours)

    async def _recipients(self, asked: Sequence[_Asked]) -> list[Person | None]:
        """Whom each mail goes to, None if there is nobody."""
        to_partners = [each for each in asked if each.mail.role is Role.PARTNER]
        rfi_ids = {each.event.rfi_id for each in asked if each.mail.role is Role.CUSTOMER}
        customers = await self._rfis.customers(sorted(rfi_ids)) if rfi_ids else {}
        profiles = await self._directory.profiles({each.fact("profileId") for each in to_partners})
        partners = await self._directory.partners({each.fact("partnerId") for each in to_partners})

        def recipient(each: _Asked) -> Person | None:
            if each.mail.role is Role.CUSTOMER:
                return customers.get(each.event.rfi_id)
            profile, partner = profiles.get(each.fact("profileId")), partners.get(each.fact("partnerId"))
            return next(iter(partner_contacts(each.fact("locationId"), profile, partner)), None)

        return [recipient(each) for each in asked]


def _nobody(asked: _Asked) -> ReferenceMissing:
    if asked.mail.role is Role.CUSTOMER:
        return ReferenceMissing(f"RFI {asked.event.rfi_id} is not stored, so its customer cannot be told")
    partner, profile = asked.fact("partnerId"), asked.fact("profileId")
    return ReferenceMissing(f"neither profile {profile} nor partner {partner} is stored, so nobody can be told")
