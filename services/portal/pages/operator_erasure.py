"""A customer's data on an operator's pages: what there is of it, and erasing it after a second look.

The mail address travels in forms alone: it must stand in no address of a page, and in no log.
"""

from __future__ import annotations

from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, Request, Response

from services.core.erasures import Found
from services.core.mail import is_mailbox
from services.portal.access import operator
from services.portal.identity import Identity
from services.portal.notices import go_on
from services.portal.pages.fields import fields_of
from services.portal.pages.frame import frame_of
from services.portal.ports import PortalOptions, PortalPorts

log = structlog.get_logger("portal.operator")

Me = Annotated[Identity, Depends(operator)]

#: Orders listed, and the longest thing that is looked for.
_ROWS, _LONGEST = 50, 320
_PATH = "/operator/erasure"


def router(ports: PortalPorts, _options: PortalOptions) -> APIRouter:
    """Routes of erasing."""
    routes = APIRouter(include_in_schema=False)

    @routes.get(_PATH)
    async def listed(request: Request, me: Me) -> Response:
        return await _page(request, ports, me, "")

    @routes.post(f"{_PATH}/look")
    async def look(request: Request, me: Me) -> Response:
        whose = await _whose(request)
        if not whose:
            return await _page(request, ports, me, whose, status=422)
        found = await _found(ports, whose)
        log.info("customer_looked_for", by=me.name, rfis=len(found.rfi_ids), originals=len(found.original_ids))
        return await _page(request, ports, me, whose, found)

    @routes.post(_PATH)
    async def erase(request: Request, me: Me) -> Response:
        whose = await _whose(request)
        order = await ports.erasures.erase(await _found(ports, whose), me.name) if whose else None
        return go_on(_PATH, "nothing-to-erase" if order is None else "erased")

    return routes


async def _whose(request: Request) -> str:
    return (await fields_of(request)).get("whose", "").strip()[:_LONGEST]


async def _found(ports: PortalPorts, whose: str) -> Found:
    """By mail address, or of the request with this id."""
    if is_mailbox(whose):
        return await ports.erasures.find(email=whose)
    return await ports.erasures.find(rfi_id=whose)


async def _page(
    request: Request, ports: PortalPorts, me: Identity, whose: str, found: Found | None = None, *, status: int = 200
) -> Response:
    shown = await ports.partners.load_partners(list(found.partners_shown)) if found else {}
    values = {
        "me": me,
        "whose": whose,
        "found": found,
        "shown": sorted(partner.name for partner in shown.values()),
        "missing": status != 200,  # noqa: PLR2004 - nothing was named
        "orders": await ports.erasures.listed(_ROWS),
    }
    return frame_of(request).page(request, "operator_erasure.html.j2", values, status=status)
