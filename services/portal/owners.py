"""Whose is the thing that an id in a path names? Asked of ids that were refused; see `foreign_ids`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from services.core.foreign_ids import Thing
from services.core.ids import referral_id
from services.portal.access import NotHere
from services.portal.engagements.reading import source_of
from services.portal.identity import Identity
from services.portal.ports import PortalPorts
from services.portal.v1.suggestions import profile_in


@dataclass(frozen=True, slots=True)
class Owned:
    """A thing that there is, and whose; "" is nobody of a partner."""

    thing: Thing
    id: str
    partner_id: str


OwnerOf = Callable[[PortalPorts, Identity, str], Awaitable[Owned | None]]


async def _of_referral(ports: PortalPorts, me: Identity, id_: str) -> Owned | None:
    """A request that somebody has sent on is read in a referral's place."""
    found = (await ports.referrals.load([id_])).get(id_)
    return Owned(Thing.REFERRAL, id_, found.partner_id) if found else await _of_request(ports, me, id_)


async def _of_request(ports: PortalPorts, me: Identity, id_: str) -> Owned | None:
    """It is its sender's, and known to whoever was asked with it: that one did not stray far."""
    rfi = (await ports.rfis.load([id_])).get(id_)
    if rfi is None:
        return None
    mine, asked = me.partner_id or "", referral_id(id_, me.partner_id or "")
    known = rfi.source == source_of(mine) or asked in await ports.referrals.load([asked])
    return Owned(Thing.REQUEST, id_, mine if known else "")


async def _of_partner(ports: PortalPorts, _me: Identity, id_: str) -> Owned | None:
    return Owned(Thing.PARTNER, id_, id_) if id_ in await ports.partners.load_partners([id_]) else None


async def _of_person(ports: PortalPorts, _me: Identity, id_: str) -> Owned | None:
    found = (await ports.users.load([id_])).get(id_)
    return Owned(Thing.PERSON, id_, found.partner_id or "") if found else None


async def _of_program(ports: PortalPorts, _me: Identity, id_: str) -> Owned | None:
    owner = await ports.tokens.partner_of(id_)
    return None if owner is None else Owned(Thing.PROGRAM, id_, owner)


async def _of_webhook(ports: PortalPorts, _me: Identity, id_: str) -> Owned | None:
    found = (await ports.webhooks.webhooks([id_])).get(id_)
    return Owned(Thing.WEBHOOK, id_, found.partner_id) if found else None


async def _of_delivery(ports: PortalPorts, _me: Identity, id_: str) -> Owned | None:
    found = (await ports.webhooks.deliveries([id_])).get(id_)
    return Owned(Thing.DELIVERY, id_, found.partner_id) if found else None


async def _of_suggestion(ports: PortalPorts, _me: Identity, id_: str) -> Owned | None:
    """Noted is the profile that it is about: the suggestion's own id has its partner's words in it."""
    try:
        profile = profile_in(ports.signer, id_)
    except NotHere:
        return None
    found = (await ports.partners.load_profiles([profile])).get(profile)
    return Owned(Thing.PROFILE, profile, found.partner_id) if found else None


#: By the name that a parameter of a path has everywhere.
OWNERS: Mapping[str, OwnerOf] = {
    "referral_id": _of_referral,
    "rfi_id": _of_request,
    "engagement_id": _of_request,
    "partner_id": _of_partner,
    "user_id": _of_person,
    "member_id": _of_person,
    "program_id": _of_program,
    "webhook_id": _of_webhook,
    "delivery_id": _of_delivery,
    "suggestion_id": _of_suggestion,
}
