"""Is it written down to whom a mail showed the customer's contact, whatever becomes of the mail and of its sender?"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from services.adapters.mongo.documents import JOBS
from services.core.accounts import Notify
from services.core.codes import PolicyName, Stage, Status, Substatus
from services.core.digest import with_wish
from services.core.mail import Envelope, JobState, MailKind, Outcome, Role
from services.core.policy import POLICIES
from services.core.reveals import RevealedDay, Way, by_mail
from services.notifier.sender import SenderLimits
from tests.builders import START, make_location, make_partner, make_person, make_profile, make_referral, make_rfi
from tests.contract.account_suite import make_user
from tests.contract.job_suite import make_job
from tests.unit.test_golden import documents
from tests.unit.test_notifier import World, change, handle, running

CONTACT = "sales@partner1.example"
EMAIL = make_rfi().customer.contact.email
MASKED = {name: replace(each, mask_contact_until_accept=True) for name, each in POLICIES.items()}


def shown(world: World) -> list[RevealedDay]:
    return by_mail(world.stores.jobs.stored.values(), world.stores.referrals.stored.values(), world.policies)


def readers(world: World) -> list[tuple[str, bool]]:
    return [(day.by, day.sure) for day in shown(world)]


async def sent(world: World, partners: int = 1, state: str = "sent") -> None:
    records = await world.seed(partners)
    notifier = world.start()
    await running(notifier, handle(notifier, records), lambda: world.states()[state] == world.states().total() > 0)


async def test_a_mail_with_the_contact_is_noted_with_its_reader_and_its_time() -> None:
    world = World()
    await sent(world, partners=2)
    assert all(EMAIL.encode() in mail.message for mail in world.mailer.accepted)
    (one, two) = shown(world)
    assert (one.partner_id, one.by, one.way, one.first_at, one.last_at, one.times, one.sure) == (
        make_partner(1).id,
        CONTACT,
        Way.MAIL,
        START,
        START,
        1,
        True,
    )
    assert (two.partner_id, two.by) == (make_partner(2).id, "sales@partner2.example")


async def test_colleagues_who_get_copies_are_readers_too() -> None:
    world = World()
    await world.stores.users.add([with_wish(make_user("ana@partner1.example", make_partner(1).id), Notify.EACH, START)])
    await sent(world)
    assert readers(world) == [("ana@partner1.example", True), (CONTACT, True)]


async def test_a_mail_that_hides_the_contact_shows_nothing_and_nothing_is_noted() -> None:
    world = World(policies=MASKED)
    await sent(world)
    assert not any(EMAIL.encode() in mail.message for mail in world.mailer.accepted)
    assert shown(world) == []
    assert world.only_job().disclosed == ()


async def test_a_mail_without_the_contact_and_one_to_the_customer_show_no_partner_anything() -> None:
    world = World()
    await sent(world)
    (referral,) = world.stores.referrals.stored.values()
    await change(world, referral, status=Status.CLOSED, substatus=Substatus.EXPIRED)
    for kind, role in ((MailKind.EXPIRED, Role.PARTNER), (MailKind.EXPIRED_AT, Role.CUSTOMER)):
        job = replace(world.only_job(), kind=kind, role=role, disclosed=None)
        assert by_mail([job], [referral], POLICIES) == []


async def test_a_mail_that_no_server_took_has_shown_nothing() -> None:
    world = World()
    world.mailer.answer = lambda _: Outcome.RETRY
    await sent(world, state="pending")
    assert shown(world) == []
    world.mailer.answer = lambda _: Outcome.SENT
    world.clock.advance(timedelta(minutes=1))
    await world.start().senders.claim_once()
    assert [day.first_at for day in shown(world)] == [START + timedelta(minutes=1)]


async def test_without_an_answer_to_the_final_dot_it_counts_as_shown_and_the_next_attempt_is_a_second_time() -> None:
    world = World()
    world.mailer.answer = lambda _: Outcome.UNKNOWN
    await sent(world, state="pending")
    assert readers(world) == [(CONTACT, True)]
    world.mailer.answer = lambda _: Outcome.SENT
    world.clock.advance(timedelta(minutes=1))
    await world.start().senders.claim_once()
    assert [day.first_at for day in shown(world)] == [START, START + timedelta(minutes=1)]


async def test_what_became_obsolete_after_an_unanswered_attempt_was_shown_all_the_same() -> None:
    world = World()
    world.mailer.answer = lambda _: Outcome.UNKNOWN
    await sent(world, state="pending")
    (referral,) = world.stores.referrals.stored.values()
    await change(world, referral, status=Status.CLOSED, substatus=Substatus.WITHDRAWN)
    world.clock.advance(timedelta(minutes=1))
    await world.start().senders.claim_once()
    assert world.only_job().state is JobState.OBSOLETE
    assert readers(world) == [(CONTACT, True)]


async def test_who_got_it_in_place_of_a_contact_that_is_refused_is_named() -> None:
    world = World()
    records = await world.seed(1)
    second = make_location(1, id="L-2", contact=make_person(email="second@partner1.example"))
    await world.stores.partners.put_profiles([make_profile(1, locations=(make_location(1), second), version=2)])

    def answer(envelope: Envelope) -> Outcome:
        return Outcome.SENT if envelope.recipient.startswith("second@") else Outcome.REFUSED

    world.mailer.answer = answer
    notifier = world.start()
    await running(notifier, handle(notifier, records), lambda: world.states()["sent"] == 1)
    assert readers(world) == [("second@partner1.example", True)]


async def test_nobody_has_seen_what_everybody_refused() -> None:
    world = World()
    world.mailer.answer = lambda _: Outcome.REFUSED
    await sent(world, state="failed")
    assert shown(world) == []


@pytest.mark.parametrize("obsolete", [False, True], ids=["sent again", "obsolete by then"])
async def test_what_a_sender_was_trying_when_it_died_may_have_been_shown(obsolete: bool) -> None:
    world = World()
    records = await world.seed(1)
    dying = world.start()
    await handle(dying, records)

    await world.killed_while_sending(dying)
    assert readers(world) == [(CONTACT, False)], "it is under way, for all that anybody knows"
    if obsolete:
        (referral,) = world.stores.referrals.stored.values()
        await change(world, referral, status=Status.CLOSED, substatus=Substatus.WITHDRAWN)
    world.clock.advance(timedelta(seconds=31))
    await world.start().senders.claim_once()
    assert readers(world) == [(CONTACT, not obsolete)]


async def test_what_waits_in_the_hands_of_a_sender_may_go_out_at_any_moment_unless_the_policy_hides_it() -> None:
    for world, expected in ((World(), [(CONTACT, False)]), (World(policies=MASKED), [])):
        await handle(world.start(), await world.seed(1))
        assert readers(world) == expected


async def test_what_was_handed_back_was_shown_to_nobody() -> None:
    world = World()
    notifier = world.start(SenderLimits(workers=0, poll_s=0.001))
    await handle(notifier, await world.seed(1))
    stop = asyncio.Event()
    stop.set()
    await notifier.senders.run(stop)
    assert world.only_job().state is JobState.PENDING
    assert shown(world) == []


def test_mails_of_the_first_version_noted_nothing_and_count_as_shown_where_the_policy_did_not_hide_it() -> None:
    jobs = [JOBS.from_doc(doc) for doc in documents("send_jobs")]
    assert {job.disclosed for job in jobs} == {None}
    about = [make_referral(n, id=id_) for n, id_ in enumerate(sorted({j.referral_id for j in jobs if j.referral_id}))]
    (mail,) = [job for job in jobs if job.kind is MailKind.NEW_REFERRAL and job.state is JobState.SENT]
    (day,) = by_mail(jobs, about, POLICIES)
    assert (day.referral_id, day.by, day.first_at, day.sure) == (mail.referral_id, mail.address, mail.sent_at, False)
    assert by_mail(jobs, about, MASKED) == []


def test_a_classic_referral_nobody_was_interested_in_was_shown_by_no_old_mail() -> None:
    referral = make_referral(1, policy=PolicyName.CLASSIC)
    job = make_job(referral_id=referral.id, state=JobState.SENT, sent_at=START)
    assert by_mail([job], [referral], POLICIES) == []
    assert len(by_mail([job], [replace(referral, stage=Stage.EVALUATING)], POLICIES)) == 1
