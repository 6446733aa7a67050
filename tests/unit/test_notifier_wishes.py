"""Who of a partner's people gets which mail: the contact, those who asked for copies, those who chose the digest."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from services.adapters.memory.mail import MemoryMailer
from services.core.accounts import Notify, User
from services.core.codes import Flame, PolicyName, Stage, Status
from services.core.digest import digest_job, next_morning, with_wish
from services.core.events import Event, EventType
from services.core.mail import MailKind, Outcome, Role
from services.core.ports import Change
from services.core.referral import Details, Referral
from services.notifier.app import Notifier
from services.notifier.plan import wanted
from tests.builders import START, make_partner, make_referral
from tests.contract.account_suite import make_user
from tests.unit.test_notifier import World, handle, running

PARTNER = make_partner(1).id
CONTACT = "sales@partner1.example"
NOON = START + timedelta(hours=3)


def person(email: str = "ana@partner1.example", notify: Notify = Notify.EACH, **more: object) -> User:
    return with_wish(make_user(email, PARTNER, language="es", **more), notify, START)


def to(world: World) -> list[str]:
    return sorted(each.recipient for each in world.mailer.accepted)


async def told(world: World, *people: User, sent: int, partners: int = 2) -> Notifier:
    """New referrals of each partner, mailed; returns the notifier."""
    await world.stores.users.add(people)
    records = await world.seed(partners)
    notifier = world.start()
    jobs = partners + len([each for each in people if each.notify is Notify.EACH and each.email != CONTACT])

    def done() -> bool:
        return world.states()["sent"] == sent and world.states().total() == jobs

    await running(notifier, handle(notifier, records), done)
    return notifier


def parsed(world: World, recipient: str) -> EmailMessage:
    (mail,) = [each for each in world.mailer.accepted if each.recipient == recipient]
    return message_from_bytes(mail.message, policy=policy.default)


async def test_a_copy_goes_to_who_asked_and_to_nobody_of_another_partner() -> None:
    world = World()
    silent, bea = person("silent@partner1.example", Notify.NOTHING), person("bea@partner1.example")
    await told(world, bea, silent, replace(person("x@partner1.example"), active=False, notify=Notify.NOTHING), sent=3)
    assert to(world) == ["bea@partner1.example", CONTACT, "sales@partner2.example"]
    mail = parsed(world, "bea@partner1.example")
    assert mail["list-unsubscribe"] == "<https://exchange.example/team#own>"
    assert mail["subject"].startswith("Nueva recomendación")
    assert parsed(world, CONTACT)["list-unsubscribe"] is None


async def test_redelivered_events_make_no_second_copy() -> None:
    world = World()
    await world.stores.users.add([person()])
    records = await world.seed(1)
    for notifier in (world.start(), world.start()):
        await running(notifier, handle(notifier, [*records, *records]), lambda: world.states()["sent"] == 2)
    assert to(world) == ["ana@partner1.example", CONTACT]


async def test_a_contact_who_wants_every_mail_gets_each_once() -> None:
    world = World()
    await told(world, person(CONTACT), sent=2)
    assert to(world) == [CONTACT, "sales@partner2.example"]


async def test_the_alert_of_a_contact_who_chose_the_digest_is_left_to_it() -> None:
    world = World()
    await told(world, person(CONTACT, Notify.DIGEST), sent=1)
    assert to(world) == ["sales@partner2.example"]
    assert world.states() == {"sent": 1, "obsolete": 1}


async def test_a_warning_reaches_the_contact_who_chose_the_digest_and_those_who_asked_for_warnings() -> None:
    world = World()
    await world.stores.users.add([person(CONTACT, Notify.DIGEST), person("bea@partner1.example", Notify.WARNINGS)])
    await world.seed(1)
    referral = make_referral(1, partner=1)
    facts = {
        "referralId": referral.id,
        "partnerId": PARTNER,
        "profileId": referral.profile_id,
        "locationId": referral.location_id,
    }
    event = Event(
        id="6f1a5b1e-0000-5000-8000-00000000000a",
        type=EventType.EXPIRING_SOON,
        subject=referral.id,
        rfi_id=referral.rfi_id,
        at=START,
        sequence=2,
        facts=facts,
    )
    notifier = world.start()
    await running(notifier, handle(notifier, [world.record(event)]), lambda: world.states()["sent"] == 2)
    assert to(world) == ["bea@partner1.example", CONTACT]


async def test_a_copy_is_not_sent_to_who_was_shut_out_meanwhile() -> None:
    world = World()
    ana = person()
    await world.stores.users.add([ana])
    await handle(world.start(), await world.seed(1))
    await world.stores.users.save([Change(replace(ana, active=False, version=2), 1)])
    world.clock.advance(timedelta(minutes=1))
    assert await world.start().senders.claim_once() == 2
    assert to(world) == [CONTACT]
    assert world.states() == {"sent": 1, "obsolete": 1}


async def test_a_refused_copy_is_offered_to_nobody_else() -> None:
    world = World(mailer=MemoryMailer(lambda each: Outcome.REFUSED if "ana@" in each.recipient else Outcome.SENT))
    await told(world, person(), sent=2)
    assert to(world) == [CONTACT, "sales@partner2.example"]
    assert world.states() == {"sent": 2, "failed": 1}


def test_no_event_asks_for_a_copy_by_itself() -> None:
    (mail,) = wanted(Event(id="e", type=EventType.CREATED, subject="r", rfi_id="f", at=START, sequence=1, facts={}))
    assert (mail.kind, mail.role) == (MailKind.NEW_REFERRAL, Role.PARTNER)


def some_referrals() -> list[Referral]:
    """One new, one that waits, one accepted whose date has passed; and one of another partner."""
    old = START - timedelta(days=5)
    return [
        make_referral(1, title="Fresh <b>", flame=Flame.RAISED, created_at=START),
        make_referral(2, title="Waiting", created_at=old, expires_at=NOON),
        make_referral(
            3,
            status=Status.ACTIVE,
            stage=Stage.ACTIVE,
            accepted_at=old,
            created_at=old,
            details=Details(engagement_name="Overdue", closing_date=(START - timedelta(days=1)).date()),
        ),
        make_referral(4, partner=2, title="Somebody else's", created_at=START),
    ]


async def digest_of(world: World, user: User, *, late: timedelta = timedelta(0)) -> None:
    """Make the digest of the next morning, and send it."""
    await world.stores.users.add([user])
    world.clock.advance(next_morning(user.time_zone, world.clock.now()) - world.clock.now())
    job = digest_job(user, world.clock.now())
    assert job is not None
    await world.stores.jobs.add_leased([job], "expirer", world.clock.real_now())
    world.clock.advance(late)
    assert await world.start().senders.claim_once() == 1


async def test_a_digest_tells_what_is_new_what_waits_and_what_is_due() -> None:
    world = World()
    await world.stores.referrals.add(some_referrals())
    await digest_of(world, person(notify=Notify.DIGEST))
    mail = parsed(world, "ana@partner1.example")
    counted = "una nueva, una espera respuesta, una espera un resultado"
    assert mail["subject"] == f"Sus recomendaciones del 3 de marzo: {counted}"
    assert mail["list-unsubscribe"] == "<https://exchange.example/team#own>"
    for kind in ("plain", "html"):
        part = mail.get_body((kind,))
        assert part is not None
        body = part.get_content()
        for said in ("Waiting", "Overdue", "https://exchange.example/team#own", "El cliente ha pedido"):
            assert said in body
        assert "Somebody else" not in body
        assert ("Fresh <b>" in body) is (kind == "plain")
        assert body.index("Fresh") < body.index("Waiting") < body.index("Overdue")


async def test_nothing_to_tell_is_no_mail() -> None:
    world = World()
    await digest_of(world, person(notify=Notify.DIGEST))
    assert (world.mailer.accepted, world.states()) == ([], {"obsolete": 1})


async def test_a_late_digest_is_left_to_the_next_morning() -> None:
    world = World()
    await world.stores.referrals.add(some_referrals())
    await digest_of(world, person(notify=Notify.DIGEST), late=timedelta(hours=13))
    assert (world.mailer.accepted, world.states()) == ([], {"obsolete": 1})


@pytest.mark.parametrize("change", [{"active": False}, {"notify": Notify.NOTHING}, {"partner_id": "P-9"}])
async def test_who_does_not_want_it_any_more_gets_no_digest(change: dict[str, object]) -> None:
    world = World()
    await world.stores.referrals.add(some_referrals())
    user = person(notify=Notify.DIGEST)
    await world.stores.users.add([replace(user, **change)])  # type: ignore[arg-type]
    await digest_of(world, user)
    assert (world.mailer.accepted, world.states()) == ([], {"obsolete": 1})


async def test_a_classic_partners_evaluated_referrals_wait_too() -> None:
    world = World()
    base = make_referral(1, policy=PolicyName.CLASSIC, created_at=START - timedelta(days=4), title="Evaluated")
    await world.stores.referrals.add([replace(base, stage=Stage.EVALUATING)])
    await digest_of(world, person(notify=Notify.DIGEST))
    assert "una espera respuesta" in parsed(world, "ana@partner1.example")["subject"]
