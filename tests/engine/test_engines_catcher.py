"""Does the mail catcher keep what it accepts, speak SMTP as real clients expect, and misbehave when asked to?"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import aiosmtplib
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.engines.bundled import Fault, FaultRule, MailSpool, running_engines, set_faults
from services.engines.bundled.catcher import catching
from services.engines.bundled.spool import Caught, SpoolWriter


def mail(number: int = 1, subject: str = "New referral", body: str = "Hello\n.\n..dots\n") -> EmailMessage:
    message = EmailMessage(policy=SMTP)
    message["Message-ID"] = f"<{number}@referrals.invalid>"
    message["Subject"] = subject
    message["X-Referral-Kind"] = "new"
    message["X-Referral-Job"] = f"job-{number}"
    message.set_content(body)
    message["Content-Language"] = "es"
    return message


@pytest.fixture
async def port(tmp_path: Path) -> AsyncIterator[int]:
    async with catching(0, tmp_path) as number:
        yield number


async def send(port: int, message: EmailMessage, to: str = "ana@partner.invalid") -> None:
    await aiosmtplib.send(
        message, sender="exchange@referrals.invalid", recipients=[to], hostname="127.0.0.1", port=port, start_tls=False
    )


class Talk:
    """A conversation in raw bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def begin(cls, port: int) -> Talk:
        talk = cls(*await asyncio.open_connection("127.0.0.1", port))
        assert await talk.codes(1) == ["220"]
        return talk

    async def codes(self, count: int) -> list[str]:
        lines = [await asyncio.wait_for(self.reader.readline(), 10) for _ in range(count)]
        return [line[:3].decode() for line in lines]

    async def say(self, text: str, replies: int) -> list[str]:
        self.writer.write(text.encode())
        return await self.codes(replies)

    def end(self) -> None:
        self.writer.close()


async def test_an_accepted_mail_is_kept_byte_for_byte_with_its_envelope(port: int, tmp_path: Path) -> None:
    message = mail(subject="Petición de Ñandú S.A.")
    await send(port, message)
    spool = MailSpool(tmp_path)
    (entry,) = spool.entries()
    assert spool.read(entry) == message.as_bytes()
    assert (entry.message_id, entry.kind, entry.language, entry.job) == ("<1@referrals.invalid>", "new", "es", "job-1")
    assert entry.subject == "Petición de Ñandú S.A."
    assert (entry.sender, entry.rcpt) == ("exchange@referrals.invalid", ("ana@partner.invalid",))
    assert entry.received_at.endswith("+00:00")


async def test_the_extensions_a_pipelining_client_needs_are_advertised(port: int) -> None:
    client = aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False)
    async with client:
        await client.ehlo()
        assert {"pipelining", "8bitmime", "smtputf8"} <= set(client.esmtp_extensions)


async def test_pipelined_mails_are_answered_in_order(port: int, tmp_path: Path) -> None:
    talk = await Talk.begin(port)
    group = "MAIL FROM:<a@x.invalid>\r\nRCPT TO:<b@x.invalid>\r\nDATA\r\n"
    assert await talk.say(group, 3) == ["250", "250", "354"]
    for number in range(3):
        codes = await talk.say(f"X-Referral-Job: {number}\r\n\r\nbody\r\n.\r\n{group}", 4)
        assert codes == ["250", "250", "250", "354"]
    assert await talk.say("\r\n.\r\nQUIT\r\n", 2) == ["250", "221"]
    talk.end()
    assert [entry.job for entry in MailSpool(tmp_path).entries()] == ["0", "1", "2", ""]


async def test_a_mail_cut_into_single_bytes_arrives_whole(port: int, tmp_path: Path) -> None:
    talk = await Talk.begin(port)
    await talk.say("MAIL FROM:<a@x.invalid>\r\nRCPT TO:<b@x.invalid>\r\nDATA\r\n", 3)
    for byte in b"Subject: x\r\n\r\n..\r\nend\r\n.\r\n":
        talk.writer.write(bytes([byte]))
        await talk.writer.drain()
    assert await talk.codes(1) == ["250"]
    talk.end()
    spool = MailSpool(tmp_path)
    assert [spool.read(entry) for entry in spool.entries()] == [b"Subject: x\r\n\r\n.\r\nend\r\n"]


async def test_commands_out_of_order_are_refused_and_keep_nothing(port: int, tmp_path: Path) -> None:
    talk = await Talk.begin(port)
    assert await talk.say("DATA\r\nRCPT TO:<b@x.invalid>\r\nMAIL FROM\r\nWHAT\r\n", 4) == ["503", "503", "501", "502"]
    assert await talk.say("MAIL FROM:<a@x.invalid>\r\nMAIL FROM:<a@x.invalid>\r\nRSET\r\n", 3) == ["250", "503", "250"]
    assert await talk.say("RCPT TO:<b@x.invalid>\r\n", 1) == ["503"]
    talk.end()
    assert MailSpool(tmp_path).count() == 0


async def test_only_a_dot_between_full_line_ends_ends_a_mail(port: int, tmp_path: Path) -> None:
    talk = await Talk.begin(port)
    await talk.say("MAIL FROM:<a@x.invalid>\r\nRCPT TO:<b@x.invalid>\r\nDATA\r\n", 3)
    smuggled = "one\n.\nMAIL FROM:<evil@x.invalid>\r\n\r\n.\r\n"
    assert await talk.say(smuggled, 1) == ["250"]
    talk.end()
    assert MailSpool(tmp_path).count() == 1


