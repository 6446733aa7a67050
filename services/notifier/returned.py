"""What follows when a mail that was sent comes back? Whoever had it is mailed no more, and others are asked.

A crash at any line leaves less done, never something else: the report is read again and finds the list and the job as
they are. The job itself is only made due again, and the senders do the rest: the address is on the list by then, so the
mail goes to the partner's other people, or is given up where a person sees it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import structlog

from services.core.ids import suppression_id
from services.core.mail import JobState, Role, SendJob
from services.core.ports import Clock
from services.core.stores import PartnerStore, ReferralStore, SendJobStore
from services.core.suppressions import Suppression, SuppressionStore, is_about_address
from services.notifier.plan import partner_contacts
from services.notifier.return_paths import ReturnPaths

log = structlog.get_logger("notifier")


class Taken(StrEnum):
    """What was done with a report."""

    NOT_OURS = "not ours"
    #: No address in it is one that we gave a mail.
    NOT_FINAL = "not final"
    #: Delayed or delivered: nothing is to be done.
    TOO_EARLY = "too early"
    #: The mail's own attempt has not been noted yet: read the report again in a moment.
    KNOWN = "known"
    #: It was read before.
    GIVEN_UP = "given up"
    #: This mail can't be delivered; others to the address may.
    SUPPRESSED = "suppressed"
    #: The address is mailed no more.


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnedPorts:
    """What is needed of the world."""

    jobs: SendJobStore
    referrals: ReferralStore
    partners: PartnerStore
    suppressions: SuppressionStore
    clock: Clock


class ReturnedMail:
    """Takes reports of mail servers."""

    def __init__(self, ports: ReturnedPorts, paths: ReturnPaths) -> None:
        self._ports, self._paths = ports, paths

    async def take(self, returned_to: Sequence[str], status: str, *, failed: bool) -> tuple[Taken, SendJob | None]:
        """Do what follows from one report, and say what that was and of which mail.

        Raises:
            DependencyUnavailable: the database does not answer; the report must be read again.
        """
        found = await self._mail_of(returned_to)
        if found is None:
            return Taken.NOT_OURS, None
        job, address = found
        if not failed:
            return Taken.NOT_FINAL, job
        if job.state in {JobState.LEASED, JobState.PENDING} and suppression_id(address) not in (job.returned or ()):
            return Taken.TOO_EARLY, job
        return await self._came_back(job, address, status), job

    async def _mail_of(self, returned_to: Sequence[str]) -> tuple[SendJob, str] | None:
        """The mail that a return address names, and who had it."""
        named = dict(self._paths.named(returned_to))
        jobs = await self._ports.jobs.load(list(named)) if named else {}
        for job in jobs.values():
            for address in await self._possible(job):
                if self._paths.proves(job.id, address, named[job.id]):
                    return job, address
        return None

    async def _possible(self, job: SendJob) -> list[str]:
        """Everybody that this mail may have gone to: its own address first, then the partner's other people."""
        if job.role is not Role.PARTNER or job.referral_id is None:
            return [job.address]
        referral = (await self._ports.referrals.load([job.referral_id])).get(job.referral_id)
        if referral is None:
            return [job.address]
        profiles = await self._ports.partners.load_profiles([referral.profile_id])
        partners = await self._ports.partners.load_partners([referral.partner_id])
        people = partner_contacts(
            referral.location_id, profiles.get(referral.profile_id), partners.get(referral.partner_id)
        )
        return [job.address, *(person.email for person in people)]

    async def _came_back(self, job: SendJob, address: str, status: str) -> Taken:
        key, now, lasting = suppression_id(address), self._ports.clock.now(), is_about_address(status)
        if lasting:
            # First: as soon as the job is due again, a sender looks at the list.
            await self._ports.suppressions.add(Suppression(id=key, why=status, job_id=job.id, at=now))
        noted = await self._ports.jobs.came_back(job.id, key, f"came back: {status}", now if lasting else None)
        if not noted:
            return Taken.KNOWN
        log.warning("mail_came_back", job_id=job.id, kind=job.kind.value, role=job.role.value, status=status)
        return Taken.SUPPRESSED if lasting else Taken.GIVEN_UP
