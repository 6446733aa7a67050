"""Who is in the partner network? Operators walk it page by page; a partner is told of itself."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response

from services.core.codes import PolicyName
from services.core.partner import Partner
from services.portal.access import NotHere
from services.portal.judging import judged_by
from services.portal.ports import PortalOptions, PortalPorts
from services.portal.v1.callers import ProfileReadingOrRunning, running, runs_exchange
from services.portal.v1.paging import USUAL_LIMIT, CursorText, Limit, Pager
from services.portal.v1.profile_told import ContactV1, contact_told
from services.portal.v1.route import V1Route, errors, name_methods
from services.portal.v1.wire import Told, answer, versioned

PATH = "/v1/partners"
PartnerId = Annotated[str, Path(max_length=64)]


class PartnerV1(Told):
    """A partner: an organisation of the network."""

    id: str
    name: str
    active: bool
    policy: PolicyName
    admin: ContactV1


class PartnerListV1(Told):
    """A page of partners, by id; `next` is the address of the next one."""

    value: list[PartnerV1]
    next: str | None = None


def router(ports: PortalPorts, options: PortalOptions) -> APIRouter:
    """Routes of partners."""
    routes = APIRouter(route_class=V1Route, tags=["partners"])
    pager = Pager(ports.signer, "partners", f"{options.base_url}{PATH}")

    @routes.get(
        PATH,
        dependencies=[Depends(running)],
        responses=errors(404, 422),
        response_model=PartnerListV1,
        summary="Every partner (operators)",
    )
    @judged_by(pager.judge)
    async def listed(limit: Limit = USUAL_LIMIT, cursor: CursorText = None) -> Response:
        found = await ports.partners.scan_partners(pager.after(cursor), limit + 1)
        page, next_ = pager.cut(found, limit, lambda each: each.id)
        return answer(PartnerListV1(value=[_told(each) for each in page], next=next_))

    @routes.get(
        f"{PATH}/{{partner_id}}",
        responses=versioned(200) | errors(404, 422),
        response_model=PartnerV1,
        summary="Your own account; operators: anybody's",
    )
    async def one(partner_id: PartnerId, me: ProfileReadingOrRunning) -> Response:
        if not runs_exchange(me) and partner_id != me.partner_id:
            raise NotHere("there is no such partner")
        found = (await ports.partners.load_partners([partner_id])).get(partner_id)
        if found is None:
            raise NotHere("there is no such partner")
        return answer(_told(found), version=found.version)

    return name_methods(routes)


def _told(partner: Partner) -> PartnerV1:
    return PartnerV1(
        id=partner.id,
        name=partner.name,
        active=partner.active,
        policy=partner.policy,
        admin=contact_told(partner.admin),
    )
