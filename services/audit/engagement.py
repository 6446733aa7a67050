"""Is one engagement whole? Pure: an RFI with its referrals, events, send jobs and deliveries in, findings out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from services.audit.report import Fault, Finding
from services.core.codes import RfiState
from services.core.creation import ROUTED_VERSION
from services.core.events import Event, EventType
from services.core.ids import event_id, job_id, referral_id
from services.core.mail import JobState, MailKind, Role, SendJob, is_copy
from services.core.referral import Referral
from services.core.rfi import Rfi
from services.core.rounds import cause_in, may_ask, told_by

#: Which mails an event must lead to.
ExpectedMails = Callable[[Event], Sequence[tuple[MailKind, Role]]]

#: What a customer's decision must have told.
_DECISIONS = {
    RfiState.WITHDRAWN: EventType.WITHDRAWN_BY_CUSTOMER,
    RfiState.CHOSEN: EventType.PARTNER_CHOSEN,
}

#: Kinds that one referral or engagement can have only once, whatever is undone.
_ONCE = frozenset({MailKind.NEW_REFERRAL, MailKind.SENT_TO_PARTNERS, MailKind.EXPIRED, MailKind.WITHDRAWN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Engagement:
    """Everything that is known of one RFI."""

    rfi: Rfi
    referrals: Sequence[Referral]
    events: Sequence[Event]
    #: As found on Kafka, redeliveries included.
    jobs: Sequence[SendJob]
    deliveries: Mapping[str, int] | None
    #: Mails caught, by job id; None when nobody can count them (a production mail server).


def check_engagement(
    whole: Engagement,
    expected_mails: ExpectedMails,
    *,
    routed_by_now: bool = True,
    notified_by_now: bool = True,
    events_kept: bool = True,
) -> Iterator[Finding]:
    """Everything missing or doubled in the engagement.

    Args:
        whole: what is known of it.
        expected_mails: which mails an event must lead to.
        routed_by_now: the router has no backlog, so an RFI without routing is lost.
        notified_by_now: the notifier has no backlog, so an event without its jobs is lost.
        events_kept: Kafka still has every event of it; without, one that is not there may be of those that it dropped.
    """
    if routed_by_now and whole.rfi.state is RfiState.ACCEPTED:
        yield Finding(Fault.MISSING, "routing", whole.rfi.id, "was accepted and never routed")
    yield from _referrals(whole)
    if routed_by_now and events_kept:
        yield from _events(whole)
        yield from _rounds(whole)
    yield from _doubled_events(whole)
    if notified_by_now:
        yield from _jobs(whole, expected_mails, events_kept=events_kept)
    yield from check_mails(whole.jobs, whole.deliveries)


def _referrals(whole: Engagement) -> Iterator[Finding]:
    chosen = whole.rfi.routing.chosen if whole.rfi.routing else ()
    expected = {referral_id(whole.rfi.id, c.partner_id): c.partner_id for c in chosen}
    stored = {r.id for r in whole.referrals}
    for id_, partner in expected.items():
        if id_ not in stored and whole.rfi.state is not RfiState.WITHDRAWN:
            yield Finding(Fault.MISSING, "referral", id_, f"partner {partner} was chosen and has no referral")
    for referral in whole.referrals:
        if referral.id not in expected:
            yield Finding(Fault.DOUBLED, "referral", referral.id, f"partner {referral.partner_id} was never chosen")
    partners = Counter(r.partner_id for r in whole.referrals)
    for partner, number in partners.items():
        if number > 1:
            yield Finding(Fault.DOUBLED, "referral", whole.rfi.id, f"partner {partner} has {number} referrals")


def _events(whole: Engagement) -> Iterator[Finding]:
    published = {e.id for e in whole.events}
    told = published | {e.id for e in whole.rfi.outbox}
    for wish in whole.rfi.wishes:
        if wish.event_id not in told:
            yield Finding(Fault.MISSING, "event", whole.rfi.id, "a wish of the customer was never published")
    if whole.rfi.routing is not None:
        first = any(chosen.round == 1 for chosen in whole.rfi.routing.chosen)
        kind = EventType.ROUTED if first else EventType.NO_MATCH
        if event_id(whole.rfi.id, ROUTED_VERSION, kind) not in told:
            yield Finding(Fault.MISSING, "event", whole.rfi.id, f"{kind} was never published")
    decision = _DECISIONS.get(whole.rfi.state)
    # Closing is the last change of a request.
    if decision is not None and event_id(whole.rfi.id, whole.rfi.version, decision) not in told:
        yield Finding(Fault.MISSING, "event", whole.rfi.id, f"{decision} was never published")
    for referral in whole.referrals:
        waiting = {e.id for e in referral.outbox}
        for version, what in _told(referral):
            id_ = event_id(referral.id, version, what)
            if id_ not in published and id_ not in waiting:
                yield Finding(Fault.MISSING, "event", referral.id, f"{what} of version {version} was never published")


def _rounds(whole: Engagement) -> Iterator[Finding]:
    """Each wish, and each decline and expiry that goes on to the next partner, has one answer, and each was told."""
    rfi, published = whole.rfi, {e.id: e for e in whole.events}
    causes = {cause.event_id: cause for event in published.values() if (cause := cause_in(event)) is not None}
    rounds = rfi.routing.rounds if rfi.routing else ()
    answered = Counter(round_.cause for round_ in rounds)
    for id_, cause in causes.items():
        if id_ not in answered and may_ask(rfi, cause):
            words = f"{cause.type} went on to no other partner, and the customer was not told that there is none"
            yield Finding(Fault.MISSING, "round", cause.referral_id or rfi.id, words)
    told = published.keys() | {e.id for e in rfi.outbox}
    for round_ in rounds:
        if answered[round_.cause] > 1 or round_.cause not in causes:
            words = f"round {round_.number} answers what nobody asked, or asked once only"
            yield Finding(Fault.DOUBLED, "round", round_.after or rfi.id, words)
        if event_id(rfi.id, round_.version, told_by(round_)) not in told:
            words = f"{told_by(round_)} of version {round_.version} was never published"
            yield Finding(Fault.MISSING, "event", rfi.id, words)


def _told(referral: Referral) -> Iterator[tuple[int, EventType]]:
    yield 1, EventType.CREATED
    kinds = set(EventType)
    for entry in referral.history:
        if entry.what in kinds and entry.what != EventType.CREATED:
            yield entry.version, EventType(entry.what)


def _doubled_events(whole: Engagement) -> Iterator[Finding]:
    ids: dict[tuple[str, int, EventType], set[str]] = {}
    for event in whole.events:
        ids.setdefault((event.subject, event.sequence, event.type), set()).add(event.id)
    for (subject, sequence, kind), found in ids.items():
        if len(found) > 1:
            yield Finding(Fault.DOUBLED, "event", subject, f"{kind} of version {sequence} has {len(found)} ids")


def _jobs(whole: Engagement, expected_mails: ExpectedMails, *, events_kept: bool) -> Iterator[Finding]:
    events = {e.id: e for e in whole.events}
    expected = {
        job_id(event.id, kind, role): (event, kind) for event in events.values() for kind, role in expected_mails(event)
    }
    stored = {job.id for job in whole.jobs}
    for id_, (event, kind) in expected.items():
        if id_ not in stored:
            yield Finding(Fault.MISSING, "send job", id_, f"{event.type} of {event.subject} has no {kind} mail")
    asked_for = {(event.id, kind) for event, kind in expected.values()}
    for job in whole.jobs:
        # Whoever of a partner's people wants a copy is not known here; that it is one of a mail of this event is.
        copy = is_copy(job) and (job.event_id, job.kind) in asked_for
        dropped = not events_kept and job.event_id not in events
        if job.id not in expected and not copy and not dropped:
            yield Finding(Fault.DOUBLED, "send job", job.id, f"{job.kind} mail that no event asks for")
    counts = Counter(
        (job.referral_id, job.kind, job.role, job.address if is_copy(job) else None)
        for job in whole.jobs
        if job.kind in _ONCE
    )
    for (referral, kind, _, _), number in counts.items():
        if number > 1:
            yield Finding(Fault.DOUBLED, "send job", referral or whole.rfi.id, f"{number} jobs for one {kind} mail")


def check_mails(jobs: Sequence[SendJob], deliveries: Mapping[str, int] | None) -> Iterator[Finding]:
    """Every mail that was sent has arrived, and no more often than its attempts explain."""
    if deliveries is None:
        return
    for job in jobs:
        caught = deliveries.get(job.id, 0)
        if job.state is JobState.SENT and not caught:
            yield Finding(Fault.MISSING, "mail", job.id, f"{job.kind} is marked sent and never arrived")
        # An attempt cut at the final dot, or whose sender died, may have been taken: one extra copy for each. And what
        # came back from one address went to another.
        if caught > 1 + job.cut_at_dot + job.lost_leases + len(job.returned or ()):
            yield Finding(Fault.DOUBLED, "mail", job.id, f"{job.kind} arrived {caught} times")
