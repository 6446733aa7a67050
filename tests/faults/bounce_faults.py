"""A server took a mail and sends it back later: is the address mailed no more, and does somebody else get the mail?"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

from services.cli.mail import TRY_AGAIN
from services.engines.bundled.spool import MailEntry
from tests.e2e.exchange import ROOT
from tests.faults.proxy import Net
from tests.faults.site import Site
from tests.faults.trial import Trial

REPORT = """\
From: MAILER-DAEMON@mx.partner.example
To: {returned_to}
Subject: Undelivered Mail Returned to Sender
Content-Type: multipart/report; report-type=delivery-status; boundary=report

--report
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.partner.example

Final-Recipient: rfc822; {recipient}
Action: failed
Status: {status}

--report--
"""


def report_of(mail: MailEntry, status: str) -> str:
    """What a mail server sends to the envelope's sender."""
    return REPORT.format(returned_to=mail.sender, recipient=mail.rcpt[0], status=status)


def maildir(site: Site, name: str, mails: list[MailEntry], status: str = "5.1.1") -> Path:
    """A Maildir with a report of each of the mails."""
    folder = site.home.root / name
    for part in ("new", "cur", "tmp"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for mail in mails:
        (folder / "new" / f"{mail.job}.mx").write_text(report_of(mail, status), "utf-8")
    return folder


def of_jobs(site: Site, source: str, role: str) -> list[MailEntry]:
    """Mails about the RFIs of a source to partners or to customers, one for each job."""
    with site.database() as database:
        rfis = database["rfis"].distinct("_id", {"source": source})
        ids = set(database["send_jobs"].distinct("_id", {"rfi_id": {"$in": rfis}, "role": role}))
    return list({mail.job: mail for mail in site.mails() if mail.job in ids}.values())


def piped(site: Site, message: str) -> int:
    """Hand a message over on standard input; the exit code."""
    command = [sys.executable, "-m", "services.cli", "mail", "bounces", "-"]
    done = subprocess.run(
        command, input=message.encode(), env=site.environment, cwd=ROOT, timeout=60, capture_output=True, check=False
    )
    return done.returncode


def test_mails_that_come_back_find_another_reader_and_their_addresses_are_mailed_no_more(trial: Trial) -> None:
    site, source = trial.site, trial.ledger.source
    trial.send(trial.number(2, 20))
    site.settle()
    # One contact's mails of each kind of recipient: a contact has several, all to one address.
    contact = of_jobs(site, source, "partner")[0].rcpt[0]
    partners = [mail for mail in of_jobs(site, source, "partner") if mail.rcpt[0] == contact]
    customers = of_jobs(site, source, "customer")[:1]
    before = Counter(mail.rcpt[0] for mail in site.mails())
    with trial.whole(20, "mails come back (RFC 3464), each report read twice", times=2, most_again=len(partners)):
        # Killed between the list and the mail: the report is read again.
        site.order("cli", "suppressions.add.after")
        assert piped(site, report_of(customers[0], "5.1.1")) == -signal.SIGKILL
        assert site.struck("cli", "suppressions.add.after")
        for name in ("first", "second"):
            shown = site.cli("mail", "bounces", str(maildir(site, name, [*partners, *customers])))
            # Two that came back at once: one of them finds its address on the list, and is given up or goes on.
            assert ("suppressed" if name == "first" else "known") in shown
            site.settle()
        # What a mail server does that pipes its reports: it keeps one that is to be read again, and gives up no other.
        assert piped(site, report_of(partners[0], "5.1.1")) == 0
        site.nets["mongo"].set(Net.CUT)
        assert piped(site, report_of(partners[0], "5.1.1")) == TRY_AGAIN
        site.nets["mongo"].set(Net.PASS)
        trial.send(trial.number(2, 20))
    after = Counter(mail.rcpt[0] for mail in site.mails())
    assert after[contact] == before[contact], "nothing more goes to where mails came back from"
    with site.database() as database:
        jobs = {job["_id"]: job for job in database["send_jobs"].find({"_id": {"$in": [m.job for m in partners]}})}
        assert {job["state"] for job in jobs.values()} <= {"sent", "failed"}
        assert all(len(job["returned"]) == 1 for job in jobs.values())
        lost = database["send_jobs"].find_one({"_id": customers[0].job})
    assert (lost["state"], "come back" in lost["last_error"]) == ("failed", True)
    assert lost["_id"] in site.cli("parked", "list", "-n", "1000")
    assert customers[0].job in site.cli("mail", "suppressed", "-n", "1000")
    assert not list((site.home.root / "first" / "new").iterdir()), "what was read is marked as seen"
    site.cli("mail", "lift", contact)
