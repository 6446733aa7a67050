"""What must every Mailer do? Asked of the twin, and of conversations with a server that misbehaves on demand."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import AsyncIterator, Sequence

import pytest

from services.adapters.mail.smtp import Relay, SmtpMailer
from services.adapters.memory.mail import MemoryMailer
from services.core.mail import Envelope, Mailer, Outcome
from services.engines.locations import LOOPBACK
from tests.smtp_world import SmtpWorld, smtp_world

#: What a server does with a mail, by the beginning of its recipient, and what the mailer must say of it.
OUTCOMES = {
    "ok": Outcome.SENT,
    "rcpt_later": Outcome.RETRY,
    "rcpt_never": Outcome.REFUSED,
    "dot_later": Outcome.RETRY,
    "dot_never": Outcome.REFUSED,
    "drop_kept": Outcome.UNKNOWN,
}
TAKEN = {Outcome.SENT, Outcome.UNKNOWN}


def envelope(number: int, fault: str = "ok") -> Envelope:
    message = b"Subject: %d\r\n\r\n.a dot, and \xc3\xa9\r\n" % number
    return Envelope(f"job-{number}", "a@from.example", f"{fault}-{number}@x.example", message)


def outcome_of(envelope: Envelope) -> Outcome:
    return OUTCOMES[envelope.recipient.partition("-")[0]]


class Post(ABC):
    """A mailer and the server behind it."""

    mailer: Mailer

    @abstractmethod
    def taken(self) -> list[tuple[str, bytes]]:
        """What the server keeps: recipient and message."""


class MemoryPost(Post):
    def __init__(self) -> None:
        self.mailer: MemoryMailer = MemoryMailer(outcome_of)

    def taken(self) -> list[tuple[str, bytes]]:
        return [(each.recipient, each.message) for each in self.mailer.accepted]


class SmtpPost(Post):
    def __init__(self, world: SmtpWorld) -> None:
        self.world = world
        self.mailer: SmtpMailer = SmtpMailer(Relay(host=LOOPBACK, port=world.port, connections=2))

    def taken(self) -> list[tuple[str, bytes]]:
        return self.world.accepted


class MailerSuite:
    """The behaviour; collected in the subclasses."""

    async def test_each_mail_has_the_outcome_that_the_server_gave_it_and_spares_its_neighbours(
        self, post: Post
    ) -> None:
        sent = [envelope(n, fault) for n, fault in enumerate([*OUTCOMES, *["ok"] * 5, *reversed(OUTCOMES)])]
        deliveries = await post.mailer.send(sent)
        assert {each.job_id: each.outcome for each in deliveries} == {each.job_id: outcome_of(each) for each in sent}
        assert len(deliveries) == len(sent)
        kept = [(each.recipient, each.message) for each in sent if outcome_of(each) in TAKEN]
        assert Counter(post.taken()) == Counter(kept)

    async def test_a_mailer_remembers_nothing(self, post: Post) -> None:
        for _ in range(2):
            (delivery,) = await post.mailer.send([envelope(1)])
            assert delivery.outcome is Outcome.SENT
        assert [to for to, _ in post.taken()] == [envelope(1).recipient] * 2

    async def test_nothing_to_send_is_nothing_done(self, post: Post) -> None:
        assert list(await post.mailer.send([])) == []
        assert post.taken() == []

    async def test_batches_at_once_do_not_mix(self, post: Post) -> None:
        batches: list[Sequence[Envelope]] = [[envelope(10 * n + m) for m in range(10)] for n in range(5)]
        found = await asyncio.gather(*map(post.mailer.send, batches))
        for batch, deliveries in zip(batches, found, strict=True):
            assert {each.job_id for each in deliveries} == {each.job_id for each in batch}
        assert len(set(post.taken())) == len(post.taken()) == 50


class TestMemoryMailer(MailerSuite):
    @pytest.fixture
    def post(self) -> Post:
        return MemoryPost()


class TestSmtpMailer(MailerSuite):
    @pytest.fixture(params=[True, False], ids=["pipelining", "lockstep"])
    async def post(self, request: pytest.FixtureRequest) -> AsyncIterator[Post]:
        async with smtp_world(pipelining=request.param) as world:
            made = SmtpPost(world)
            yield made
            await made.mailer.close()
