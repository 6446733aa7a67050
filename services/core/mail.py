"""What a mail is before it is sent: a durable send job, and the message that a sender makes of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from services.core.ids import copy_id


class MailKind(StrEnum):
    """Every kind of mail, those to partners first."""

    NEW_REFERRAL = "new_referral"
    REMINDER = "reminder"
    EXPIRING_SOON = "expiring_soon"
    FLAME_CHANGED = "flame_changed"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    SENT_TO_PARTNERS = "sent_to_partners"
    #: Received and sent to N partners; or received and no partner found yet.
    ACCEPTED_BY = "accepted_by"
    DECLINED_BY = "declined_by"
    EXPIRED_AT = "expired_at"
    #: A partner did not answer in time; choose a different one.
    ASKED_ANOTHER = "asked_another"
    #: A partner declined or did not answer, and the next-best one was asked.
    NOBODY_LEFT = "nobody_left"
    #: A partner declined or did not answer, and no other is asked; choose one.
    PARTNER_UNAVAILABLE = "partner_unavailable"
    #: The partner that the customer wanted can't be asked; choose another one.
    SIGN_IN_LINK = "sign_in_link"
    #: Asked for by a person on the sign-in page; it belongs to no RFI. The job's event id is the link's id.
    DIGEST = "digest"
    #: A person's referrals once a day; it belongs to no RFI.


#: Mails to partners that name the customer's contact while the partner may see it.
WITH_CONTACT = frozenset({MailKind.NEW_REFERRAL, MailKind.REMINDER, MailKind.EXPIRING_SOON, MailKind.FLAME_CHANGED})

#: The `rfi_id` of jobs that belong to no RFI.
NO_RFI = ""


class Role(StrEnum):
    """Whom a mail is for."""

    PARTNER = "partner"
    CUSTOMER = "customer"


class JobState(StrEnum):
    """Where a send job stands."""

    PENDING = "pending"
    #: Waits for `due_at`.
    LEASED = "leased"
    #: A sender has it until `lease_until`; after that any sender may take it.
    SENT = "sent"
    OBSOLETE = "obsolete"
    #: The state of the referral had moved on before it was sent.
    FAILED = "failed"
    #: Given up; a person must look.


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosure:
    """One mail that went out with a customer's contact in it."""

    at: datetime
    #: Business time.
    to: str | None = None
    #: Its address, where that is not the job's: another person of the partner got it, the contact's server refused it.


@dataclass(frozen=True, slots=True, kw_only=True)
class SendJob:
    """One mail to one recipient because of one event. The id is uuid5(event, kind, role): a second one can't be."""

    id: str
    event_id: str
    kind: MailKind
    role: Role
    rfi_id: str
    referral_id: str | None = None
    partner_id: str | None = None
    address: str
    #: Frozen when the job is made.
    name: str
    language: str
    time_zone: str = "UTC"
    at: datetime
    #: Business time of the event.
    facts_version: int = 1
    #: Version of the document that the event told of; a later state may make the mail obsolete.
    state: JobState = JobState.PENDING
    attempts: int = 0
    due_at: datetime
    #: Business time of the next attempt.
    lease_owner: str | None = None
    lease_until: datetime | None = None
    #: Real time (never shifted).
    sent_at: datetime | None = None
    last_error: str | None = None
    cut_at_dot: int = 0
    #: Attempts whose answer to the final dot was never seen: each may have made one extra copy.
    lost_leases: int = 0
    #: How often its sender died while it was trying it: that sender may have sent it, and not noted it.
    returned: tuple[str, ...] | None = None
    #: The addresses (`ids.suppression_id`) that it came back from after it had been sent; most never do.
    disclosed: tuple[Disclosure, ...] | None = None
    #: What its attempts showed of the customer's contact; None: none has ended, or it ended before this was noted.


def is_copy(job: SendJob) -> bool:
    """Whether it goes to somebody who asked for it, beside the one whom its event is for."""
    return job.role is Role.PARTNER and job.id == copy_id(job.event_id, job.kind.value, job.address)


#: One mailbox: no brackets, spaces, quotes, commas or control characters, nothing that could end a header or an SMTP
#: command, and no address literal (x@[10.0.0.1]), which would let an RFI point mails at machines inside.
_MAILBOX = re.compile(r"[^\s<>()\[\]\\,;:\"@\x00-\x20\x7f-\x9f]{1,64}@[^\s<>()\[\]\\,;:\"@\x00-\x20\x7f-\x9f]{1,255}")


def is_mailbox(address: str) -> bool:
    """Whether it is one plain mail address that cannot say anything else to a server or in a header."""
    return _MAILBOX.fullmatch(address) is not None and address.isprintable()


@dataclass(frozen=True, slots=True)
class Envelope:
    """What SMTP needs: one recipient, bytes ready for DATA (CRLF, not dot-stuffed), and the job it belongs to."""

    job_id: str
    sender: str
    recipient: str
    message: bytes


class Outcome(StrEnum):
    """How one attempt ended."""

    SENT = "sent"
    RETRY = "retry"
    #: 4xx, time-out or no connection before the final dot.
    UNKNOWN = "unknown"
    #: Connection lost after the final dot: may or may not have been accepted.
    REFUSED = "refused"
    #: 5xx: never again to this address.


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What became of one envelope."""

    job_id: str
    outcome: Outcome
    code: int | None = None
    detail: str = ""
    #: The server's words, shortened, without addresses.


@dataclass(frozen=True, slots=True, kw_only=True)
class JobUpdate:
    """How a job goes on after an attempt; written only if the lease is still the owner's."""

    job_id: str
    state: JobState
    attempts: int
    due_at: datetime | None = None
    sent_at: datetime | None = None
    last_error: str | None = None
    cut_at_dot: int = 0
    disclosed: tuple[Disclosure, ...] | None = None
    #: All of the job's, those of this attempt among them; None leaves what is there.
    unclaimed: bool = False
    #: Written only while nobody has claimed the job since it was born: an update that is repeated because its answer
    #: was lost must not undo what was claimed in between, under the same owner's name.


class Mailer(Protocol):
    """Hands mails to a relay."""

    async def send(self, envelopes: Sequence[Envelope]) -> Sequence[Delivery]:
        """Try each envelope once; one delivery for each, in any order.

        Never raises for what servers or networks do: an unreachable relay is RETRY for every envelope.
        """
