"""Which addresses does the contract have, and who may do what there?

GET changes nothing: that a person has seen a referral is told by POST …/open, or by the first answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Path, Request, Response

from services.core import commands as c
from services.core.errors import NotFound, Problem
from services.portal.engagements import models as m
from services.portal.engagements.bodies import read_patch, read_whole
from services.portal.engagements.contract import ContractRoute, Reading, Writing, errors, etag_header, name_methods
from services.portal.engagements.creating import KEY_LIMIT, Creator
from services.portal.engagements.documents import BODIES, LIST_PARAMETERS
from services.portal.engagements.lists import next_address, read_parameters
from services.portal.engagements.preferences import LONGEST, wants_representation
from services.portal.engagements.reading import Reader, partner_of
from services.portal.engagements.representation import PATH, Told, etag, to_wire
from services.portal.engagements.writing import Writer
from services.portal.judging import judged_by
from services.portal.ports import PortalOptions, PortalPorts

ReferralId = Annotated[str, Path(max_length=64, description="The referral's id")]
IfMatch = Annotated[str | None, Header(alias="If-Match", max_length=1000, description="The eTag of what was read")]
Prefer = Annotated[str | None, Header(max_length=LONGEST, description="return=representation gives the referral back")]
_UNSAID = Problem("If-Match", "required", "send the eTag that you read, so that nothing gets lost")
_OK: dict[int | str, dict[str, Any]] = {200: {"headers": etag_header()}}


def router(ports: PortalPorts, options: PortalOptions) -> APIRouter:
    """The contract's routes; `/v1.0/engagements` is part of their paths."""
    routes = APIRouter(route_class=ContractRoute, tags=["referrals"])
    base_url = options.base_url.rstrip("/")
    reader = Reader(ports, base_url)
    writer = Writer(ports, reader)
    _add_reading(routes, reader, f"{base_url}{PATH}")
    _add_creating(routes, reader, Creator(ports))
    _add_writing(routes, reader, writer)
    _add_steps(routes, reader, writer)
    return name_methods(routes)


def _add_reading(routes: APIRouter, reader: Reader, collection: str) -> None:
    @routes.get(
        PATH,
        responses=errors(400),
        response_model=m.ReferralListV1,
        openapi_extra={"parameters": LIST_PARAMETERS},
        summary="Your referrals, page by page",
    )
    async def referrals(request: Request, me: Reading) -> Response:
        asked = read_parameters(request.query_params.multi_items(), partner_of(me))
        told, cursor = await reader.page(me, asked.query)
        wired = [to_wire(each) for each in told]
        return _listed(wired, collection, next_address(collection, asked, cursor) if cursor else None)

    @routes.get(
        f"{PATH}/{{referral_id}}",
        responses=_OK | errors(404),
        response_model=m.ReferralV1,
        summary="One referral",
    )
    async def referral(referral_id: ReferralId, me: Reading) -> Response:
        try:
            found = await reader.one(me, referral_id)
        except NotFound:
            return _sent(await reader.sent(me, referral_id))
        return _one(await reader.told_one(me, found))

    @routes.get(
        f"{PATH}/{{referral_id}}/related",
        responses=errors(404),
        response_model=m.ReferralListV1,
        summary="The others of its engagement that are yours",
    )
    async def related(referral_id: ReferralId, me: Reading) -> Response:
        return _listed(await reader.related(me, referral_id), collection, None)


def _add_creating(routes: APIRouter, reader: Reader, creator: Creator) -> None:
    async def fit(request: Request, me: Writing) -> None:
        creator.judge(me, await request.body())

    @routes.post(
        PATH,
        status_code=201,
        responses=errors(400, 413, 422) | {201: {"headers": etag_header()}},
        response_model=m.ReferralV1,
        openapi_extra={"requestBody": BODIES["post"]},
        summary="Send a customer's request on: to the partners you name, or to the best-fitting ones",
    )
    @judged_by(fit)
    async def create(
        request: Request,
        me: Writing,
        key: Annotated[str | None, Header(alias="Idempotency-Key", max_length=KEY_LIMIT)] = None,
    ) -> Response:
        rfi = await creator.create(me, await request.body(), key)
        return _sent(await reader.as_sent(me, rfi), 201)


