"""What `referrals watch` shows of each kind of record."""

from __future__ import annotations

from datetime import timedelta

from schemas.topics import Topic
from services.adapters.wire import dead_letter_outgoing, outgoing, profile_outgoing
from services.cli.watch import Board, row_of
from services.core.creation import created_event
from services.core.policy import STANDARD
from services.core.ports import DeadLetter, Outgoing, Record
from services.core.tick import advance
from tests.builders import START, make_profile, make_referral

NAMES = {make_profile(1).partner_id: "Acme Cloud"}


def record(out: Outgoing) -> Record:
    return Record(
        topic=out.topic,
        partition=0,
        offset=7,
        timestamp=START,
        key=out.key.encode(),
        value=out.value,
        headers=tuple(out.headers),
    )


def test_a_referrals_event_names_the_partner() -> None:
    _, what, subject, facts = row_of(record(outgoing(created_event(make_referral(1)))), NAMES)
    assert what == "referral.created"
    assert subject == make_referral(1).id
    assert "Acme Cloud" in facts


def test_an_expiry_tells_its_time_and_state() -> None:
    late = advance(make_referral(1), START + timedelta(days=14), STANDARD)
    assert late is not None
    at, what, _, facts = row_of(record(outgoing(late.outbox[-1])), NAMES)
    assert (at, what) == ("2026-03-16 09:00:00", "referral.expired")
    assert "Expired" in facts


def test_a_profile_change_is_shown() -> None:
    _, what, subject, facts = row_of(record(profile_outgoing(make_profile(1))), NAMES)
    assert what == "partner.profile_changed"
    assert subject == make_profile(1).id
    assert "country ES" in facts


def test_a_dead_letter_is_shown_with_its_reason() -> None:
    broken = Record(topic=Topic.CLOCK_TICKS, partition=1, offset=2, timestamp=START, key=None, value=b"x", headers=())
    letter = DeadLetter(group="g", record=broken, reason="UnreadableRecord", detail="no", at=START)
    _, what, _, facts = row_of(record(dead_letter_outgoing(letter)), NAMES)
    assert what == "dead_letter.recorded"
    assert "UnreadableRecord" in facts


def test_a_record_that_cannot_be_read_is_shown_by_its_place() -> None:
    odd = Record(
        topic=Topic.REFERRAL_EVENTS,
        partition=1,
        offset=2,
        timestamp=START,
        key=None,
        value=b"\xff",
        headers=(("ce_id", b"\xff"),),
    )
    assert row_of(odd, NAMES)[1:3] == ("referral.events", "referral.events/1/2")


def test_the_board_keeps_the_newest_rows_and_counts_all() -> None:
    board = Board(2, NAMES)
    board.take([record(outgoing(created_event(make_referral(n)))) for n in range(5)])
    assert len(board.rows) == 2
    assert board.counts["referral.created"] == 5