async def test_a_refused_recipient_gets_the_code_asked_for_as_often_as_asked_for(port: int, tmp_path: Path) -> None:
    set_faults(tmp_path, FaultRule(fault=Fault.REFUSE_RECIPIENT, pattern="^ana@", code=451, times=1))
    await send(port, mail(1), "ben@partner.invalid")
    with pytest.raises(aiosmtplib.SMTPRecipientsRefused) as refused:
        await send(port, mail(2))
    assert refused.value.recipients[0].code == 451
    await send(port, mail(3))
    assert [entry.job for entry in MailSpool(tmp_path).entries()] == ["job-1", "job-3"]


async def test_a_mail_refused_after_the_dot_is_not_kept(port: int, tmp_path: Path) -> None:
    set_faults(tmp_path, FaultRule(fault=Fault.REFUSE_MAIL, code=554))
    with pytest.raises(aiosmtplib.SMTPDataError, match="asked for"):
        await send(port, mail())
    set_faults(tmp_path)
    await send(port, mail(2))
    assert [entry.job for entry in MailSpool(tmp_path).entries()] == ["job-2"]


@pytest.mark.parametrize(("fault", "kept"), [(Fault.DROP_KEPT, 1), (Fault.DROP_UNKEPT, 0)])
async def test_a_connection_cut_before_the_answer_leaves_the_sender_unsure(
    port: int, tmp_path: Path, fault: Fault, kept: int
) -> None:
    set_faults(tmp_path, FaultRule(fault=fault))
    with pytest.raises(aiosmtplib.SMTPException):
        await send(port, mail())
    assert MailSpool(tmp_path).count() == kept


async def test_a_delayed_answer_comes(port: int, tmp_path: Path) -> None:
    set_faults(tmp_path, FaultRule(fault=Fault.DELAY, delay_s=0.05))
    await send(port, mail())
    assert MailSpool(tmp_path).count() == 1


def test_everything_accepted_outlives_kill_9_and_the_numbering_goes_on(tmp_path: Path) -> None:
    with running_engines(tmp_path, kafka=False, mongo=False) as engines:
        address, folder = engines.endpoints.smtp, engines.endpoints.mail_dir
        assert folder is not None
        port = int(address.rpartition(":")[2])
        for number in range(20):
            asyncio.run(send(port, mail(number)))
        engines["mail"].kill()
        engines["mail"].start()
        asyncio.run(send(port, mail(20)))
        entries = list(MailSpool(folder).entries())
    assert [entry.id for entry in entries] == list(range(21))
    assert [entry.job for entry in entries] == [f"job-{number}" for number in range(21)]


def caught(content: bytes) -> Caught:
    return Caught(sender="a@x.invalid", rcpt=("b@x.invalid",), content=content, received_at="2026-01-01T00:00:00+00:00")


def test_an_index_line_that_a_crash_cut_is_removed_and_the_others_stay(tmp_path: Path) -> None:
    writer = SpoolWriter(tmp_path)
    writer.append([caught(b"one"), caught(b"two")])
    writer.close()
    with (tmp_path / "index.jsonl").open("ab") as index:
        index.write(b'{"id": 2, "mess')
    assert MailSpool(tmp_path).count() == 2
    writer = SpoolWriter(tmp_path)
    writer.append([caught(b"three")])
    writer.close()
    spool = MailSpool(tmp_path)
    assert [(entry.id, spool.read(entry)) for entry in spool.entries()] == [(0, b"one"), (1, b"two"), (2, b"three")]


def test_two_catchers_do_not_write_one_folder(tmp_path: Path) -> None:
    writer = SpoolWriter(tmp_path)
    with pytest.raises(OSError, match="another mail catcher"):
        SpoolWriter(tmp_path)
    writer.close()


def test_a_folder_without_mails_reads_as_empty(tmp_path: Path) -> None:
    spool = MailSpool(tmp_path / "nothing")
    assert (spool.count(), list(spool.entries())) == (0, [])


def test_a_mail_can_be_exported_for_a_mail_program(tmp_path: Path) -> None:
    writer = SpoolWriter(tmp_path)
    writer.append([caught(b"X-Referral-Kind: Expiring soon\r\n\r\nhello\r\n")])
    writer.close()
    spool = MailSpool(tmp_path)
    path = spool.export(next(spool.entries()), tmp_path / "out")
    assert path.name == "000000-expiring-soon.eml"
    assert path.read_bytes().endswith(b"hello\r\n")


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.lists(st.binary(max_size=200), max_size=4), max_size=6))
def test_whatever_is_kept_is_read_back(tmp_path_factory: pytest.TempPathFactory, batches: list[list[bytes]]) -> None:
    folder = tmp_path_factory.mktemp("spool")
    writer = SpoolWriter(folder)
    for batch in batches:
        writer.append([caught(content) for content in batch])
    writer.close()
    spool = MailSpool(folder)
    flat = [content for batch in batches for content in batch]
    assert [spool.read(entry) for entry in spool.entries()] == flat
    assert spool.count() == len(flat)
    assert [entry.id for entry in spool.entries(start=2)] == list(range(2, len(flat)))
