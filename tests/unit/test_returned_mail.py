"""Is whoever a mail came back from mailed no more, once, and nobody else? And does the mail find another reader?"""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest

from services.adapters.memory.clock import TurnableClock
from services.adapters.memory.mail import MemoryMailer
from services.adapters.memory.stores import MemoryStores
from services.adapters.signing import SignedLinks
from services.core.errors import DependencyUnavailable
from services.core.ids import suppression_id
from services.core.mail import Envelope, JobState, JobUpdate, Outcome, Role, SendJob
from services.core.suppressions import is_about_address
from services.notifier.return_paths import CarefulMailer, ReturnPaths
from services.notifier.returned import ReturnedMail, ReturnedPorts, Taken
from tests.builders import START, make_partner, make_profile, make_referral
from tests.contract.job_suite import SOON, make_job

BASE = "bounces@exchange.example"


class World:
    """A mail to a partner's contact, and what takes reports of it."""

    def __init__(self) -> None:
        self.stores, self.mailer = MemoryStores(), MemoryMailer()
        self.paths = ReturnPaths(BASE, SignedLinks("a key of the tests", self.stores.secrets))
        self.careful = CarefulMailer(self.mailer, self.stores.suppressions, self.paths)
        self.returned = self.start()
        self.referral = make_referral(1)
        self.job = make_job(referral_id=self.referral.id, partner_id=self.referral.partner_id)

    def start(self) -> ReturnedMail:
        ports = ReturnedPorts(
            jobs=self.stores.jobs,
            referrals=self.stores.referrals,
            partners=self.stores.partners,
            suppressions=self.stores.suppressions,
            clock=TurnableClock(START),
        )
        return ReturnedMail(ports, self.paths)

    async def sent(self) -> None:
        await self.stores.partners.put_partners([make_partner(1)])
        await self.stores.partners.put_profiles([make_profile(1)])
        await self.stores.referrals.add([self.referral])
        await self.stores.jobs.add_leased([self.job], "a", SOON)
        await self.noted()

    async def noted(self) -> None:
        """A sender has sent it (again)."""
        await self.stores.jobs.claim("a", SOON, SOON, SOON, 9)
        await self.stores.jobs.finish(
            [JobUpdate(job_id=self.job.id, state=JobState.SENT, attempts=1, sent_at=START)], "a"
        )

    async def reported(self, address: str, status: str = "5.1.1", *, failed: bool = True) -> Taken:
        path = self.paths.of(self.job.id, address)
        assert path is not None
        taken, _ = await self.returned.take([path.upper(), "postmaster@exchange.example"], status, failed=failed)
        return taken

    def stored(self) -> SendJob:
        return self.stores.jobs.stored[self.job.id]

    async def mails(self, *addresses: str) -> dict[str, Outcome]:
        envelopes = [Envelope(str(uuid4()), "referrals@exchange.example", each, b"") for each in addresses]
        by_job = {each.job_id: each.recipient for each in envelopes}
        return {by_job[each.job_id]: each.outcome for each in await self.careful.send(envelopes)}


@pytest.fixture
async def world() -> World:
    made = World()
    await made.sent()
    return made


async def test_whoever_a_mail_came_back_from_is_mailed_no_more(world: World) -> None:
    assert await world.reported(world.job.address) is Taken.SUPPRESSED
    assert await world.mails(world.job.address.upper(), "else@partner.example") == {
        world.job.address.upper(): Outcome.REFUSED,
        "else@partner.example": Outcome.SENT,
    }
    assert [each.recipient for each in world.mailer.accepted] == ["else@partner.example"]


async def test_the_mail_is_due_again_so_that_somebody_else_gets_it(world: World) -> None:
    await world.reported(world.job.address)
    assert (world.stored().state, world.stored().last_error) == (JobState.PENDING, "came back: 5.1.1")


async def test_a_report_that_is_read_again_changes_nothing(world: World) -> None:
    await world.reported(world.job.address)
    assert await world.reported(world.job.address) is Taken.KNOWN
    await world.noted()
    assert await world.reported(world.job.address) is Taken.KNOWN
    assert world.stored().state is JobState.SENT


async def test_a_colleague_who_got_the_mail_instead_may_be_gone_too(world: World) -> None:
    await world.reported(world.job.address)
    await world.noted()
    admin = make_partner(1).admin.email
    assert await world.reported(admin) is Taken.SUPPRESSED
    assert set(world.stores.suppressions.stored) == {suppression_id(world.job.address), suppression_id(admin)}


