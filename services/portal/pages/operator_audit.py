"""The audits on an operator's page: what is missing or doubled, asked for here; and who asked for others' things."""

from __future__ import annotations

from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, Request, Response

from services.core.audits import Why
from services.portal.access import operator
from services.portal.identity import Identity
from services.portal.notices import go_on
from services.portal.pages.frame import frame_of
from services.portal.ports import PortalOptions, PortalPorts
from services.wording.words import _

log = structlog.get_logger("portal.operator")

Me = Annotated[Identity, Depends(operator)]

_PATH = "/operator/audit"
#: Notes of who asked for others' things that are shown.
ASKED = 50
WHY = {
    Why.TOO_LARGE: _("There is too much to look through beside other work: run `referrals audit`."),
    Why.TOO_LONG: _("It took too long beside other work: run `referrals audit`."),
    Why.ENGINE_AWAY: _("Kafka or the database did not answer. Try again when they do."),
    Why.BROKE: _("It broke off. The portal's log says where."),
}


def router(ports: PortalPorts, _options: PortalOptions) -> APIRouter:
    """Routes of the audit."""
    routes = APIRouter(include_in_schema=False)

    @routes.get(_PATH)
    async def show(request: Request, me: Me) -> Response:
        run = ports.audits.last()
        under_way = run is not None and run.ended_at is None
        asked = await ports.foreign_asks.newest(ASKED)
        partners = await ports.partners.load_partners(sorted({each.partner_id for each in asked}))
        names = {id_: each.name for id_, each in partners.items()}
        values = {"me": me, "run": run, "under_way": under_way, "why": WHY, "asked": asked, "names": names}
        return frame_of(request).page(request, "operator_audit.html.j2", values)

    @routes.post(_PATH)
    async def begin(me: Me) -> Response:
        began = ports.audits.begin(me.name)
        log.info("audit_asked_for", by=me.name, began=began)
        return go_on(_PATH, "audit-begun" if began else "audit-runs")

    return routes
