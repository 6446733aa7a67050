"""A customer's own page, behind the signed link of our mails: who has it, ask another, withdraw, say who was chosen.

Looking changes nothing, however often a mail scanner does it; what changes something is a button with the page's token.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from services.core.codes import WithdrawReason
from services.core.engagement import ChoosePartner, RfiCommand, WithdrawRfi
from services.core.errors import CommandInvalid, TransitionRefused
from services.core.partner import Partner
from services.core.referral import Referral
from services.core.rfi import Rfi
from services.portal.access import NotHere, customer
from services.portal.another import ask_partner
from services.portal.identity import Identity
from services.portal.notices import go_on
from services.portal.pages.code_words import options
from services.portal.pages.customer_choice import choice_of
from services.portal.pages.customer_view import REASONS, asked_of, is_open, own_request, state_said
from services.portal.pages.fields import fields_of
from services.portal.pages.frame import frame_of, words_for
from services.portal.pages.problem_words import problem_said
from services.portal.ports import PortalOptions, PortalPorts

Me = Annotated[Identity, Depends(customer)]

_REASONS = {reason.value: reason for reason in WithdrawReason}


def router(ports: PortalPorts, _options: PortalOptions) -> APIRouter:
    """Routes of the customer's page."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/requests/{signed}")
    async def look(request: Request, signed: str, me: Me) -> Response:
        return await _page(request, ports, me, signed)

    @routes.post("/requests/{signed}/withdraw")
    async def withdraw(request: Request, signed: str, me: Me) -> Response:
        fields = await fields_of(request)
        command = WithdrawRfi(by=me.name, reason=_REASONS.get(fields.get("reason", "")))
        if not await _decided(ports, me, command):
            return await _page(request, ports, me, signed, status=409)
        return go_on(f"/requests/{signed}", "request-withdrawn")

    @routes.post("/requests/{signed}/choose")
    async def choose(request: Request, signed: str, me: Me) -> Response:
        partner_id = (await fields_of(request)).get("partner", "")
        rfi, referrals = await _load(ports, me)
        if all(referral.partner_id != partner_id for referral in referrals):
            raise NotHere(f"the request {rfi.id} was not sent to that partner")
        if not await _decided(ports, me, ChoosePartner(by=me.name, partner_id=partner_id)):
            return await _page(request, ports, me, signed, status=409)
        return go_on(f"/requests/{signed}", "partner-chosen")

    @routes.post("/requests/{signed}/ask")
    async def ask(request: Request, signed: str, me: Me) -> Response:
        partner_id = (await fields_of(request)).get("partner", "")
        try:
            await ask_partner(ports, me.rfi_id or "", partner_id, me.name)
        except TransitionRefused:
            return await _page(request, ports, me, signed, status=409)
        except CommandInvalid as refused:
            said = " ".join(problem_said(words_for(request), each) for each in refused.problems)
            return await _page(request, ports, me, signed, status=422, problem=said)
        return go_on(f"/requests/{signed}", "partner-asked")

    return routes


async def _decided(ports: PortalPorts, me: Identity, command: RfiCommand) -> bool:
    """Carry it out; false when the customer had decided otherwise before, perhaps in another window."""
    try:
        await ports.commands.execute_rfi(me.rfi_id or "", command)
    except TransitionRefused:
        return False
    return True


async def _page(
    request: Request, ports: PortalPorts, me: Identity, signed: str, *, status: int = 200, problem: str = ""
) -> Response:
    rfi, referrals = await _load(ports, me)
    words, partners = words_for(request), await _partners(ports, referrals)
    values = {
        "at": f"/requests/{signed}",
        "rfi": rfi,
        "problem": problem,
        "choice": await choice_of(ports, rfi, words),
        "too_late": status == 409,  # noqa: PLR2004 - conflict
        "state": state_said(rfi, partners, words),
        "open": is_open(rfi),
        "asked": asked_of(rfi, referrals, partners, words, ports.clock.now()),
        "reasons": options(words, {reason.value: said for reason, said in REASONS.items()}),
    }
    return frame_of(request).page(request, "customer.html.j2", values, status=status)


async def _load(ports: PortalPorts, me: Identity) -> tuple[Rfi, list[Referral]]:
    rfi = await own_request(ports, me)
    return rfi, (await ports.referrals.of_rfis([rfi.id])).get(rfi.id, [])


async def _partners(ports: PortalPorts, referrals: list[Referral]) -> dict[str, Partner]:
    return await ports.partners.load_partners(sorted({referral.partner_id for referral in referrals}))
