"""How does a rendered mail become the bytes that SMTP carries, quickly and without a way into the headers?

The standard library's EmailMessage takes over a millisecond for each mail. Here what never changes is written once, and
only encoded values are filled in: a header value is ASCII without control characters, or encoded words (RFC 2047).
"""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache

from services.core.mail import NO_RFI, Envelope, Role, SendJob, is_mailbox
from services.notifier.layout import Sheet
from services.notifier.render import Lines, joined

#: `=_` can't occur in quoted-printable, so no body can hold the boundary.
_BOUNDARY = b"=_referral_exchange_part"
#: Most bytes of UTF-8 in one encoded word: 75 characters of it all, and 13 of a header's name before the first.
_WORD_BYTES = 39
_PLAIN_HEADER = 60
_PLAIN = re.compile(r"[\x20-\x7e]*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029]+")
_ATOMS = re.compile(r"[A-Za-z0-9 ]+")

_HEAD = b"""\
MIME-Version: 1.0\r
From: %(sender)b\r
To: %(to)b\r
Subject: %(subject)b\r
Date: %(date)b\r
Message-ID: <%(job)b@%(domain)b>\r
In-Reply-To: <%(thread)b@%(domain)b>\r
References: <%(thread)b@%(domain)b>\r
Auto-Submitted: auto-generated\r
Content-Language: %(language)b\r
X-Referral-Kind: %(kind)b\r
X-Referral-Job: %(job)b\r
%(reply_to)b"""
_BODY_HEAD = b'--%b\r\nContent-Type: text/%b; charset="utf-8"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n'
_TO_TEXT = b'Content-Type: multipart/alternative; boundary="%b"\r\n\r\n' % _BOUNDARY
_TO_TEXT += _BODY_HEAD % (_BOUNDARY, b"plain")
_TO_HTML = _BODY_HEAD % (_BOUNDARY, b"html")
_END = b"--%b--\r\n" % _BOUNDARY


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Who mails come from."""

    address: str
    #: Envelope and From.
    domain: str
    #: Right side of Message-IDs.
    name: str = "Referral exchange"
    reply_to: str | None = None


def envelope(
    job: SendJob, sheet: Sheet, mine: Lines, sender: Sender, at: datetime, *, settings_url: str | None = None
) -> Envelope:
    """The envelope of a job.

    Args:
        job: gives the Message-ID, the recipient and the thread.
        sheet: what is said.
        mine: the recipient's own lines.
        sender: who it comes from.
        at: the date of the mail.
        settings_url: where mails of this sort can be stopped; for those that people asked for.

    Raises:
        ValueError: the address is not one mailbox.
    """
    author, domain, reply_to = _letterhead(sender)
    head = _HEAD % {
        b"sender": author,
        b"to": mailbox(job.name, job.address),
        b"subject": header(sheet.subject),
        b"date": _date(at.replace(microsecond=0)),
        b"job": job.id.encode("ascii"),
        b"domain": domain,
        b"thread": _thread(job).encode("ascii"),
        b"language": job.language.encode("ascii", "replace"),
        b"kind": job.kind.encode("ascii"),
        # RFC 2369; without RFC 8058's header nobody takes a look at the page for the wish itself.
        b"reply_to": reply_to + (b"List-Unsubscribe: <%b>\r\n" % settings_url.encode("ascii") if settings_url else b""),
    }
    text, html = joined(sheet.text, mine.text), joined(sheet.html, mine.html)
    return Envelope(job.id, sender.address, job.address, b"".join([head, _TO_TEXT, *text, _TO_HTML, *html, _END]))


@lru_cache(maxsize=8)
def _letterhead(sender: Sender) -> tuple[bytes, bytes, bytes]:
    """From, the domain of Message-IDs, and the Reply-To line of a sender."""
    reply_to = b"Reply-To: %b\r\n" % mailbox("", sender.reply_to) if sender.reply_to else b""
    return mailbox(sender.name, sender.address), sender.domain.encode("idna"), reply_to


@lru_cache(maxsize=8192)
def header(value: str) -> bytes:
    """An unstructured header value: as it is if plain and short, else encoded words on folded lines."""
    value = _CONTROL.sub(" ", value).strip()
    if len(value) <= _PLAIN_HEADER and _PLAIN.fullmatch(value) and "=?" not in value:
        return value.encode("ascii")
    return _encoded_words(value)


@lru_cache(maxsize=8192)
def mailbox(name: str, address: str) -> bytes:
    """`name <address>` for From, To and Reply-To.

    Raises:
        ValueError: the address is not one mailbox.
    """
    if not is_mailbox(address):
        raise ValueError("not a mailbox")
    name = _CONTROL.sub(" ", name).strip()
    if not name:
        return address.encode()
    if len(name) <= _PLAIN_HEADER and _ATOMS.fullmatch(name):
        return name.encode("ascii") + b" <" + address.encode() + b">"
    return _encoded_words(name) + b"\r\n <" + address.encode() + b">"


@lru_cache(maxsize=64)
def _date(at: datetime) -> bytes:
    return format_datetime(at).encode("ascii")


def _encoded_words(value: str) -> bytes:
    words: list[bytes] = []
    at = 0
    while at < len(value) or not words:
        piece = value[at : at + _WORD_BYTES]
        # A character must not be cut in two; one takes up to four bytes.
        while len(encoded := piece.encode("utf-8", "replace")) > _WORD_BYTES:
            piece = piece[: -max(1, (len(encoded) - _WORD_BYTES) // 4)]
        words.append(b"=?utf-8?b?" + b64encode(encoded) + b"?=")
        at += len(piece) or 1
    return b"\r\n ".join(words)


def _thread(job: SendJob) -> str:
    """What mail programs keep together: a partner's mails on a referral, a customer's on a request, digests."""
    if job.rfi_id == NO_RFI:
        return job.kind.value
    return f"referral-{job.referral_id}" if job.role is Role.PARTNER and job.referral_id else f"request-{job.rfi_id}"
