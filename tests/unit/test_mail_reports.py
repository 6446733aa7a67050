"""Are reports of mail servers read as they are sent: by Postfix, Exim, Exchange, and by those who mean no good?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.adapters.mail.reports import LONGEST, Report, read_report

RETURNED = "bounces+00112233445566778899aabbccddeeff0123456789abcdef@exchange.example"

POSTFIX = b"""\
Return-Path: <>
Delivered-To: bounces@exchange.example
X-Original-To: bounces+00112233445566778899aabbccddeeff0123456789abcdef@exchange.example
From: MAILER-DAEMON@mx.partner.example (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: bounces@exchange.example
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b/mx"

This is a MIME-encapsulated message.

--b/mx
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

<gone@partner.example>: host mx said: 550 5.1.1 User unknown

--b/mx
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.partner.example
X-Postfix-Queue-ID: 4Zz
Arrival-Date: Sat, 21 Nov 2026 10:00:00 +0000 (UTC)

Final-Recipient: rfc822; gone@partner.example
Original-Recipient: rfc822;gone@partner.example
Action: failed
Status: 5.1.1
Remote-MTA: dns; mx.partner.example
Diagnostic-Code: smtp; 550 5.1.1 User unknown

--b/mx
Content-Type: message/rfc822

From: Referral exchange <referrals@exchange.example>
To: bounces+ffffffffffffffffffffffffffffffffffffffffffffffff@exchange.example
Subject: Nueva referencia

Hola
--b/mx--
"""

EXIM = b"""\
From: Mail Delivery System <Mailer-Daemon@exim.partner.example>
To: BOUNCES+00112233445566778899AABBCCDDEEFF0123456789ABCDEF@Exchange.Example
Content-Type: multipart/report; report-type=delivery-status; boundary=1700-eximdsn-1
MIME-Version: 1.0

--1700-eximdsn-1
Content-type: text/plain; charset=us-ascii

This message was created automatically by mail delivery software.

--1700-eximdsn-1
Content-type: message/delivery-status

Reporting-MTA: dns; exim.partner.example

Action: failed
Final-Recipient: rfc822;gone@partner.example
Status: 5.0.0

--1700-eximdsn-1
Content-type: message/rfc822-headers

Message-ID: <x@exchange.example>

--1700-eximdsn-1--
"""


def changed(before: bytes, after: bytes, raw: bytes = POSTFIX) -> Report | None:
    assert before in raw
    return read_report(raw.replace(before, after))


def test_postfix_says_to_whom_it_was_returned_and_why() -> None:
    report = read_report(POSTFIX)
    assert report == Report(returned_to=("bounces@exchange.example", RETURNED), failed=True, status="5.1.1")


def test_exim_knows_few_codes_and_case_means_nothing() -> None:
    assert read_report(EXIM) == Report(returned_to=(RETURNED,), failed=True, status="5.0.0")


def test_lines_may_end_in_any_way() -> None:
    assert read_report(POSTFIX.replace(b"\n", b"\r\n")) == read_report(POSTFIX)


@pytest.mark.parametrize("action", [b"delayed", b"delivered", b"relayed", b"expanded"])
def test_a_mail_that_is_delayed_or_delivered_has_not_failed(action: bytes) -> None:
    report = changed(b"Action: failed\nStatus: 5.1.1", b"Action: %b\nStatus: 4.4.1" % action)
    assert report is not None
    assert (report.failed, report.status) == (False, "4.4.1")


def test_of_several_recipients_the_one_that_failed_counts() -> None:
    both = (
        b"Action: delivered\nStatus: 2.0.0\n\nFinal-Recipient: rfc822; b@p.example\nAction: Failed\nStatus: 5.2.1 (off)"
    )
    report = changed(b"Action: failed\nStatus: 5.1.1", both)
    assert report is not None
    assert (report.failed, report.status) == (True, "5.2.1")


def test_a_failure_without_a_code_is_a_failure() -> None:
    report = changed(b"Status: 5.1.1\n", b"")
    assert report is not None
    assert (report.failed, report.status) == (True, "5.0.0")


def test_what_a_quoted_mail_says_is_nobodys_address() -> None:
    report = read_report(POSTFIX)
    assert report is not None
    assert not any("ffff" in address for address in report.returned_to)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x00\xff\xfe",
        b"Subject: I am away\nAuto-Submitted: auto-replied\n\nUntil Monday.\n",
        b"Content-Type: message/delivery-status\n\nnothing of the kind",
        POSTFIX.replace(b"message/delivery-status", b"text/plain"),
        POSTFIX.replace(b"Action: failed\n", b""),
        POSTFIX + b"x" * LONGEST,
    ],
    ids=["nothing", "bytes", "away", "empty", "no report", "no action", "too long"],
)
def test_another_mail_is_no_report(raw: bytes) -> None:
    assert read_report(raw) is None


@given(st.binary(max_size=300), st.integers(0, len(POSTFIX)))
def test_no_bytes_make_it_fail(noise: bytes, at: int) -> None:
    read_report(POSTFIX[:at] + noise + POSTFIX[at:])
    read_report(noise)
