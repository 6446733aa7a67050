"""Which events make which mails, to whom, and which mails are no longer to be sent?"""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.core import ids
from services.core.codes import RfiState, Stage, Status, Substatus
from services.core.events import Event, EventType
from services.core.mail import MailKind, Role, SendJob
from services.core.referral import Referral
from services.notifier.account_letters import OF_ACCOUNTS
from services.notifier.plan import Wanted, job_of, obsolete, partner_contacts, wanted
from tests.builders import START, make_location, make_partner, make_person, make_profile, make_referral, make_rfi

PARTNER = {
    EventType.CREATED: "new_referral",
    EventType.REMINDER_DUE: "reminder",
    EventType.EXPIRING_SOON: "expiring_soon",
    EventType.FLAME_CHANGED: "flame_changed",
    EventType.EXPIRED: "expired",
    EventType.WITHDRAWN: "withdrawn",
}
CUSTOMER = {
    EventType.ROUTED: "sent_to_partners",
    EventType.NO_MATCH: "sent_to_partners",
    EventType.NOBODY_LEFT: "nobody_left",
    EventType.PARTNER_UNAVAILABLE: "partner_unavailable",
    EventType.EXPIRED: "expired_at",
}


def event(kind: EventType, **facts: object) -> Event:
    referral = make_referral()
    base = {"referralId": referral.id, "partnerId": referral.partner_id, "profileId": referral.profile_id}
    return Event(
        id=ids.event_id(referral.id, 2, kind),
        type=kind,
        subject=referral.id,
        rfi_id=referral.rfi_id,
        at=START,
        sequence=2,
        facts=base | facts,
    )


@pytest.mark.parametrize("kind", [k for k in EventType if k is not EventType.SETTLED])
def test_each_event_makes_its_mails_and_no_others(kind: EventType) -> None:
    expected = {("partner", PARTNER[kind])} if kind in PARTNER else set()
    expected |= {("customer", CUSTOMER[kind])} if kind in CUSTOMER else set()
    assert {(each.role.value, each.kind.value) for each in wanted(event(kind))} == expected


@pytest.mark.parametrize(
    ("cause", "kinds"),
    [
        ("referral.accepted", ["accepted_by"]),
        ("referral.declined", ["declined_by"]),
        ("referral.won", []),
        ("referral.lost", []),
        ("something.new", []),
    ],
)
def test_the_customer_hears_of_a_decision_when_it_can_no_longer_be_undone(cause: str, kinds: list[str]) -> None:
    settled = event(EventType.SETTLED, cause={"eventId": "e", "type": cause})
    assert [each.kind.value for each in wanted(settled)] == kinds
    assert wanted(event(EventType.SETTLED)) == ()
    assert wanted(event(EventType.SETTLED, cause="damaged")) == ()


DROPPED_OUT = {"eventId": "e", "type": "referral.declined", "referralId": "r-1", "partnerId": "p-1"}


def test_a_referral_that_goes_on_to_the_next_partner_is_told_of_together_with_that_partner() -> None:
    settled = event(EventType.SETTLED, nextBest=True, cause={"eventId": "e", "type": "referral.declined"})
    assert wanted(settled) == ()
    expired = event(EventType.EXPIRED, nextBest=True)
    assert [(each.kind, each.role) for each in wanted(expired)] == [(MailKind.EXPIRED, Role.PARTNER)]
    accepted = event(EventType.SETTLED, nextBest=True, cause={"eventId": "e", "type": "referral.accepted"})
    assert [each.kind for each in wanted(accepted)] == [MailKind.ACCEPTED_BY]
    asked = event(EventType.ROUTED, round=2, cause=DROPPED_OUT)
    assert [(each.kind, each.role) for each in wanted(asked)] == [(MailKind.ASKED_ANOTHER, Role.CUSTOMER)]


@pytest.mark.parametrize("kind", [EventType.ROUTED, EventType.NOBODY_LEFT])
def test_a_mail_about_the_next_partner_is_about_the_referral_that_dropped_out(kind: EventType) -> None:
    told = replace(event(kind), facts={"rfiId": "x", "round": 2, "cause": DROPPED_OUT})
    (mail,) = wanted(told)
    job = job_of(told, mail, make_person())
    assert (job.referral_id, job.partner_id) == ("r-1", "p-1")


def test_a_wanted_partner_makes_a_mail_only_when_the_page_said_something_else() -> None:
    wish = ids.event_id("rfi", 3, EventType.PARTNER_WANTED)
    assert wanted(event(EventType.ROUTED, round=2, answers=wish)) == ()
    assert wanted(event(EventType.PARTNER_UNAVAILABLE, because="asked_already", answers=wish)) == ()
    facts = {"rfiId": "x", "partnerId": "p-1", "round": 1, "because": "paused", "answers": wish}
    told = replace(event(EventType.PARTNER_UNAVAILABLE), facts=facts)
    (mail,) = wanted(told)
    assert (mail.kind, mail.role) == (MailKind.PARTNER_UNAVAILABLE, Role.CUSTOMER)
    made = job_of(told, mail, make_person())
    assert (made.referral_id, made.partner_id) == (None, "p-1")
    assert obsolete(made, make_rfi(), None) is None


