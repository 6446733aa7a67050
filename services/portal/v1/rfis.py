"""How does a partner's program send a customer's request on in the exchange's own form, follow it and end it?

What the program knows of the customer goes through intake, as every RFI does: the id that it gives the request makes a
repeated POST the same request. It sees how far each asked partner has come, and nothing of what they write.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar

from fastapi import APIRouter, Body, Path, Response
from pydantic import Field

from services.core.codes import RfiState, Status, Substatus, WithdrawReason
from services.core.engagement import ChoosePartner, RfiCommand, WithdrawRfi, decide_rfi
from services.core.rfi import Rfi
from services.portal.access import NotHere
from services.portal.engagements.reading import source_of
from services.portal.identity import Identity
from services.portal.judging import judged_by
from services.portal.ports import PortalOptions, PortalPorts
from services.portal.v1.callers import Reading, Writing
from services.portal.v1.route import V1Route, errors, name_methods
from services.portal.v1.wire import Wire, answer

PATH = "/v1/rfis"


class RfiSentV1(Wire):
    """A request that intake has taken; it can be read as soon as it is stored, usually within a second."""

    id: str


class AskedPartnerV1(Wire):
    """A partner that the request went to, and where it stands."""

    partner_id: str
    name: str
    status: Status
    substatus: Substatus
    updated_at: datetime


class RfiV1(Wire):
    """A request that the caller's partner has sent on."""

    id: str
    publisher_id: Annotated[str, Field(description="The id that the sender gave it")]
    state: RfiState
    accepted_at: datetime
    closed_at: datetime | None = None
    chosen_partner_id: str | None = None
    because: Annotated[str | None, Field(description="Why no partner was found")] = None
    partners: list[AskedPartnerV1]


class WithdrawalV1(Wire):
    """Why the customer takes the request back."""

    reason: WithdrawReason | None = None


class ChoiceV1(Wire):
    """The partner that the customer has chosen; the others are told that they need not go on."""

    stand_ins: ClassVar[Mapping[str, Any]] = {"partner_id": "-"}
    partner_id: Annotated[str, Field(min_length=1, max_length=64)]


RfiId = Annotated[str, Path(max_length=64)]


def router(ports: PortalPorts, options: PortalOptions) -> APIRouter:
    """Routes of requests that a partner sends on."""
    routes = APIRouter(route_class=V1Route, tags=["rfis"])
    _add_sending(routes, ports, options)
    _add_deciding(routes, ports)
    return name_methods(routes)


def _add_sending(routes: APIRouter, ports: PortalPorts, options: PortalOptions) -> None:
    @routes.post(
        PATH,
        status_code=202,
        responses=errors(413, 422),
        response_model=RfiSentV1,
        summary="Send a customer's request on; the data of `rfi.submitted`, with an id of yours",
    )
    async def send(data: Annotated[dict[str, Any], Body()], me: Writing) -> Response:
        rfi = await ports.intake.submit(source_of(me.partner_id or ""), data)
        return answer(RfiSentV1(id=rfi.id), 202, location=f"{options.base_url}{PATH}/{rfi.id}")

    @routes.get(
        f"{PATH}/{{rfi_id}}", responses=errors(404, 422), response_model=RfiV1, summary="Where a request stands"
    )
    async def one(rfi_id: RfiId, me: Reading) -> Response:
        return await _told(ports, await own_request(ports, me, rfi_id))


def _add_deciding(routes: APIRouter, ports: PortalPorts) -> None:
    async def decided(me: Identity, rfi_id: str, command: RfiCommand) -> Response:
        await own_request(ports, me, rfi_id)
        return await _told(ports, await ports.commands.execute_rfi(rfi_id, command))

    @routes.post(
        f"{PATH}/{{rfi_id}}/withdraw",
        responses=errors(404, 409, 413, 422),
        response_model=RfiV1,
        summary="Take a request back from everybody, for the customer",
    )
    async def withdraw(rfi_id: RfiId, given: WithdrawalV1, me: Writing) -> Response:
        return await decided(me, rfi_id, WithdrawRfi(by=me.name, reason=given.reason))

    async def choosable(rfi_id: RfiId, given: ChoiceV1, me: Writing) -> None:
        rfi = await own_request(ports, me, rfi_id)
        decide_rfi(rfi, ChoosePartner(by=me.name, partner_id=given.partner_id), ports.clock.now())

    @routes.post(
        f"{PATH}/{{rfi_id}}/choose",
        responses=errors(404, 409, 413, 422),
        response_model=RfiV1,
        summary="Say which of the asked partners the customer has chosen",
    )
    @judged_by(choosable)
    async def choose(rfi_id: RfiId, given: ChoiceV1, me: Writing) -> Response:
        return await decided(me, rfi_id, ChoosePartner(by=me.name, partner_id=given.partner_id))


async def own_request(ports: PortalPorts, me: Identity, rfi_id: str) -> Rfi:
    """The request.

    Raises:
        NotHere: there is none, it is not stored yet, or somebody else sent it.
    """
    found = (await ports.rfis.load([rfi_id], source=source_of(me.partner_id or ""))).get(rfi_id)
    if found is None:
        raise NotHere("there is no such request of yours; one that was just sent is here in a moment")
    return found


async def _told(ports: PortalPorts, rfi: Rfi) -> Response:
    referrals = (await ports.referrals.of_rfis([rfi.id])).get(rfi.id, [])
    partners = await ports.partners.load_partners(sorted({each.partner_id for each in referrals}))
    told = RfiV1(
        id=rfi.id,
        publisher_id=rfi.publisher_id,
        state=rfi.state,
        accepted_at=rfi.accepted_at,
        closed_at=rfi.closed_at,
        chosen_partner_id=rfi.chosen_partner_id,
        because=rfi.routing.no_match_because if rfi.routing else None,
        partners=[
            AskedPartnerV1(
                partner_id=each.partner_id,
                name=partners[each.partner_id].name if each.partner_id in partners else "",
                status=each.status,
                substatus=each.substatus,
                updated_at=each.updated_at,
            )
            for each in referrals
        ],
    )
    return answer(told)
