"""May this partner be asked for a request as well? What pages and the API do when a customer wants one more partner."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from services.core.errors import CommandInvalid, Problem
from services.core.partner import Partner, RoutableProfile
from services.core.rfi import Rfi
from services.core.wishes import AskPartner
from services.matching.choosing import unavailable
from services.portal.ports import PortalPorts

_WORDS = {
    "unknown_partner": "there is no such partner: choose another one",
    "inactive": "this partner takes no requests any more: choose another one",
    "paused": "this partner takes no requests at the moment: choose another one",
}


async def ask_partner(ports: PortalPorts, rfi_id: str, partner_id: str, by: str) -> Rfi:
    """Note that the customer wants this partner; the router asks it.

    The router decides once more, because a partner may pause meanwhile; the customer is mailed then.

    Raises:
        NotFound: there is no such request.
        TransitionRefused: the request is closed.
        CommandInvalid: the partner takes no requests, had it before, there were too many; says which.
        DependencyUnavailable, VersionConflict: try again.
    """
    await check_open(ports, partner_id)
    return await ports.commands.execute_rfi(rfi_id, AskPartner(by=by, partner_id=partner_id))


async def check_open(ports: PortalPorts, partner_id: str) -> None:
    """Whether a partner can be asked by anybody.

    Raises:
        CommandInvalid: it takes no requests; says why.
    """
    partner = (await ports.partners.load_partners([partner_id])).get(partner_id)
    profiles = await ports.partners.profiles_of(partner_id) if partner else []
    if (code := closed_to_all(partner, profiles, ports.clock.now())) is not None:
        raise CommandInvalid([Problem("/partnerId", code, _WORDS[code])])


def closed_to_all(partner: Partner | None, profiles: Iterable[RoutableProfile], now: datetime) -> str | None:
    """Why a partner can't be asked by anybody: unknown_partner, inactive or paused; None if it can."""
    if partner is None:
        return "unknown_partner"
    codes = {unavailable(profile, now) for profile in profiles}
    if partner.active and None in codes:
        return None
    return "paused" if partner.active and "paused" in codes else "inactive"