def test_a_redelivered_event_gives_the_same_job_and_another_event_another() -> None:
    mail = Wanted(kind=MailKind.REMINDER, role=Role.PARTNER)
    first = job_of(event(EventType.REMINDER_DUE), mail, make_person())
    assert job_of(event(EventType.REMINDER_DUE), mail, make_person(email="new@x.example")).id == first.id
    assert job_of(event(EventType.EXPIRED), mail, make_person()).id != first.id


def test_a_partner_is_written_to_at_the_location_then_elsewhere_then_at_its_admin() -> None:
    partner = make_partner()
    here = make_location(id="here", contact=make_person(email="here@p.example"))
    there = make_location(id="there", contact=make_person(email="there@p.example"))
    profile = make_profile(locations=(there, here))

    def mails(location: str | None) -> list[str]:
        return [each.email for each in partner_contacts(location, profile, partner)]

    assert mails("here") == ["here@p.example", "there@p.example", partner.admin.email]
    assert mails("gone")[0] == partner.admin.email
    assert partner_contacts("here", None, partner) == [partner.admin]
    assert partner_contacts("here", None, None) == []


def test_nobody_is_listed_twice() -> None:
    person = make_person(email="one@p.example")
    profile = make_profile(locations=(make_location(id="a", contact=person), make_location(id="b", contact=person)))
    assert partner_contacts("a", profile, make_partner(admin=make_person(email="ONE@p.example"))) == [person]


def job(kind: MailKind) -> SendJob:
    role = Role.PARTNER if kind in set(MailKind) & {MailKind(v) for v in PARTNER.values()} else Role.CUSTOMER
    return job_of(event(EventType.CREATED), Wanted(kind=kind, role=role), make_person())


NEW = make_referral()
EVALUATING = replace(NEW, substatus=Substatus.RECEIVED, stage=Stage.EVALUATING)
ACTIVE = replace(NEW, status=Status.ACTIVE, substatus=Substatus.ACCEPTED, stage=Stage.ACTIVE)


def closed(substatus: Substatus) -> Referral:
    return replace(NEW, status=Status.CLOSED, substatus=substatus, stage=Stage.ARCHIVED)


STATES = {
    "new": NEW,
    "evaluating": EVALUATING,
    "active": ACTIVE,
    **{
        each.value: closed(each)
        for each in (Substatus.WON, Substatus.LOST, Substatus.DECLINED, Substatus.EXPIRED, Substatus.WITHDRAWN)
    },
}
STILL_SENT = {
    MailKind.NEW_REFERRAL: {"new", "evaluating"},
    MailKind.REMINDER: {"new", "evaluating"},
    MailKind.EXPIRING_SOON: {"new", "evaluating"},
    MailKind.FLAME_CHANGED: {"new", "evaluating", "active"},
    MailKind.EXPIRED: {"Expired"},
    MailKind.WITHDRAWN: {"Withdrawn"},
    MailKind.SENT_TO_PARTNERS: set(STATES),
    MailKind.ACCEPTED_BY: {"active", "Won", "Lost"},
    MailKind.DECLINED_BY: {"Declined"},
    MailKind.EXPIRED_AT: {"Expired"},
    MailKind.ASKED_ANOTHER: {"Declined", "Expired"},
    MailKind.NOBODY_LEFT: {"Declined", "Expired"},
    MailKind.PARTNER_UNAVAILABLE: set(STATES),
}


@pytest.mark.parametrize("kind", sorted(set(MailKind) - OF_ACCOUNTS))
@pytest.mark.parametrize("state", list(STATES))
def test_a_mail_is_sent_only_while_it_is_true(kind: MailKind, state: str) -> None:
    assert (obsolete(job(kind), make_rfi(), STATES[state]) is None) == (state in STILL_SENT[kind])


@pytest.mark.parametrize("kind", [k for k in MailKind if k not in OF_ACCOUNTS and job(k).role is Role.CUSTOMER])
def test_a_customer_who_has_withdrawn_hears_no_more(kind: MailKind) -> None:
    for state in STATES.values():
        assert obsolete(job(kind), make_rfi(state=RfiState.WITHDRAWN), state) is not None


@pytest.mark.parametrize("kind", sorted(set(MailKind) - OF_ACCOUNTS))
def test_an_erased_request_ends_its_mails(kind: MailKind) -> None:
    assert obsolete(job(kind), None, NEW) is not None


@pytest.mark.parametrize("kind", sorted(set(MailKind) - OF_ACCOUNTS))
def test_of_a_request_that_is_erased_partners_hear_only_that_it_is_withdrawn(kind: MailKind) -> None:
    erased = make_rfi(erased_at=START)
    for state in STATES.values():
        told = obsolete(job(kind), erased, state) is None
        assert told == (kind is MailKind.WITHDRAWN and state.substatus is Substatus.WITHDRAWN)
