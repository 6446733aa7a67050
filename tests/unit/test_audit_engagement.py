"""The audit's rule over one engagement: a whole one is clean, and every broken promise is named."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from services.audit.engagement import Engagement, check_engagement, check_mails
from services.audit.report import KEPT_FINDINGS, Fault, Finding, Report
from services.core.accounts import Notify
from services.core.codes import RfiState
from services.core.creation import created_event, routed_event
from services.core.digest import digest_job, next_morning, with_wish
from services.core.engagement import WithdrawRfi, decide_rfi
from services.core.events import Event, EventType
from services.core.ids import copy_id
from services.core.mail import JobState, MailKind, Role, SendJob
from services.core.referral import Referral
from services.core.rfi import Consent, Round, Routing
from services.core.rounds import Answer, cause_in, with_answer
from services.notifier.plan import job_of, wanted
from tests.builders import START, make_chosen, make_person, make_referral, make_rfi
from tests.contract.account_suite import make_user
from tests.journeys import LATER, travel

CONSENT = Consent(contact=True, share=True, next_best=True)


def expected(event: Event) -> Sequence[tuple[MailKind, Role]]:
    return [(mail.kind, mail.role) for mail in wanted(event)]


def whole(partners: int = 2) -> Engagement:
    routing = Routing(at=START, chosen=tuple(make_chosen(n) for n in range(1, partners + 1)))
    rfi = make_rfi(1, state=RfiState.ROUTED, version=2, routing=routing)
    referrals = [make_referral(1, partner=n) for n in range(1, partners + 1)]
    events = [routed_event(rfi), *(created_event(r) for r in referrals)]
    jobs = [replace(job_of(e, mail, make_person()), state=JobState.SENT) for e in events for mail in wanted(e)]
    return Engagement(rfi=rfi, referrals=referrals, events=events, jobs=jobs, deliveries={job.id: 1 for job in jobs})


def onward() -> Engagement:
    """One that went on to a second partner when the first let it lapse."""
    rfi = make_rfi(1, consent=CONSENT, state=RfiState.ROUTED, version=2)
    rfi = replace(rfi, routing=Routing(at=START, chosen=(make_chosen(1),)))
    lapsed = travel(replace(make_referral(1, partner=1), next_best=True), "expire")
    cause = cause_in(lapsed.outbox[-1])
    assert cause is not None
    later = with_answer(rfi, cause, Answer(chosen=make_chosen(2), rules="r"), LATER)
    second = replace(make_referral(1, partner=2), next_best=True, round=2)
    events = [*later.outbox, *lapsed.outbox, created_event(second)]
    jobs = [replace(job_of(e, mail, make_person()), state=JobState.SENT) for e in events for mail in wanted(e)]
    referrals = [replace(lapsed, outbox=()), second]
    deliveries = {job.id: 1 for job in jobs}
    return Engagement(
        rfi=replace(later, outbox=()), referrals=referrals, events=events, jobs=jobs, deliveries=deliveries
    )


def rounds_of(engagement: Engagement) -> tuple[Round, ...]:
    assert engagement.rfi.routing is not None
    return engagement.rfi.routing.rounds


def with_rounds(engagement: Engagement, *rounds: Round) -> Engagement:
    routing = engagement.rfi.routing
    assert routing is not None
    return replace(engagement, rfi=replace(engagement.rfi, routing=replace(routing, rounds=rounds)))


def without(engagement: Engagement, kind: EventType) -> Engagement:
    return replace(engagement, events=[event for event in engagement.events if event.type is not kind])


def findings(engagement: Engagement, **backlog: bool) -> list[tuple[Fault, str]]:
    return [(f.fault, f.what) for f in check_engagement(engagement, expected, **backlog)]


def test_a_whole_engagement_is_clean() -> None:
    assert findings(whole()) == []


def unrouted(w: Engagement) -> Engagement:
    rfi = replace(w.rfi, state=RfiState.ACCEPTED, routing=None, version=1)
    return Engagement(rfi=rfi, referrals=[], events=[], jobs=[], deliveries={})


def other_id(event: Event) -> Event:
    return replace(event, id="00000000-0000-5000-8000-000000000000")


def second_job(job: SendJob) -> SendJob:
    return replace(job, id="00000000-0000-5000-8000-000000000001")


def stranger(w: Engagement) -> list[Referral]:
    return [*w.referrals, make_referral(1, partner=9)]


@dataclass(frozen=True)
class Breach:
    name: str
    done: Callable[[Engagement], Engagement]
    found: tuple[Fault, str]


BREACHES = [
    Breach("an RFI was never routed", unrouted, (Fault.MISSING, "routing")),
    Breach("a referral is gone", lambda w: replace(w, referrals=w.referrals[1:]), (Fault.MISSING, "referral")),
    Breach("a partner got one unasked", lambda w: replace(w, referrals=stranger(w)), (Fault.DOUBLED, "referral")),
    Breach(
        "a partner has two", lambda w: replace(w, referrals=[*w.referrals, w.referrals[0]]), (Fault.DOUBLED, "referral")
    ),
    Breach("the routing was never told", lambda w: replace(w, events=w.events[1:]), (Fault.MISSING, "event")),
    Breach("a creation was never told", lambda w: replace(w, events=w.events[:-1]), (Fault.MISSING, "event")),
    Breach(
        "a thing is told twice",
        lambda w: replace(w, events=[*w.events, other_id(w.events[1])]),
        (Fault.DOUBLED, "event"),
    ),
    Breach("a send job is gone", lambda w: replace(w, jobs=w.jobs[1:]), (Fault.MISSING, "send job")),
    Breach(
        "nobody asked for a job",
        lambda w: replace(w, jobs=[*w.jobs, second_job(w.jobs[1])]),
        (Fault.DOUBLED, "send job"),
    ),
    Breach("a mail never came", lambda w: replace(w, deliveries={}), (Fault.MISSING, "mail")),
    Breach("a mail came twice", lambda w: replace(w, deliveries={j.id: 2 for j in w.jobs}), (Fault.DOUBLED, "mail")),
]


@pytest.mark.parametrize("breach", BREACHES, ids=lambda b: b.name)
def test_a_broken_promise_is_named(breach: Breach) -> None:
    assert breach.found in findings(breach.done(whole()))


def test_an_engagement_that_went_on_to_the_next_partner_is_clean() -> None:
    assert findings(onward()) == []


ONWARD_BREACHES = [
    Breach("nobody answered", with_rounds, (Fault.MISSING, "round")),
    Breach("it was answered twice", lambda w: with_rounds(w, *rounds_of(w) * 2), (Fault.DOUBLED, "round")),
    Breach("nobody asked", lambda w: without(w, EventType.EXPIRED), (Fault.DOUBLED, "round")),
    Breach("the answer was never told", lambda w: without(w, EventType.ROUTED), (Fault.MISSING, "event")),
]


@pytest.mark.parametrize("breach", ONWARD_BREACHES, ids=lambda b: b.name)
def test_a_broken_promise_of_the_next_partner_is_named(breach: Breach) -> None:
    assert breach.found in findings(breach.done(onward()))


def test_behind_a_backlog_the_next_partner_is_late_and_not_lost() -> None:
    assert findings(with_rounds(onward()), routed_by_now=False) == []


@pytest.mark.parametrize("foreseen", [{"cut_at_dot": 1}, {"lost_leases": 1}], ids=["cut", "left"])
def test_a_mail_whose_answer_nobody_noted_may_have_come_once_more(foreseen: dict[str, int]) -> None:
    engagement = whole()
    jobs = [
        replace(job, cut_at_dot=foreseen.get("cut_at_dot", 0), lost_leases=foreseen.get("lost_leases", 0))
        for job in engagement.jobs
    ]
    twice = replace(engagement, jobs=jobs, deliveries={job.id: 2 for job in jobs})
    assert findings(twice) == []


def test_behind_a_backlog_things_are_late_and_not_lost() -> None:
    assert findings(unrouted(whole()), routed_by_now=False) == []
    assert findings(replace(whole(), jobs=[], deliveries={}), notified_by_now=False) == []


@pytest.mark.parametrize("engagement", [whole, onward], ids=["whole", "onward"])
def test_events_that_kafka_has_dropped_are_not_missed(engagement: Callable[[], Engagement]) -> None:
    old = replace(engagement(), events=[])
    assert Fault.MISSING in {fault for fault, _ in findings(old)}
    assert findings(old, events_kept=False) == []
    # What else is wrong with it is told all the same.
    without = replace(old, referrals=old.referrals[1:])
    assert (Fault.MISSING, "referral") in findings(without, events_kept=False)


def test_where_nobody_counts_mails_none_is_missing() -> None:
    assert findings(replace(whole(), deliveries=None)) == []


def test_an_event_that_waits_in_an_outbox_is_not_lost() -> None:
    engagement = whole(1)
    referral = engagement.referrals[0]
    waiting = replace(referral, outbox=(created_event(referral),))
    left = replace(engagement, referrals=[waiting], events=engagement.events[:1], jobs=engagement.jobs[:1])
    assert findings(left) == []


def copy_of(job: SendJob, address: str) -> SendJob:
    return replace(job, id=copy_id(job.event_id, job.kind.value, address), address=address)


def test_a_copy_that_somebody_asked_for_is_no_second_mail() -> None:
    w = whole()
    job = next(each for each in w.jobs if each.kind is MailKind.NEW_REFERRAL)
    jobs = [*w.jobs, copy_of(job, "bea@partner1.example"), copy_of(job, "dan@partner1.example")]
    assert findings(replace(w, jobs=jobs, deliveries={each.id: 1 for each in jobs})) == []


@pytest.mark.parametrize("change", [{"event_id": "another"}, {"kind": MailKind.REMINDER}], ids=["event", "kind"])
def test_a_copy_of_a_mail_that_no_event_asks_for_is_named(change: dict[str, Any]) -> None:
    w = whole()
    job = replace(next(each for each in w.jobs if each.kind is MailKind.NEW_REFERRAL), **change)
    stray = copy_of(job, "bea@partner1.example")
    jobs = [*w.jobs, stray]
    assert findings(replace(w, jobs=jobs, deliveries={each.id: 1 for each in jobs})) == [(Fault.DOUBLED, "send job")]


def test_a_digest_that_was_sent_and_never_came_is_named_and_one_that_came_twice() -> None:
    user = with_wish(make_user(), Notify.DIGEST, START)
    made = digest_job(user, next_morning(user.time_zone, START))
    assert made is not None
    sent = replace(made, state=JobState.SENT)
    assert list(check_mails([sent], {sent.id: 1})) == []
    assert [each.fault for each in check_mails([sent], {})] == [Fault.MISSING]
    assert [each.fault for each in check_mails([sent], {sent.id: 2})] == [Fault.DOUBLED]


def test_a_report_counts_all_faults_and_keeps_the_words_of_the_first() -> None:
    report = Report()
    report.add(Finding(Fault.MISSING, "mail", str(n), "gone") for n in range(KEPT_FINDINGS + 5))
    assert not report.clean
    assert (report.broken, len(report.findings)) == (KEPT_FINDINGS + 5, KEPT_FINDINGS)


def test_a_withdrawal_before_routing_needs_no_referrals_but_must_be_told() -> None:
    rfi = decide_rfi(make_rfi(1), WithdrawRfi(by="customer"), START)
    told = Engagement(rfi=replace(rfi, outbox=()), referrals=[], events=rfi.outbox, jobs=[], deliveries={})
    assert findings(told) == []
    assert findings(replace(told, rfi=rfi, events=[])) == [], "it waits in the outbox"
    assert findings(replace(told, events=[])) == [(Fault.MISSING, "event")]


def test_at_a_second_look_only_what_was_found_before_counts() -> None:
    moved, gone = (Finding(Fault.MISSING, "mail", which, "gone") for which in ("moved", "gone"))
    first = Report()
    first.add([moved, gone])
    second = Report(suspects=first.faults)
    second.add([gone, Finding(Fault.MISSING, "mail", "moving", "gone")])
    assert (second.broken, second.findings) == (1, [gone])
