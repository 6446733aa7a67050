"""Who was shown a customer's contact, when, and over which way: the audit of disclosures.

Pages, programs and sheets write each one down before the contact leaves. A mail notes it in its send job, with the
result of its attempt: the job is stored before anything goes out, so that nothing leaves unnoted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from services.core.codes import PolicyName
from services.core.mail import WITH_CONTACT, Disclosure, JobState, Role, SendJob
from services.core.policy import Policy
from services.core.referral import Referral
from services.core.visibility import contact_was_visible


class Way(StrEnum):
    """How a contact reached its reader."""

    API = "api"
    PAGE = "page"
    EXPORT = "export"
    DOWNLOAD = "download"
    #: vCard.
    MAIL = "mail"
    #: Noted in the send job, never in the log.


@dataclass(frozen=True, slots=True, kw_only=True)
class Reveal:
    """One disclosure. `by` is the reader as in histories: `partner:<user>`; no contact stands here."""

    referral_id: str
    rfi_id: str
    partner_id: str
    by: str
    way: Way
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RevealedDay:
    """All disclosures of one contact to one reader over one way on one day (UTC); each mail stands alone.

    The reader of a mail is its address.
    """

    referral_id: str
    partner_id: str
    by: str
    way: Way
    first_at: datetime
    last_at: datetime
    times: int
    sure: bool = True
    #: False for a mail of which nobody knows whether it left, or whether the contact stood in it.


class RevealLog(Protocol):
    """Where disclosures are written down, before the contact leaves."""

    async def record(self, reveals: Sequence[Reveal]) -> None:
        """Write them down; those of a day are counted, repeated ones too."""

    async def of_referrals(self, ids: Sequence[str]) -> list[RevealedDay]:
        """Every disclosure of these referrals but those by mail, oldest first."""


def by_mail(
    jobs: Iterable[SendJob], referrals: Iterable[Referral], policies: Mapping[PolicyName, Policy]
) -> list[RevealedDay]:
    """Every disclosure of these referrals in these mails, oldest first: too many when in doubt, never too few.

    Args:
        jobs: all mails of the requests; those to customers and those without a contact count for nothing.
        referrals: those that the mails are about.
        policies: they say whether a mail of which nothing was noted may have shown the contact.
    """
    about = {referral.id: referral for referral in referrals}
    found: list[RevealedDay] = []
    for job in jobs:
        referral = about.get(job.referral_id or "")
        if referral is None or job.role is not Role.PARTNER or job.kind not in WITH_CONTACT:
            continue
        if job.disclosed:
            found += [_day(job, referral, each, sure=True) for each in job.disclosed]
        elif _nobody_knows(job) and contact_was_visible(referral, policies[referral.policy]):
            found.append(_day(job, referral, Disclosure(at=job.sent_at or job.at), sure=False))
    return in_order(found)


def in_order(days: Iterable[RevealedDay]) -> list[RevealedDay]:
    """The oldest first."""
    return sorted(days, key=lambda day: (day.first_at, day.by, day.way))


def _nobody_knows(job: SendJob) -> bool:
    """Whether it may have gone out without a note of what it showed.

    It is under way; its sender died; or it was sent by a version that noted nothing.
    """
    under_way = job.state is JobState.LEASED or job.lost_leases > 0
    went_out = job.state is JobState.SENT or job.cut_at_dot > 0 or bool(job.returned)
    return under_way or (went_out and job.disclosed is None)


def _day(job: SendJob, referral: Referral, disclosure: Disclosure, *, sure: bool) -> RevealedDay:
    return RevealedDay(
        referral_id=referral.id,
        partner_id=referral.partner_id,
        by=disclosure.to or job.address,
        way=Way.MAIL,
        first_at=disclosure.at,
        last_at=disclosure.at,
        times=1,
        sure=sure,
    )