def _add_writing(routes: APIRouter, reader: Reader, writer: Writer) -> None:
    async def patchable(request: Request, referral_id: ReferralId, me: Writing) -> None:
        await writer.judge(me, referral_id, read_patch(await request.body()))

    async def puttable(request: Request, referral_id: ReferralId, me: Writing) -> None:
        await writer.judge(me, referral_id, read_whole(await request.body()))

    @routes.patch(
        f"{PATH}/{{referral_id}}",
        responses=_OK | {204: {"headers": etag_header()}} | errors(400, 404, 409, 412, 413, 422),
        response_model=m.ReferralV1,
        openapi_extra={"requestBody": BODIES["patch"]},
        summary="Change some of a referral: answer it, edit it, name people",
    )
    @judged_by(patchable)
    async def patch(
        request: Request, referral_id: ReferralId, me: Writing, if_match: IfMatch = None, prefer: Prefer = None
    ) -> Response:
        changed = await writer.change(me, referral_id, read_patch(await request.body()), if_match)
        if prefer is not None and wants_representation(request.headers.getlist("prefer")):
            return _one(await reader.told_one(me, changed))
        return Response(status_code=204, headers={"etag": await reader.etag(changed)})

    @routes.put(
        f"{PATH}/{{referral_id}}",
        responses=_OK | errors(400, 404, 409, 412, 413, 422),
        response_model=m.ReferralV1,
        openapi_extra={"requestBody": BODIES["put"]},
        summary="Send a referral back as it should be",
    )
    @judged_by(puttable)
    async def put(request: Request, referral_id: ReferralId, me: Writing, if_match: IfMatch = None) -> Response:
        sent = read_whole(await request.body())
        if if_match is None:
            sent = replace(sent, problems=(_UNSAID, *sent.problems))
        changed = await writer.change(me, referral_id, sent, if_match)
        return _one(await reader.told_one(me, changed))


Step = Literal["open", "interest", "undo"]
_STEPS: dict[Step, tuple[type[c.Open | c.ShowInterest | c.Undo], str]] = {
    "open": (c.Open, "A person has seen it: Pending becomes Received"),
    "interest": (c.ShowInterest, "Classic accounts: say that you are interested, and see the details"),
    "undo": (c.Undo, "Take back the last accept, decline, won or lost while the window is open"),
}


def _add_steps(routes: APIRouter, reader: Reader, writer: Writer) -> None:
    """What the contract has no words for: extensions of ours."""

    def add(step: Step, command: type[c.Open | c.ShowInterest | c.Undo], summary: str) -> None:
        @routes.post(
            f"{PATH}/{{referral_id}}/{step}",
            name=step,
            responses=_OK | errors(404, 409, 412),
            response_model=m.ReferralV1,
            summary=summary,
        )
        async def take(referral_id: ReferralId, me: Writing, if_match: IfMatch = None) -> Response:
            changed = await writer.carry_out(me, referral_id, command(by=me.name), if_match)
            return _one(await reader.told_one(me, changed))

    for step, (command, summary) in _STEPS.items():
        add(step, command, summary)


def _sent(told: m.ReferralV1, status: int = 200) -> Response:
    return Response(
        told.model_dump_json(by_alias=True, exclude_none=True),
        status_code=status,
        media_type="application/json",
        headers={"etag": told.e_tag, "location": told.links.self.uri},
    )


def _one(told: Told) -> Response:
    return Response(
        to_wire(told).model_dump_json(by_alias=True, exclude_none=True),
        media_type="application/json",
        headers={"etag": etag(told.referral, favourite=told.favourite)},
    )


def _listed(told: Sequence[m.ReferralV1], collection: str, following: str | None) -> Response:
    context = collection.replace("/referrals", "/$metadata#referrals")
    body = m.ReferralListV1.model_construct(context=context, next_link=following, value=list(told))
    return Response(body.model_dump_json(by_alias=True, exclude_none=True), media_type="application/json")
