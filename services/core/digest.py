"""When does a person get the daily mail about its referrals, and which mails are left out for it?

The mail of a day is one job, whose id follows from the person and the day in its own zone: made again after a crash, it
is the same job. A person who is due is in the store (`User.digest_at`), as a referral's reminder is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from services.core import ids
from services.core.accounts import Notify, User, folded
from services.core.codes import Timeframe
from services.core.mail import NO_RFI, MailKind, Role, SendJob
from services.core.referral import Referral

#: The hour at which digests are made, in each reader's own time.
MORNING = 7
#: A digest that could not be made or sent for so long is left out: the next one says what still holds.
LATEST = timedelta(hours=12)
#: What has come in since then is new in a digest.
NEW_FOR = timedelta(hours=24)
#: The one alert that a digest does not take the place of: it may come too late.
NOT_IN_DIGEST = frozenset({MailKind.EXPIRING_SOON})


_DAYS = {
    Timeframe.WITHIN_30_DAYS: timedelta(days=30),
    Timeframe.WITHIN_60_DAYS: timedelta(days=60),
    Timeframe.WITHIN_90_DAYS: timedelta(days=90),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """What a digest tells; without anything in it, it is not sent."""

    new: tuple[Referral, ...] = ()
    #: Those that came in since the day before, newest first.
    running_out: tuple[Referral, ...] = ()
    #: Unanswered ones, the nearest deadline first.
    outcome_due: tuple[Referral, ...] = ()
    #: Accepted ones whose expected closing date has passed, the oldest date first.

    def __bool__(self) -> bool:
        """Whether there is anything to tell."""
        return bool(self.new or self.running_out or self.outcome_due)


def with_wish(user: User, notify: Notify, now: datetime) -> User:
    """The person with what it wants to be mailed; its next digest is the next morning's."""
    later = replace(user, notify=notify)
    return replace(later, digest_at=next_morning(user.time_zone, now) if notify is Notify.DIGEST else None)


def next_morning(zone: str, after: datetime) -> datetime:
    """The first morning after an instant in a time zone, as an instant in UTC; a zone that nobody knows is UTC."""
    place, day = _zone(zone), day_of(after, zone)
    for ahead in range(3):
        morning = _at(day + timedelta(days=ahead), place)
        if morning > after:
            return morning
    raise AssertionError("a morning comes every day")


def day_of(at: datetime, zone: str) -> date:
    """The day in a time zone at an instant."""
    return at.astimezone(_zone(zone)).date()


def digest_job(user: User, at: datetime) -> SendJob | None:
    """The digest of the day, if this person is to get one.

    Args:
        user: who is due.
        at: now; the day is that of the reader's zone.
    """
    due = user.digest_at
    wanted = user.active and user.partner_id is not None and user.notify is Notify.DIGEST
    if not wanted or due is None or at - due > LATEST:
        return None
    event = ids.digest_id(user.id, day_of(due, user.time_zone).isoformat())
    return SendJob(
        id=ids.job_id(event, MailKind.DIGEST.value, Role.PARTNER.value),
        event_id=event,
        kind=MailKind.DIGEST,
        role=Role.PARTNER,
        rfi_id=NO_RFI,
        partner_id=user.partner_id,
        address=user.email,
        name=user.name,
        language=user.language,
        time_zone=user.time_zone,
        at=at,
        due_at=at,
    )


def after_digest(user: User, at: datetime) -> User:
    """The person due again, the next morning; one version later."""
    again = next_morning(user.time_zone, at) if user.notify is Notify.DIGEST else None
    return replace(user, digest_at=again, version=user.version + 1)


def expected_by(referral: Referral) -> date | None:
    """The day on which an accepted deal was expected to close; None if the partner said none."""
    if referral.details.closing_date is not None or referral.accepted_at is None:
        return referral.details.closing_date
    days = _DAYS.get(referral.details.timeframe) if referral.details.timeframe else None
    return None if days is None else (referral.accepted_at + days).date()


def wants_copy(user: User, kind: MailKind) -> bool:
    """Whether a person wants a copy of what a location's contact gets."""
    return user.active and (
        user.notify is Notify.EACH or (user.notify is Notify.WARNINGS and kind is MailKind.EXPIRING_SOON)
    )


def left_to_digest(address: str, kind: MailKind, people: Iterable[User]) -> bool:
    """Whether the person with this address hears of it in the daily digest."""
    if kind in NOT_IN_DIGEST:
        return False
    mine = folded(address)
    return any(user.active and user.notify is Notify.DIGEST and user.email == mine for user in people)


def _at(day: date, place: ZoneInfo) -> datetime:
    """The morning of a day. In UTC: local times do not tell which of two came first where the clock changes."""
    return datetime(day.year, day.month, day.day, MORNING, tzinfo=place).astimezone(UTC)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")
