"""Which partners fit a need? The solution provider search for programs: what it finds can be picked in `POST /v1/rfis`.

Partners are ranked as for a request of these words: by fit, then by how fast and how well they answer. Nothing is told
that a customer would not be told too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from fastapi import APIRouter, Query, Response
from pydantic import Field

from services.core.codes import CompanySize
from services.core.errors import CommandInvalid, Problem
from services.core.rfi import Place
from services.matching.searching import COUNTED, Search
from services.portal.judging import judged_by
from services.portal.pages.partner_cards import active_partners
from services.portal.ports import PortalOptions, PortalPorts, ProfileDesk
from services.portal.v1.callers import ReadingOrRunning
from services.portal.v1.paging import PAGE_LIMIT, USUAL_LIMIT, Pager
from services.portal.v1.route import V1Route, errors, name_methods
from services.portal.v1.search_told import SearchV1, told
from services.portal.v1.wire import Wire, answer

PATH = "/v1/search"
_WORDS_LENGTH, _CURSOR_LENGTH, _MOST = 500, 500, 20
Name = Annotated[str, Field(min_length=1, max_length=100)]
Tag = Annotated[str, Field(pattern="^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$", max_length=20)]


class SearchedV1(Wire):
    """The parameters of a search."""

    #: No country: of its parts nothing is said.
    stand_ins: ClassVar[Mapping[str, Any]] = {"country": "-"}
    country: Name = Field(description="ISO 3166-1 alpha-2, or a name")
    words: str = Field("", max_length=_WORDS_LENGTH, description="The need; without words all who serve the place")
    subdivision: Name | None = Field(None, description="ISO 3166-2, or a name")
    city: Name | None = None
    size: CompanySize | None = Field(None, description="Of the customer's company")
    language: Tag = Field("en", description="Of the words")
    speaks: Tag | None = Field(None, description="Only who works in this language")
    industry: list[Name] = Field(default_factory=list, max_length=_MOST, description="Only who serves one of these")
    offer: list[Name] = Field(default_factory=list, max_length=_MOST, description="Only who offers one of these")
    limit: int = Field(USUAL_LIMIT, ge=1, le=PAGE_LIMIT, description="Partners on a page")
    cursor: str | None = Field(None, max_length=_CURSOR_LENGTH, description="As `next` has it")


def router(ports: PortalPorts, options: PortalOptions) -> APIRouter:
    """The search."""
    routes = APIRouter(route_class=V1Route, tags=["search"])
    pager = Pager(ports.signer, "search", f"{options.base_url}{PATH}")

    async def meant(asked: Annotated[SearchedV1, Query()], _me: ReadingOrRunning) -> tuple[Place, int]:
        place, problems = _place(asked, ports.profiles)
        begins, more = pager.begin(asked.cursor)
        if place is None or more:
            raise CommandInvalid([*problems, *more])
        return place, int(begins or 0)

    @routes.get(PATH, responses=errors(422), response_model=SearchV1, summary="Partners that fit a need, best first")
    @judged_by(meant)
    async def search(asked: Annotated[SearchedV1, Query()], _me: ReadingOrRunning) -> Response:
        place, begins = await meant(asked, _me)
        ends = min(begins + asked.limit, COUNTED)
        result = ports.finder.search(_search(asked, place, ends))
        hits = result.hits[begins:]
        page = told(result, hits, await active_partners(ports, [each.chosen.partner_id for each in hits]))
        if hits and ends < result.counted:
            repeated = asked.model_dump(mode="json", exclude={"limit", "cursor"}, exclude_defaults=True)
            page.next = pager.next(str(ends), asked.limit, repeated)
        return answer(page)

    return name_methods(routes)


def _place(asked: SearchedV1, desk: ProfileDesk) -> tuple[Place | None, list[Problem]]:
    """Where partners are looked for, or what is wrong with that."""
    place = desk.place(asked.country, asked.subdivision, asked.city)
    if place is not None:
        return place, []
    field = "/subdivision" if desk.place(asked.country, None, None) else "/country"
    return None, [Problem(field, "unknown_place", "give its ISO 3166 code, or its name")]


def _search(asked: SearchedV1, place: Place, limit: int) -> Search:
    return Search(
        words=asked.words,
        place=place,
        language=asked.language,
        size=asked.size,
        industries=tuple(asked.industry),
        offers=tuple(asked.offer),
        speaks=asked.speaks,
        limit=limit,
    )
