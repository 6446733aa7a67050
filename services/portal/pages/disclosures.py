"""Who was shown the contact of a request's customer, when and how? A table for operators: pages, programs and mails."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.core.referral import Referral
from services.core.reveals import RevealedDay, Way, by_mail, in_order
from services.core.rfi import Rfi
from services.portal.ports import PortalPorts
from services.wording.words import Words, _

_WAYS = {
    Way.PAGE: _("On the page"),
    Way.API: _("Through the API"),
    Way.EXPORT: _("In a sheet"),
    Way.DOWNLOAD: _("As a contact card"),
    Way.MAIL: _("In a mail"),
}
_PERHAPS = _("In a mail, perhaps: it is under way, or it was not noted whether it showed it")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table."""

    partner: str
    reader: str
    #: The name of the partner's person, the id of its program, or the address of a mail.
    how: str
    first: str
    last: str
    #: Empty where it is the first.
    times: str


async def disclosures(
    ports: PortalPorts,
    rfi: Rfi,
    referrals: Sequence[Referral],
    names: Mapping[str, str],
    *,
    words: Words,
    zone: str,
) -> list[Row]:
    """Every disclosure of a request, the oldest first.

    Args:
        ports: of the portal.
        rfi: the request.
        referrals: all of its referrals.
        names: of the partners, by id.
        words: of the reader's language.
        zone: of the reader.
    """
    days = by_mail(await ports.jobs.of_rfis([rfi.id]), referrals, ports.policies)
    days += await ports.reveals.of_referrals([each.id for each in referrals])
    readers = {day.by.partition(":")[2] for day in days if day.way is not Way.MAIL}
    people = await ports.users.load(sorted(readers)) if readers else {}
    known = {id_: user.name or user.email for id_, user in people.items()}
    return [_row(day, names, known, words, zone) for day in in_order(days)]


def _row(day: RevealedDay, names: Mapping[str, str], people: Mapping[str, str], words: Words, zone: str) -> Row:
    first, last = words.instant(day.first_at, zone), words.instant(day.last_at, zone)
    return Row(
        partner=names.get(day.partner_id, day.partner_id),
        reader=day.by if day.way is Way.MAIL else people.get(day.by.partition(":")[2], day.by),
        how=words.say(_WAYS[day.way] if day.sure else _PERHAPS),
        first=first,
        last=last if last != first else "",
        times=words.number(day.times),
    )
