"""Do the bytes of a mail say exactly what was meant, whatever the words?"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.mail import MailKind, is_mailbox
from services.notifier.layout import Sheet, quoted_printable
from services.notifier.mime import Sender, envelope
from services.notifier.preview import matter
from services.notifier.render import Lines

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SENDER = Sender(address="referrals@exchange.example", domain="exchange.example")
JOB = matter(MailKind.NEW_REFERRAL, "en").job
HEADERS = [
    "MIME-Version",
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "References",
    "Auto-Submitted",
    "Content-Language",
    "X-Referral-Kind",
    "X-Referral-Job",
    "Content-Type",
]
#: What a subject may hold once rendered: no surrogates, but any other odd character.
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)


#: No lines of the recipient's own: the sheet is all there is.
NONE = Lines((), ())


def sheet(subject: str, text: str, html: str) -> Sheet:
    return Sheet(subject, (quoted_printable(text),), (quoted_printable(html),))


def parsed(mail: Sheet, name: str = "Sara Sales") -> EmailMessage:
    message = envelope(replace(JOB, name=name), mail, NONE, SENDER, AT).message
    return message_from_bytes(message, policy=default)


def part(message: EmailMessage, subtype: str) -> str:
    body = message.get_body((subtype,))
    assert body is not None
    return str(body.get_content())


def words(text: str) -> list[str]:
    """The text without control characters and without regard to spaces, which headers may fold."""
    return "".join(c if c.isprintable() or c not in CONTROLS else " " for c in text).split()


CONTROLS = {chr(n) for n in (*range(32), *range(127, 160), 0x2028, 0x2029)}


@given(subject=TEXT, name=TEXT)
def test_no_words_can_add_a_header_or_end_one(subject: str, name: str) -> None:
    message = parsed(sheet(subject, "t", "<p>h</p>"), name)
    assert list(message.keys()) == HEADERS
    assert message["Message-ID"] == f"<{JOB.id}@exchange.example>"
    assert [a.addr_spec for a in message["To"].addresses] == [JOB.address]
    assert not message.defects


@given(subject=TEXT)
def test_the_subject_arrives_as_it_was_meant(subject: str) -> None:
    message = parsed(sheet(subject, "t", "h"))
    assert "".join(words(str(message["Subject"]))) == "".join(words(subject))


#: Rendering leaves no carriage return.
BODY = TEXT.map(lambda text: text.replace("\r", ""))


@given(text=BODY, html=BODY)
def test_both_bodies_arrive_as_they_were_meant(text: str, html: str) -> None:
    message = parsed(sheet("s", text, html))
    for subtype, meant in (("plain", text), ("html", html)):
        lines = meant.replace("\r\n", "\n").rstrip("\n")
        assert part(message, subtype).replace("\r\n", "\n").rstrip("\n") == lines


@given(subject=TEXT, text=TEXT, html=TEXT, name=TEXT)
def test_the_bytes_are_safe_for_every_relay(subject: str, text: str, html: str, name: str) -> None:
    message = envelope(replace(JOB, name=name), sheet(subject, text, html), NONE, SENDER, AT).message
    message.decode("ascii")
    lines = message.split(b"\r\n")
    assert max(map(len, lines)) <= 78 + len(f"X-Referral-Job: {JOB.id}")
    assert not any(b"\n" in line for line in lines)
    assert message.endswith(b"\r\n")


@pytest.mark.parametrize(
    "address", ["a@b.example\r\nBcc: c@d.example", "a@b.example, c@d.example", "x", "a@[10.0.0.1]"]
)
def test_an_address_that_is_not_one_mailbox_makes_no_mail(address: str) -> None:
    assert not is_mailbox(address)
    with pytest.raises(ValueError, match="mailbox"):
        envelope(replace(JOB, address=address), sheet("s", "t", "h"), NONE, SENDER, AT)


def test_every_attempt_has_the_same_message_id_and_thread() -> None:
    first = parsed(sheet("s", "t", "h"))
    again = envelope(replace(JOB, attempts=7, address="other@partner.example"), sheet("s", "t", "h"), NONE, SENDER, AT)
    second = message_from_bytes(again.message, policy=default)
    for header in ("Message-ID", "In-Reply-To", "References"):
        assert first[header] == second[header]
    assert first["References"] == f"<referral-{JOB.referral_id}@exchange.example>"


def test_a_mail_says_that_no_person_wrote_it_and_where_answers_go() -> None:
    sender = replace(SENDER, reply_to="help@exchange.example")
    raw = envelope(JOB, sheet("s", "t", "h"), NONE, sender, AT).message
    message = message_from_bytes(raw, policy=default)
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Reply-To"] == "help@exchange.example"
    assert message["Content-Language"] == "en"
