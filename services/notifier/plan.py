"""Which mails does an event ask for, to whom; and does the state of things still call for one when it is to be sent?

A new kind of mail: a member of `MailKind`, a line in the tables here (which event, to whom, true while what), a
function in `partner_letters` or `customer_letters`, its words in the catalogues, a line in docs/mails.md. Tests go over
all kinds and name what is missing; layout, encoding and sending need nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from services.core import ids
from services.core.accounts import User, folded
from services.core.codes import RfiState, Status, Substatus
from services.core.digest import left_to_digest, wants_copy
from services.core.events import Event, EventType
from services.core.mail import JobState, MailKind, Role, SendJob, is_copy
from services.core.partner import Partner, Profile
from services.core.referral import Referral
from services.core.rfi import Person, Rfi
from services.core.rounds import ASKED_ALREADY

_PARTNER_MAILS = {
    EventType.CREATED: MailKind.NEW_REFERRAL,
    EventType.REMINDER_DUE: MailKind.REMINDER,
    EventType.EXPIRING_SOON: MailKind.EXPIRING_SOON,
    EventType.FLAME_CHANGED: MailKind.FLAME_CHANGED,
    EventType.EXPIRED: MailKind.EXPIRED,
    EventType.WITHDRAWN: MailKind.WITHDRAWN,
}
_CUSTOMER_MAILS = {
    EventType.ROUTED: MailKind.SENT_TO_PARTNERS,
    EventType.NO_MATCH: MailKind.SENT_TO_PARTNERS,
    EventType.NOBODY_LEFT: MailKind.NOBODY_LEFT,
    EventType.PARTNER_UNAVAILABLE: MailKind.PARTNER_UNAVAILABLE,
    EventType.EXPIRED: MailKind.EXPIRED_AT,
}
#: A decision reaches the customer only when its undo window is over: `settled` names it as its cause.
_SETTLED_MAILS = {
    EventType.ACCEPTED.value: MailKind.ACCEPTED_BY,
    EventType.DECLINED.value: MailKind.DECLINED_BY,
}
_MAILED_LATE = frozenset(
    {
        MailKind.DECLINED_BY,
        MailKind.EXPIRED_AT,
        MailKind.ASKED_ANOTHER,
        MailKind.NOBODY_LEFT,
        MailKind.PARTNER_UNAVAILABLE,
    }
)
#: Kinds about the request, with no referral that they tell of.
_OF_REQUEST = frozenset({MailKind.SENT_TO_PARTNERS, MailKind.PARTNER_UNAVAILABLE})
_DROPPED_OUT = frozenset({Substatus.DECLINED, Substatus.EXPIRED})
#: Said in one mail with who is asked next, if the referral goes on to the next-best partner.
_SAID_WITH_THE_NEXT = frozenset({MailKind.DECLINED_BY, MailKind.EXPIRED_AT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One mail that an event asks for."""

    kind: MailKind
    role: Role


def wanted(event: Event) -> tuple[Wanted, ...]:
    """The mails an event asks for; most events ask for none or one."""
    found: list[Wanted] = []
    if kind := _PARTNER_MAILS.get(event.type):
        found.append(Wanted(kind=kind, role=Role.PARTNER))
    if kind := _customer_kind(event):
        found.append(Wanted(kind=kind, role=Role.CUSTOMER))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Lease:
    """In whose hands a job is, and until when (real time)."""

    owner: str
    until: datetime


def job_of(event: Event, mail: Wanted, to: Person, lease: Lease | None = None) -> SendJob:
    """The send job: its id follows from the event, so a second one can't be.

    With a lease it is born in its first attempt.
    """
    # Mails about a whole request may still be about one of its referrals: the one that was declined or lapsed.
    facts = event.facts if "partnerId" in event.facts else _cause(event)
    return SendJob(
        id=ids.job_id(event.id, mail.kind.value, mail.role.value),
        event_id=event.id,
        kind=mail.kind,
        role=mail.role,
        rfi_id=event.rfi_id,
        referral_id=_text(facts.get("referralId")),
        partner_id=_text(facts.get("partnerId")),
        address=to.email,
        name=f"{to.first_name} {to.last_name}".strip(),
        language=to.language,
        time_zone=to.time_zone,
        at=event.at,
        facts_version=event.sequence,
        state=JobState.LEASED if lease else JobState.PENDING,
        attempts=1 if lease else 0,
        due_at=event.at,
        lease_owner=lease.owner if lease else None,
        lease_until=lease.until if lease else None,
    )


