"""The provider search, for anybody: who offers what is needed, where; filters with counts, and several to choose.

Looking changes nothing, needs no sign-in and shows nobody of a partner. What is chosen goes on to `search_request`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from fastapi import APIRouter, Request, Response

from services.core.errors import DependencyUnavailable
from services.core.partner import Partner
from services.core.rfi import Place
from services.matching.searching import Count, SearchResult
from services.portal.doors import address_of
from services.portal.pace import Pace
from services.portal.pages.code_words import size_options
from services.portal.pages.frame import frame_of, words_for
from services.portal.pages.partner_cards import PartnerCard, active_partners, card_of
from services.portal.pages.search_query import MOST_PICKS, MOST_SHOWN, SHOWN, SearchQuery, query_in
from services.portal.ports import PortalOptions, PortalPorts
from services.wording.words import Words, _

log = structlog.get_logger("portal.search")


def router(ports: PortalPorts, _options: PortalOptions, pace: Pace) -> APIRouter:
    """The route of the search page."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/search")
    async def look(request: Request) -> Response:
        pace.searched(address_of(request))
        return await search_page(request, ports, query_in(request.query_params))

    return routes


async def search_page(
    request: Request, ports: PortalPorts, query: SearchQuery, *, problem: str = "", status: int = 200
) -> Response:
    """The form with what was found; `problem` is said above it."""
    words = words_for(request)
    place = query.place(ports.profiles)
    values: dict[str, Any] = {
        "asked": query,
        "problem": problem or _problem(query, place, words),
        "countries": words.countries(),
        "sizes": size_options(words),
        "most": MOST_PICKS,
        "found": None,
        "loading": False,
        "picked": (),
    }
    if place is not None:
        try:
            found = ports.finder.search(query.search(place, words.language))
        except DependencyUnavailable as error:
            log.info("search_not_ready", reason=str(error))
            values["loading"] = True
        else:
            values |= await _found(ports, query, found, words)
    return frame_of(request).page(request, "search.html.j2", values, status=status)


def _problem(query: SearchQuery, place: Place | None, words: Words) -> str:
    if query.country and place is None:
        return words.say(_("We do not know this country."))
    return words.say(_("Choose a country.")) if query.words and place is None else ""


async def _found(ports: PortalPorts, query: SearchQuery, found: SearchResult, words: Words) -> dict[str, Any]:
    ids = [hit.chosen.partner_id for hit in found.hits]
    partners = await active_partners(ports, [*ids, *query.picks])
    cards = [
        card_of(words, hit.chosen, hit.profile, partners[hit.chosen.partner_id], hit.response)
        for hit in found.hits
        if hit.chosen.partner_id in partners
    ]
    return {
        "found": found,
        "cards": cards,
        "picked": _elsewhere(query, cards, partners),
        "filters": _filters(query, found, words),
        "next": query.show + SHOWN if len(found.hits) < found.counted and query.show < MOST_SHOWN else None,
    }


def _elsewhere(query: SearchQuery, cards: Sequence[PartnerCard], partners: Mapping[str, Partner]) -> list[Partner]:
    """Chosen partners that this search does not show; they stay chosen."""
    shown = {card.partner_id for card in cards}
    return [partners[id_] for id_ in query.picks if id_ in partners and id_ not in shown]


def _filters(query: SearchQuery, found: SearchResult, words: Words) -> list[dict[str, Any]]:
    """The filters with their counts; what is chosen stays there when nobody has it."""
    speaks = _filter("speaks", words.say(_("Works in")), (query.speaks,) if query.speaks else (), found.languages)
    speaks["values"] = [(value, words.tongue(value), number) for value, _tag, number in speaks["values"]]
    return [
        _filter("industry", words.say(_("Industries")), query.industries, found.industries),
        _filter("offer", words.say(_("Products and services")), query.offers, (*found.products, *found.services)),
        speaks,
    ]


def _filter(name: str, title: str, chosen: tuple[str, ...], counts: Sequence[Count]) -> dict[str, Any]:
    values = {each.value: each.partners for each in counts}
    values |= {value: 0 for value in chosen if value not in values}
    return {
        "name": name,
        "title": title,
        "values": [(value, value, number) for value, number in values.items()],
        "chosen": set(chosen),
    }
