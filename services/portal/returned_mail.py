"""Which of a partner's addresses are mailed no more, because mails to them came back, and who has them mailed again?

Its own addresses alone: those of its people, of the contacts of its locations, and of the account.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import structlog

from services.core.ids import suppression_id
from services.portal.identity import Identity
from services.portal.ports import PortalPorts

log = structlog.get_logger("portal.team")


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """An address that mails came back from, whose it is, and since when it is mailed no more."""

    address: str
    name: str
    since: datetime


async def returned_mail(ports: PortalPorts, me: Identity) -> list[Returned]:
    """The caller's partner's addresses that are mailed no more, by address.

    Raises:
        DependencyUnavailable: the store does not answer.
    """
    names = await _addresses(ports, me)
    by_id = {suppression_id(address): address for address in names}
    found = await ports.suppressions.among(list(by_id))
    told = [Returned(address=by_id[id_], name=names[by_id[id_]], since=each.at) for id_, each in found.items()]
    return sorted(told, key=lambda each: each.address)


async def mail_again(ports: PortalPorts, me: Identity, address: str) -> bool:
    """Have one of these addresses mailed again; False when it is none of them. Again changes nothing.

    Raises:
        DependencyUnavailable: the store does not answer.
    """
    if all(address != each.address for each in await returned_mail(ports, me)):
        return False
    await ports.suppressions.lift(suppression_id(address))
    log.info("mailed_again", by=me.name, partner=me.partner_id)
    return True


async def _addresses(ports: PortalPorts, me: Identity) -> dict[str, str]:
    """Every address of the partner as it stands there first, folded, with the name of who has it."""
    partner_id = me.partner_id or ""
    account = (await ports.partners.load_partners([partner_id])).get(partner_id)
    contacts = [office.contact for each in await ports.partners.profiles_of(partner_id) for office in each.locations]
    people = [*([account.admin] if account else []), *contacts]
    found = {each.email.strip().casefold(): f"{each.first_name} {each.last_name}".strip() for each in people}
    return found | {user.email: user.name for user in await ports.users.of_partner(partner_id)}
