"""A customer has its data erased: a page that says what that means, a box to tick, a button.

The link proves that its holder got our mail about this one request, so this request is erased and no other.
"""

from __future__ import annotations

from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, Request, Response

from services.portal.access import customer
from services.portal.identity import Identity
from services.portal.notices import go_on
from services.portal.pages.customer_view import own_request
from services.portal.pages.fields import fields_of
from services.portal.pages.frame import frame_of
from services.portal.ports import PortalOptions, PortalPorts

log = structlog.get_logger("portal.customer")

Me = Annotated[Identity, Depends(customer)]


def router(ports: PortalPorts, _options: PortalOptions) -> APIRouter:
    """Routes of erasing one's own request."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/requests/{signed}/erase")
    async def ask(request: Request, signed: str, me: Me) -> Response:
        return await _page(request, ports, me, signed)

    @routes.post("/requests/{signed}/erase")
    async def erase(request: Request, signed: str, me: Me) -> Response:
        if (await fields_of(request)).get("sure") != "yes":
            return await _page(request, ports, me, signed, status=422)
        rfi_id = me.rfi_id or ""
        await ports.erasures.erase(await ports.erasures.find(rfi_id=rfi_id), me.name)
        log.info("customer_erased_itself", rfi_id=rfi_id)
        return go_on(f"/requests/{signed}", "data-erased")

    return routes


async def _page(request: Request, ports: PortalPorts, me: Identity, signed: str, *, status: int = 200) -> Response:
    rfi = await own_request(ports, me)
    if rfi.erased_at is not None:
        return go_on(f"/requests/{signed}")
    values = {"at": f"/requests/{signed}", "rfi": rfi, "unsure": status != 200}  # noqa: PLR2004 - not ticked
    return frame_of(request).page(request, "customer_erase.html.j2", values, status=status)
