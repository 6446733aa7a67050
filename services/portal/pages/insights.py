"""A partner's own figures over a period, against the median of partners."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from services.core.insights import PERIODS, Medians
from services.portal.access import partner
from services.portal.identity import Identity
from services.portal.pages.frame import frame_of, words_for
from services.portal.pages.insight_view import charts
from services.portal.ports import PortalOptions, PortalPorts
from services.wording.words import _

Me = Annotated[Identity, Depends(partner)]

#: What is shown unless another period is asked for, days.
USUAL = 90
_LABELS = {30: _("Last 30 days"), 90: _("Last 90 days"), 365: _("Last 365 days")}


def router(ports: PortalPorts, _options: PortalOptions) -> APIRouter:
    """The page of figures."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/insights")
    async def insights(request: Request, me: Me) -> Response:
        words, now = words_for(request), ports.clock.now()
        asked = request.query_params.get("days", "")
        days = next((each for each in PERIODS if str(each) == asked), USUAL)
        since = now - timedelta(days=days)
        figures = await ports.insights.figures(me.partner_id or "", since, now)
        medians = await ports.insights.medians(days)
        values = {
            "days": days,
            "periods": [(each, words.say(_LABELS[each])) for each in PERIODS],
            "since": since,
            "figures": figures,
            "medians": medians,
            "charts": charts(figures, medians or Medians(days=days, at=now), words),
        }
        return frame_of(request).page(request, "insights.html.j2", values)

    return routes