@pytest.mark.parametrize("status", ["5.2.2", "5.7.1", "4.4.7", "5.3.4"])
async def test_a_mail_that_was_refused_for_itself_is_given_up_and_the_address_stays(world: World, status: str) -> None:
    assert await world.reported(world.job.address, status) is Taken.GIVEN_UP
    assert (world.stored().state, world.stored().last_error) == (JobState.FAILED, f"came back: {status}")
    assert not world.stores.suppressions.stored


async def test_a_delayed_mail_is_left_alone(world: World) -> None:
    assert await world.reported(world.job.address, "4.4.1", failed=False) is Taken.NOT_FINAL
    assert world.stored().state is JobState.SENT


async def test_a_report_that_comes_before_the_attempt_is_noted_is_read_later() -> None:
    world = World()
    await world.stores.jobs.add_leased([world.job], "a", SOON)
    assert await world.reported(world.job.address) is Taken.TOO_EARLY
    assert not world.stores.suppressions.stored
    await world.noted()
    assert await world.reported(world.job.address) is Taken.SUPPRESSED


async def test_nobody_can_have_somebody_else_taken_from_the_list(world: World) -> None:
    """The proof of one's own mail is no good for another mail, for another reader, or under another key."""
    other = replace(make_job(2), role=Role.CUSTOMER, address="customer@buyer.example")
    await world.stores.jobs.add_leased([other], "a", SOON)
    mine = world.paths.of(world.job.id, world.job.address)
    theirs = ReturnPaths(BASE, SignedLinks("another key", world.stores.secrets)).of(other.id, other.address)
    assert mine is not None
    assert theirs is not None
    proof = mine.rpartition("@")[0][-16:]
    forged = [f"bounces+{other.id.replace('-', '')}{proof}@exchange.example", theirs, "bounces@exchange.example", ""]
    forged += ["bounces+zz@exchange.example", mine.replace("exchange", "else"), mine.replace("bounces", "other")]
    for path in forged:
        assert await world.returned.take([path], "5.1.1", failed=True) == (Taken.NOT_OURS, None), path
    assert not world.stores.suppressions.stored


async def test_without_a_return_address_mails_go_out_as_they_are() -> None:
    world = World()
    plain = ReturnPaths(None, SignedLinks("a key of the tests", world.stores.secrets))
    await CarefulMailer(world.mailer, world.stores.suppressions, plain).send(
        [Envelope("j", "from@x.example", "a@b.example", b"")]
    )
    assert [each.sender for each in world.mailer.accepted] == ["from@x.example"]
    assert list(plain.named([world.paths.of(world.job.id, "a@b.example") or ""])) == []


def test_a_return_address_fits_into_an_envelope() -> None:
    path = World().paths.of(str(uuid4()), "a@b.example")
    assert path is not None
    assert len(path.rpartition("@")[0]) <= 64


async def test_while_the_list_does_not_answer_mails_wait(world: World) -> None:
    world.stores.faults.fail_next()
    assert await world.mails("a@partner.example") == {"a@partner.example": Outcome.RETRY}
    assert not world.mailer.accepted


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_an_outage_at_any_call_leaves_a_report_that_can_be_read_again(after: bool) -> None:
    for number in range(20):
        world = World()
        await world.sent()
        world.stores.faults.fail_call(len(world.stores.faults.calls) + number, after=after)
        try:
            await world.reported(world.job.address)
        except DependencyUnavailable:
            assert await world.reported(world.job.address) in {Taken.SUPPRESSED, Taken.KNOWN}
        else:
            world.stores.faults.clear()
            assert number > 3
            return
        assert world.stored().state is JobState.PENDING
        assert suppression_id(world.job.address) in world.stores.suppressions.stored
    raise AssertionError("there are calls without end")


@pytest.mark.parametrize("status", ["5.1.1", "5.0.0", "5.4.4", "5.2.1", "5.1.10"])
def test_some_failures_say_that_an_address_is_no_good(status: str) -> None:
    assert is_about_address(status)


@pytest.mark.parametrize("status", ["5.2.2", "5.4.7", "5.7.1", "4.1.1", "5.1", "25.1.1"])
def test_others_speak_of_one_mail(status: str) -> None:
    assert not is_about_address(status)
