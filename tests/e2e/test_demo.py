"""The main job with one command: it ends well, says what happened, and leaves nothing running."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from services.engines.bundled.spool import MailSpool
from services.engines.locations import Home
from services.engines.supervisor import status
from tests.e2e.exchange import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def test_the_demo_plays_fourteen_days_and_proves_that_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "services.cli", "demo"],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=280,
        env={**os.environ, "REFERRALS_HOME": str(tmp_path), "COLUMNS": "200"},
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    told = done.stdout
    for words in (
        "400 records submitted",
        "nothing missing, nothing doubled",
        "next-best offers",
        "Refused, by problem",
        "Referrals (busiest partners first)",
        "mails.mbox",
        "One of the mails",
    ):
        assert words in told
    # What expired has its column, and mails have one for each language.
    assert re.search(r"partner\W.*\ball\b.*\bExpired\b", told)
    assert re.search(r"kind\W+en\W+es\W+all\b", told)
    kinds = {mail.kind for mail in MailSpool(tmp_path / "demo" / "mail").entries()}
    assert kinds == {
        "new_referral",
        "reminder",
        "expiring_soon",
        "flame_changed",
        "expired",
        "withdrawn",
        "sent_to_partners",
        "accepted_by",
        "asked_another",
        "declined_by",
        "expired_at",
        "nobody_left",
    }
    assert all(kind in told for kind in kinds)
    left = status(Home(tmp_path / "demo"))
    assert not left.running
    assert left.leftovers() == []
