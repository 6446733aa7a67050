"""What came of a customer's request, and why did it go to whom? One engagement, as its asker may see it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from services.core.ids import referral_id
from services.core.referral import Referral
from services.core.rfi import Rfi
from services.portal.access import NotHere
from services.portal.identity import Identity
from services.portal.ports import PortalPorts
from services.portal.v1.callers import ReadingOrRunning, partner_of, runs_exchange
from services.portal.v1.engagement_told import EngagementV1, for_operator, for_partner
from services.portal.v1.explanation_told import ExplanationV1, as_asked, as_stored
from services.portal.v1.route import V1Route, errors, name_methods
from services.portal.v1.wire import answer

PATH = "/v1/engagements/{engagement_id}"
EngagementId = Annotated[str, Path(max_length=64, description="`engagementId` of a referral: the id of the request")]
PartnerId = Annotated[str | None, Query(alias="partnerId", max_length=64, description="Operators: only this partner")]


def router(ports: PortalPorts) -> APIRouter:
    """Routes of engagements."""
    routes = APIRouter(route_class=V1Route, tags=["engagements"])

    @routes.get(
        PATH,
        responses=errors(404, 422),
        response_model=EngagementV1,
        summary="A request with your own referral of it; operators: with everybody's",
    )
    async def one(engagement_id: EngagementId, me: ReadingOrRunning) -> Response:
        if runs_exchange(me):
            return answer(await _whole(ports, engagement_id))
        rfi, referral = await _own(ports, me, engagement_id)
        partners = await ports.partners.load_partners([referral.partner_id])
        return answer(for_partner(rfi, referral, partners.get(referral.partner_id)))

    @routes.get(
        f"{PATH}/explanation",
        responses=errors(404, 422),
        response_model=ExplanationV1,
        summary="Why you got it, as stored when you were asked; operators: why anybody did or did not, then and now",
    )
    async def explanation(engagement_id: EngagementId, me: ReadingOrRunning, partner_id: PartnerId = None) -> Response:
        if not runs_exchange(me):
            if partner_id not in (None, me.partner_id):
                raise NotHere("there is no such engagement")
            return answer(as_stored(*await _own(ports, me, engagement_id), me.language))
        rfi = await _request(ports, engagement_id)
        found = await ports.explaining.explain(rfi, partner_id)
        if not found.partner_known:
            raise NotHere("no partner with this id has a business profile")
        ids = {each.partner_id for each in found.profiles}
        if rfi.routing is not None:
            ids |= {each.partner_id for each in rfi.routing.chosen} | {e.partner_id for e in rfi.routing.near_misses}
        return answer(as_asked(rfi, found, partner_id, await ports.partners.load_partners(sorted(ids)), me.language))

    return name_methods(routes)


async def _request(ports: PortalPorts, engagement_id: str) -> Rfi:
    """The request.

    Raises:
        NotHere: there is none.
    """
    found = (await ports.rfis.load([engagement_id])).get(engagement_id)
    if found is None:
        raise NotHere("there is no such engagement")
    return found


async def _own(ports: PortalPorts, me: Identity, engagement_id: str) -> tuple[Rfi, Referral]:
    """The request and the caller's referral of it.

    Raises:
        NotHere: the caller's partner has none.
    """
    own = referral_id(engagement_id, partner_of(me))
    found = (await ports.referrals.load([own], partner_id=partner_of(me))).get(own)
    if found is None:
        raise NotHere("there is no such engagement of yours")
    return await _request(ports, found.rfi_id), found


async def _whole(ports: PortalPorts, engagement_id: str) -> EngagementV1:
    rfi = await _request(ports, engagement_id)
    referrals = (await ports.referrals.of_rfis([rfi.id])).get(rfi.id, [])
    ids = {each.partner_id for each in referrals}
    ids |= {each.partner_id for each in rfi.routing.near_misses} if rfi.routing else set()
    return for_operator(rfi, referrals, await ports.partners.load_partners(sorted(ids)))