def copies_of(job: SendJob, people: Sequence[User]) -> list[SendJob]:
    """The same mail to those of the partner's people who asked for it, beside the contact."""
    contact = folded(job.address)
    return [
        replace(
            job,
            id=ids.copy_id(job.event_id, job.kind.value, user.email),
            address=user.email,
            name=user.name,
            language=user.language,
            time_zone=user.time_zone,
        )
        for user in people
        if wants_copy(user, job.kind) and user.email != contact
    ]


def unwanted(job: SendJob, people: Sequence[User]) -> str | None:
    """Why the recipient, who may be one of these people, does not want this mail of a partner; or None."""
    if is_copy(job):
        mine = any(user.email == job.address and wants_copy(user, job.kind) for user in people)
        return None if mine else "the person does not want it any more"
    return "it is told in the daily digest" if left_to_digest(job.address, job.kind, people) else None


def partner_contacts(location_id: str | None, profile: Profile | None, partner: Partner | None) -> list[Person]:
    """Whom a partner's mail may go to, best first: the location's contact, other contacts, the admin."""
    locations = profile.locations if profile else ()
    mine = [each.contact for each in locations if each.id == location_id]
    others = [each.contact for each in locations if each.id != location_id]
    everybody = [*mine, *others, *([partner.admin] if partner else [])]
    if not mine and partner:
        # The location is gone: its people may be, too, so the organisation's admin comes first.
        everybody = [partner.admin, *others]
    return list({person.email.casefold(): person for person in reversed(everybody)}.values())[::-1]


def obsolete(job: SendJob, rfi: Rfi | None, referral: Referral | None) -> str | None:
    """Why the mail is not to be sent any more, or None."""
    if rfi is None or (referral is None and job.kind not in _OF_REQUEST):
        return "what it is about is gone"
    if rfi.erased_at is not None and (job.role is Role.CUSTOMER or job.kind is not MailKind.WITHDRAWN):
        return "the customer's data was erased"
    if job.role is Role.CUSTOMER and rfi.state is RfiState.WITHDRAWN:
        return "the customer has withdrawn the request"
    if job.kind in _MAILED_LATE and rfi.state is RfiState.CHOSEN:
        return "the customer has chosen a partner"
    if referral is None or _TRUE_WHILE[job.kind](referral):
        return None
    return f"the referral is {referral.status}/{referral.substatus}"


def _is_new(referral: Referral) -> bool:
    return referral.status is Status.NEW


def _in(*those: Substatus) -> Callable[[Referral], bool]:
    return lambda referral: referral.substatus in those


#: Whether what a mail says holds in the referral's present state; each kind has a line.
_TRUE_WHILE: Mapping[MailKind, Callable[[Referral], bool]] = {
    MailKind.NEW_REFERRAL: _is_new,
    MailKind.REMINDER: _is_new,
    MailKind.EXPIRING_SOON: _is_new,
    MailKind.FLAME_CHANGED: lambda referral: referral.status is not Status.CLOSED,
    MailKind.EXPIRED: _in(Substatus.EXPIRED),
    MailKind.WITHDRAWN: _in(Substatus.WITHDRAWN),
    MailKind.ACCEPTED_BY: _in(Substatus.ACCEPTED, Substatus.WON, Substatus.LOST),
    MailKind.DECLINED_BY: _in(Substatus.DECLINED),
    MailKind.EXPIRED_AT: _in(Substatus.EXPIRED),
    MailKind.SENT_TO_PARTNERS: lambda _: True,
    MailKind.ASKED_ANOTHER: _in(*_DROPPED_OUT),
    MailKind.NOBODY_LEFT: _in(*_DROPPED_OUT),
    MailKind.PARTNER_UNAVAILABLE: lambda _: True,
}


def _customer_kind(event: Event) -> MailKind | None:
    cause = _cause(event)
    if "answers" in event.facts and _unsaid(event):
        return None
    if event.type is EventType.ROUTED and cause:
        return MailKind.ASKED_ANOTHER
    if event.type is EventType.SETTLED:
        kind = _SETTLED_MAILS.get(str(cause.get("type")))
    else:
        kind = _CUSTOMER_MAILS.get(event.type)
    return None if kind in _SAID_WITH_THE_NEXT and event.facts.get("nextBest") is True else kind


def _unsaid(event: Event) -> bool:
    """Whether the customer's page has said all there is to an answer: the partner that it wanted has the request."""
    return event.type is EventType.ROUTED or event.facts.get("because") == ASKED_ALREADY


def _cause(event: Event) -> Mapping[str, object]:
    cause = event.facts.get("cause")
    return cause if isinstance(cause, Mapping) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
