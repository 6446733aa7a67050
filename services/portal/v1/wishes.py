"""How does a partner's program have one more partner asked, for the customer whose request it has sent on?

A wish is one conditional write; the router answers it, usually within a second, and `wanted` tells what came of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar

from fastapi import APIRouter, Response
from pydantic import Field

from services.core.engagement import decide_rfi
from services.core.rfi import Rfi
from services.core.wishes import AskPartner
from services.portal.another import ask_partner, check_open
from services.portal.judging import judged_by
from services.portal.pages.partner_cards import active_partners
from services.portal.ports import PortalPorts
from services.portal.v1.callers import Reading, Writing
from services.portal.v1.paging import Limit
from services.portal.v1.rfis import PATH, RfiId, own_request
from services.portal.v1.route import V1Route, errors, name_methods
from services.portal.v1.search_told import FoundV1, found
from services.portal.v1.wire import Told, Wire, answer


class WantedPartnerV1(Told):
    """A partner that the customer wanted to be asked as well, and what came of that."""

    partner_id: str
    at: datetime
    waits: Annotated[bool, Field(description="The router has not answered yet; usually for less than a second")]
    because: Annotated[str | None, Field(description="The code of why it could not be asked")] = None


class WishV1(Wire):
    """One more partner to ask."""

    stand_ins: ClassVar[Mapping[str, Any]] = {"partner_id": "-"}
    partner_id: Annotated[str, Field(min_length=1, max_length=64)]


class WantedV1(Told):
    """Partners that the customer wanted to be asked as well, oldest first."""

    value: list[WantedPartnerV1]


class CandidatesV1(Told):
    """Partners that could be asked next, the best first."""

    value: list[FoundV1]


def router(ports: PortalPorts) -> APIRouter:
    """Routes of wishes."""
    routes = APIRouter(route_class=V1Route, tags=["rfis"])
    _add_candidates(routes, ports)
    _add_wishes(routes, ports)
    return name_methods(routes)


#: Candidates unless more are asked for.
_FEW = 10


def _add_candidates(routes: APIRouter, ports: PortalPorts) -> None:
    @routes.get(
        f"{PATH}/{{rfi_id}}/candidates",
        responses=errors(404, 422),
        response_model=CandidatesV1,
        summary="Who could be asked as well, the best first; who was asked is left out",
    )
    async def candidates(rfi_id: RfiId, me: Reading, limit: Limit = _FEW) -> Response:
        chosen = ports.finder.suggest(await own_request(ports, me, rfi_id), limit)
        partners = await active_partners(ports, [each.partner_id for each in chosen])
        profiles = await ports.partners.load_profiles([each.profile_id for each in chosen])
        here = [each for each in chosen if each.partner_id in partners and each.profile_id in profiles]
        value = [found(each, profiles[each.profile_id], partners[each.partner_id], None) for each in here]
        return answer(CandidatesV1(value=value))


def _add_wishes(routes: APIRouter, ports: PortalPorts) -> None:
    @routes.get(
        f"{PATH}/{{rfi_id}}/wanted",
        responses=errors(404, 422),
        response_model=WantedV1,
        summary="Partners that the customer wanted to be asked as well, and what came of it",
    )
    async def wanted(rfi_id: RfiId, me: Reading) -> Response:
        return answer(_wanted(await own_request(ports, me, rfi_id)))

    async def askable(rfi_id: RfiId, given: WishV1, me: Writing) -> None:
        rfi = await own_request(ports, me, rfi_id)
        await check_open(ports, given.partner_id)
        decide_rfi(rfi, AskPartner(by=me.name, partner_id=given.partner_id), ports.clock.now())

    @routes.post(
        f"{PATH}/{{rfi_id}}/wanted",
        responses=errors(404, 409, 413, 422),
        response_model=WantedV1,
        summary="Ask one more partner, for the customer; once more changes nothing",
    )
    @judged_by(askable)
    async def want(rfi_id: RfiId, given: WishV1, me: Writing) -> Response:
        await own_request(ports, me, rfi_id)
        return answer(_wanted(await ask_partner(ports, rfi_id, given.partner_id, me.name)))


def _wanted(rfi: Rfi) -> WantedV1:
    rounds = {each.cause: each for each in rfi.routing.rounds} if rfi.routing else {}
    told = [
        WantedPartnerV1(
            partner_id=each.partner_id,
            at=each.at,
            waits=each.event_id not in rounds,
            because=rounds[each.event_id].because if each.event_id in rounds else None,
        )
        for each in rfi.wishes
    ]
    return WantedV1(value=told)
