"""One request to the partners that were chosen in the search: the form, sending it once, and what happens next.

Nobody is signed in here. The form carries a token of ours with an id and an instant: sent twice, it is one RFI. The
link to the customer's page goes by mail alone, so that only who reads that mailbox can follow the request.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import structlog
from fastapi import APIRouter, Request, Response
from starlette.datastructures import FormData

from services.core.errors import CommandInvalid, Problem
from services.core.partner import Partner
from services.portal.access import Forbidden, Why
from services.portal.another import closed_to_all
from services.portal.doors import address_of
from services.portal.forms import check_origin
from services.portal.notices import go_on
from services.portal.pace import Pace
from services.portal.pages.code_words import timeframe_options
from services.portal.pages.fields import FormState
from services.portal.pages.frame import frame_of, words_for
from services.portal.pages.search import search_page
from services.portal.pages.search_data import HONEYPOT, at_their_fields, data_of
from services.portal.pages.search_query import MOST_PICKS, SearchQuery, query_in
from services.portal.pages.search_token import fresh, good
from services.portal.ports import PortalOptions, PortalPorts
from services.wording.words import _

log = structlog.get_logger("portal.search")

#: The source of RFIs from here; with the form's id it makes the RFI's.
SOURCE = "urn:referral-exchange:search"


@dataclass(frozen=True, slots=True)
class _Draft:
    """A form as it came: what was searched for, who was chosen and can be asked, what was filled in."""

    query: SearchQuery
    chosen: list[Partner]
    values: Mapping[str, str]


def router(ports: PortalPorts, _options: PortalOptions, pace: Pace) -> APIRouter:
    """Routes of the form."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/search/request")
    async def form(request: Request) -> Response:
        pace.searched(address_of(request))
        query = query_in(request.query_params)
        chosen, problems = await _chosen(ports, query)
        if not chosen:
            said = words_for(request).say(_("Choose at least one partner."))
            return await search_page(request, ports, query, problem=said, status=422)
        return _page(request, _Draft(query, chosen, {"token": fresh(ports)}), problems)

    @routes.post("/search/request")
    async def send(request: Request) -> Response:
        check_origin(request)
        return await _sent(request, ports, pace, await request.form())

    @routes.get("/search/sent")
    async def sent(request: Request) -> Response:
        return frame_of(request).page(request, "search_sent.html.j2")

    return routes


async def _sent(request: Request, ports: PortalPorts, pace: Pace, fields: FormData) -> Response:
    values = {name: value for name, value in fields.items() if isinstance(value, str)}
    token = good(ports, values.get("token", ""))
    if token is None:
        words = "this form is too old, or was not made here: search again and send it from there"
        raise Forbidden(words, why=Why.SEARCH_AGAIN)
    pace.sent(address_of(request))
    query = query_in(fields)
    chosen, problems = await _chosen(ports, query)
    draft = _Draft(query, chosen, values)
    data = data_of(values, query, query.place(ports.profiles), [p.id for p in chosen], words_for(request).language)
    data |= {"id": token.id, "submittedAt": token.at.isoformat()}
    if values.get(HONEYPOT):
        problems.append(Problem(f"/{HONEYPOT}", "leave_empty", "leave this field empty"))
    if problems := [*ports.intake.problems(SOURCE, data), *problems]:
        return _page(request, draft, at_their_fields(problems), status=422)
    return await _submitted(request, ports, pace, data, draft)


async def _submitted(
    request: Request, ports: PortalPorts, pace: Pace, data: Mapping[str, Any], draft: _Draft
) -> Response:
    """Send it. A crash before `submit`: the same form goes through again; after it: the id makes it the same RFI."""
    digest = hashlib.sha256(orjson.dumps(data, option=orjson.OPT_SORT_KEYS)).hexdigest()
    key = f"search:{data['id']}"
    if await ports.idempotency.find(key) is None and not pace.may_send(data["customer"]["contact"]["email"]):
        too_often = Problem("/customer/contact/email", "too_often", "too many requests of this address: wait an hour")
        return _page(request, draft, [too_often], status=429)
    kept, _answer = await ports.idempotency.claim(key, digest, "sent", ports.clock.real_now())
    if kept != digest:
        return _page(request, draft, [Problem("", "sent_before", "this form was sent before")], status=409)
    try:
        rfi = await ports.intake.submit(SOURCE, data)
    except CommandInvalid as refused:
        return _page(request, draft, at_their_fields(refused.problems), status=422)
    log.info("sent_from_search", rfi_id=rfi.id, partners=len(draft.chosen))
    return go_on("/search/sent")


async def _chosen(ports: PortalPorts, query: SearchQuery) -> tuple[list[Partner], list[Problem]]:
    """The chosen partners that can be asked, in the order of choosing, and what is wrong with the choice."""
    picks, problems = query.picks[:MOST_PICKS], list[Problem]()
    if len(query.picks) > MOST_PICKS:
        problems.append(Problem("/partner", "too_many_partners", f"choose at most {MOST_PICKS} partners"))
    partners, now = await ports.partners.load_partners(sorted(picks)), ports.clock.now()
    known = [partners[id_] for id_ in picks if id_ in partners]
    chosen = [each for each in known if closed_to_all(each, await ports.partners.profiles_of(each.id), now) is None]
    if len(chosen) < len(picks):
        problems.append(Problem("/partner", "partner_closed", "some chosen partners take no requests now"))
    return chosen, problems


def _page(request: Request, draft: _Draft, problems: Sequence[Problem], *, status: int = 200) -> Response:
    words = words_for(request)
    page = {
        "asked": draft.query,
        "chosen": draft.chosen,
        "form": FormState("request", words, {"need.title": draft.query.words, **draft.values}, problems),
        "token": draft.values.get("token", ""),
        "honeypot": HONEYPOT,
        "trapped": any(each.field == f"/{HONEYPOT}" for each in problems),
        "timeframes": timeframe_options(words),
        "countries": words.countries(),
    }
    return frame_of(request).page(request, "search_request.html.j2", page, status=status)
