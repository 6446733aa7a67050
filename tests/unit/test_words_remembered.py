"""Spans and instants are remembered in pieces, and said as Babel says them whole."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from babel.dates import format_datetime, format_timedelta, get_timezone_name
from hypothesis import given
from hypothesis import strategies as st

from services.wording.words import words_of

WORDS = [words_of("en"), words_of("es")]
#: With summer time on either half of the earth, half hours, none at all, and no name but an offset.
ZONES = ["Europe/Madrid", "America/Santiago", "Australia/Lord_Howe", "Asia/Kolkata", "UTC", "Etc/GMT+3"]


@given(st.timedeltas(timedelta(days=-900), timedelta(days=900)) | st.timedeltas(timedelta(0), timedelta(hours=50)))
def test_a_span_is_said_as_babel_says_it(delta: timedelta) -> None:
    for words in WORDS:
        assert words.span(delta) == format_timedelta(delta, threshold=1.2, locale=words.locale)


@pytest.mark.parametrize(
    ("delta", "said"),
    [
        (timedelta(days=10, hours=23), "10 days"),
        (timedelta(days=13, hours=23, minutes=59), "13 days"),
        (timedelta(days=14), "2 weeks"),
        (timedelta(hours=47, minutes=59, seconds=59), "47 hours"),
        (timedelta(hours=48), "2 days"),
        (timedelta(minutes=119, seconds=59), "119 minutes"),
        (timedelta(seconds=90), "90 seconds"),
        (timedelta(seconds=1), "1 second"),
    ],
)
def test_time_that_is_left_is_never_said_to_be_more_than_it_is(delta: timedelta, said: str) -> None:
    assert WORDS[0].left(delta) == said


@given(st.integers(0, 60 * 24 * 365 * 40), st.sampled_from(ZONES))
def test_an_instant_is_said_as_babel_says_it(minutes: int, zone: str) -> None:
    at = datetime(2000, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    local = at.astimezone(ZoneInfo(zone))
    for words in WORDS:
        pattern = f"{words.locale.date_formats['full'].pattern}, HH:mm"
        name = "UTC" if zone == "UTC" else get_timezone_name(local, locale=words.locale)
        assert words.instant(at, zone) == f"{format_datetime(local, pattern, locale=words.locale)} ({name})"
