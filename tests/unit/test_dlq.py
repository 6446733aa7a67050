"""What is sent when a dead letter is replayed?"""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.adapters.kafka.subscription import REPLAY_GROUP_HEADER
from services.adapters.replaying import addressed
from services.core.errors import CommandInvalid
from services.core.ports import DeadLetter, Record
from tests.builders import START

RECORD = Record(
    topic="referral.events",
    partition=3,
    offset=7,
    timestamp=START,
    key=b"referral-1",
    value=b"{}",
    headers=(("ce_id", b"1"), (REPLAY_GROUP_HEADER, b"somebody")),
)
LETTER = DeadLetter(group="referrals-notifier", record=RECORD, reason="Invalid", detail="why", at=START)


def test_a_replay_is_the_record_on_its_partition_for_the_group_that_failed_only() -> None:
    sent = addressed(LETTER)
    assert (sent.topic, sent.key, sent.value, sent.partition) == ("referral.events", "referral-1", b"{}", 3)
    assert sent.headers == (("ce_id", b"1"), (REPLAY_GROUP_HEADER, b"referrals-notifier"))


@pytest.mark.parametrize("key", [None, b"", b"\xff\xfe"])
def test_a_key_that_is_no_text_hinders_no_replay(key: bytes | None) -> None:
    sent = addressed(replace(LETTER, record=replace(RECORD, key=key)))
    assert sent.partition == RECORD.partition


def test_a_letter_whose_original_is_gone_cannot_be_replayed() -> None:
    with pytest.raises(CommandInvalid) as refused:
        addressed(replace(LETTER, record=replace(RECORD, value=None)))
    assert "no longer kept" in refused.value.problems[0].message
