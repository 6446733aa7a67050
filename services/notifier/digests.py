"""What stands in a person's digest now, and is it still to be sent? Looked up when it is sent, so that it is true."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from services.core.account_stores import UserStore
from services.core.accounts import Notify, User
from services.core.digest import LATEST, NEW_FOR, Digest, day_of, expected_by
from services.core.ids import user_id
from services.core.listing import PAGE_LIMIT, Comparison, Field, ListingQuery, Op, ReferralListing, Section, Sort
from services.core.mail import SendJob
from services.core.referral import Referral

#: Pages of accepted referrals looked through for dates that have passed: those changed longest ago.
_PAGES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestNow:
    """What a digest says, or why it is not sent."""

    because: str | None = None
    digest: Digest = field(default_factory=Digest)


class Digests:
    """Looks up what digests say; each list has at most PAGE_LIMIT referrals."""

    def __init__(self, users: UserStore, listing: ReferralListing) -> None:
        self._users, self._listing = users, listing

    async def load(self, jobs: Sequence[SendJob], now: datetime) -> dict[str, DigestNow]:
        """What each digest's job says now, by job id.

        Raises:
            DependencyUnavailable: nothing is known.
        """
        people = await self._users.load(sorted({user_id(job.address) for job in jobs})) if jobs else {}
        return {job.id: await self._now(job, people.get(user_id(job.address)), now) for job in jobs}

    async def _now(self, job: SendJob, user: User | None, now: datetime) -> DigestNow:
        if user is None or not user.active or user.partner_id != job.partner_id or user.notify is not Notify.DIGEST:
            return DigestNow(because="the person does not want it any more")
        if now - job.at > LATEST:
            return DigestNow(because="it is late: the next one says what still holds")
        digest = await self._told(job.partner_id or "", job.at, day_of(job.at, job.time_zone))
        return DigestNow(because=None if digest else "there is nothing to tell", digest=digest)

    async def _told(self, partner_id: str, at: datetime, today: date) -> Digest:
        waiting: list[Referral] = []
        for section in (Section.NEW, Section.EVALUATING):
            query = ListingQuery(partner_id=partner_id, section=section, sort=Sort.TIME_LEFT, descending=False)
            waiting += (await self._listing.page(query)).referrals
        came_in = Comparison(Field.CREATED, Op.GE, at - NEW_FOR)
        new = (
            await self._listing.page(ListingQuery(partner_id=partner_id, section=Section.NEW, condition=came_in))
        ).referrals
        told = {each.id for each in new}
        waiting = [each for each in waiting if each.id not in told]
        return Digest(
            new=new,
            running_out=tuple(sorted(waiting, key=lambda each: (each.expires_at or each.created_at, each.id))),
            outcome_due=tuple(await self._overdue(partner_id, today)),
        )

    async def _overdue(self, partner_id: str, today: date) -> list[Referral]:
        query = ListingQuery(
            partner_id=partner_id, section=Section.ACTIVE, sort=Sort.UPDATED, descending=False, limit=PAGE_LIMIT
        )
        found: list[tuple[date, Referral]] = []
        for _ in range(_PAGES):
            page = await self._listing.page(query)
            dated = [(expected_by(each), each) for each in page.referrals]
            found += [(day, each) for day, each in dated if day is not None and day < today]
            if page.next is None:
                break
            query = replace(query, after=page.next)
        return [each for _day, each in sorted(found, key=lambda one: (one[0], one[1].id))]
