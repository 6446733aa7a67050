"""A person's daily mail comes in its morning, once a day, and takes the place of the mails that it tells of."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.accounts import Notify, User
from services.core.codes import Timeframe
from services.core.digest import (
    LATEST,
    MORNING,
    after_digest,
    day_of,
    digest_job,
    expected_by,
    left_to_digest,
    next_morning,
    wants_copy,
    with_wish,
)
from services.core.mail import MailKind
from tests.builders import START, make_referral
from tests.contract.account_suite import make_user

ZONES = ("UTC", "Europe/Madrid", "America/New_York", "Pacific/Apia", "Asia/Kathmandu", "Australia/Lord_Howe")
ALERTS = (MailKind.NEW_REFERRAL, MailKind.REMINDER, MailKind.FLAME_CHANGED, MailKind.EXPIRED, MailKind.WITHDRAWN)


def reader(zone: str = "Europe/Madrid", now: datetime = START) -> User:
    return with_wish(make_user(time_zone=zone), Notify.DIGEST, now)


@given(st.timedeltas(timedelta(days=-2000), timedelta(days=3000)), st.sampled_from(ZONES))
def test_a_morning_is_seven_o_clock_and_comes_within_a_day(passed: timedelta, zone: str) -> None:
    after = START + passed
    morning = next_morning(zone, after)
    assert morning > after
    assert morning - after <= timedelta(hours=25)
    local = morning.astimezone(ZoneInfo(zone))
    assert (local.hour, local.minute, local.second) == (MORNING, 0, 0)


@given(st.sampled_from(ZONES), st.lists(st.timedeltas(timedelta(minutes=1), timedelta(days=3)), max_size=12))
def test_of_all_sweeps_no_two_make_a_digest_of_one_day(zone: str, steps: list[timedelta]) -> None:
    user, now, days = reader(zone), START, list[date]()
    for step in steps:
        now += step
        while user.digest_at is not None and user.digest_at <= now:
            if (job := digest_job(user, now)) is not None:
                days.append(day_of(user.digest_at, zone))
                assert job.at == now
            user = after_digest(user, now)
    assert len(days) == len(set(days))


def test_a_zone_that_nobody_knows_is_utc() -> None:
    assert next_morning("Mars/Olympus", START) == datetime(2026, 3, 3, 7, tzinfo=UTC)


def test_who_moves_to_another_zone_gets_no_second_digest_of_the_day() -> None:
    user = reader("Europe/Madrid")
    assert user.digest_at is not None
    first = digest_job(user, user.digest_at)
    moved = with_wish(replace(user, time_zone="America/New_York"), Notify.DIGEST, user.digest_at)
    assert moved.digest_at is not None
    second = digest_job(moved, moved.digest_at)
    assert first is not None
    assert second is not None
    assert (first.id, first.address) == (second.id, second.address)


def test_after_a_long_outage_a_digest_waits_for_the_next_morning() -> None:
    user = reader()
    assert user.digest_at is not None
    assert digest_job(user, user.digest_at + LATEST) is not None
    late = user.digest_at + LATEST + timedelta(seconds=1)
    assert digest_job(user, late) is None
    later = after_digest(user, late)
    assert (later.digest_at, later.version) == (next_morning(user.time_zone, late), 2)


@pytest.mark.parametrize(
    "user",
    [
        replace(reader(), active=False),
        replace(reader(), partner_id=None),
        replace(reader(), notify=Notify.EACH),
    ],
    ids=["shut out", "no partner", "other wish"],
)
def test_who_is_not_to_get_one_gets_none(user: User) -> None:
    assert user.digest_at is not None
    assert digest_job(user, user.digest_at) is None


def test_another_wish_ends_the_digests() -> None:
    other = with_wish(reader(), Notify.WARNINGS, START)
    assert (other.notify, other.digest_at) == (Notify.WARNINGS, None)
    assert after_digest(replace(reader(), notify=Notify.EACH), START).digest_at is None


@pytest.mark.parametrize("kind", ALERTS)
def test_alerts_are_left_to_the_digest_of_who_chose_it(kind: MailKind) -> None:
    people = [reader(), make_user("bea@partner1.example", notify=Notify.EACH)]
    assert left_to_digest("ANA@partner1.example ", kind, people)
    assert not left_to_digest("bea@partner1.example", kind, people)
    assert not left_to_digest("ana@partner1.example", kind, [replace(people[0], active=False)])


def test_a_warning_is_never_left_to_a_digest() -> None:
    assert not left_to_digest("ana@partner1.example", MailKind.EXPIRING_SOON, [reader()])


@pytest.mark.parametrize(
    ("notify", "kinds"),
    [
        (Notify.NOTHING, set()),
        (Notify.DIGEST, set()),
        (Notify.WARNINGS, {MailKind.EXPIRING_SOON}),
        (Notify.EACH, {*ALERTS, MailKind.EXPIRING_SOON}),
    ],
)
def test_copies_go_to_those_who_asked(notify: Notify, kinds: set[MailKind]) -> None:
    user = make_user(notify=notify)
    assert {kind for kind in (*ALERTS, MailKind.EXPIRING_SOON) if wants_copy(user, kind)} == kinds
    assert not any(wants_copy(replace(user, active=False), kind) for kind in ALERTS)


def test_a_deal_is_expected_by_its_date_or_at_the_end_of_its_time_frame() -> None:
    deal = make_referral(1, accepted_at=START)
    by_date = replace(deal, details=replace(deal.details, closing_date=date(2026, 5, 1)))
    by_frame = replace(deal, details=replace(deal.details, timeframe=Timeframe.WITHIN_60_DAYS))
    someday = replace(deal, details=replace(deal.details, timeframe=Timeframe.LATER))
    assert [expected_by(each) for each in (by_date, by_frame, someday, deal)] == [
        date(2026, 5, 1),
        date(2026, 5, 1),
        None,
        None,
    ]
