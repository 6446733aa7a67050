"""The lists of referrals: New, Evaluating, Active, Archived, with filters, favourites and saved filters."""

from __future__ import annotations

from dataclasses import replace
from functools import cache, lru_cache, partial
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from markupsafe import Markup

from services.core.accounts import FILTER_LIMIT, FILTER_NAME_LENGTH, SavedFilter, User
from services.core.errors import VersionConflict
from services.core.listing import COUNT_LIMIT, Cards, ListingQuery, Section
from services.core.ports import Change
from services.portal.access import Forbidden, NotHere, Why, look_of, partner, partner_writer, want
from services.portal.acted import has_acted
from services.portal.counting import Counting, Overview
from services.portal.forms import own_path
from services.portal.identity import Identity
from services.portal.notices import go_on
from services.portal.pages.code_words import CHANNELS, SECTIONS, SORTS, options, size_options
from services.portal.pages.fields import fields_of
from services.portal.pages.frame import frame_of, words_for
from services.portal.pages.list_query import ListRequest, path_of, read_request
from services.portal.pages.rows import Reader, rows_of
from services.portal.pages.templating import part_of
from services.portal.ports import PortalOptions, PortalPorts
from services.wording.words import Words

Me = Annotated[Identity, Depends(partner)]
Writer = Annotated[Identity, Depends(partner_writer)]


def router(ports: PortalPorts, _options: PortalOptions) -> APIRouter:
    """Routes of all lists."""
    routes, counting = APIRouter(include_in_schema=False), Counting(ports.listing, ports.partners)
    for section in Section:
        _add_list(routes, ports, section, counting)
    _add_stars(routes, ports)
    _add_filters(routes, ports)
    return routes


def _add_list(routes: APIRouter, ports: PortalPorts, section: Section, counting: Counting) -> None:
    @routes.get(path_of(section))
    async def listed(request: Request) -> Response:
        asked = read_request(section, request.query_params)
        if not asked.filtered:
            # A list that nothing is searched for comes along with the person.
            want(request, partial(_wanted, asked))
        me = await partner(request)
        words = words_for(request)
        page, stars = await _seen(request, ports, me, asked)
        overview = await counting.of(me.partner_id or "", anew=has_acted(request))
        reader = Reader(words=words, zone=me.time_zone, may_write=me.may_write)
        values = {
            "section": section,
            "tabs": _tabs(words, _shown(overview), section),
            "title": words.say(SECTIONS[section]),
            "rows": rows_of(page, stars, reader, ports.clock.now()),
            "asked": asked,
            "here": asked.address(),
            "next_page": asked.address(page.next) if page.next else None,
            "form": _form(words, asked),
            "filters": me.filters,
            "may_write": me.may_write,
        }
        return frame_of(request).page(request, "inbox.html.j2", values)


def _wanted(asked: ListRequest, user: User) -> ListingQuery | None:
    """The list of somebody who has one."""
    return asked.query(user.partner_id, None) if user.active and not user.operator and user.partner_id else None


async def _seen(request: Request, ports: PortalPorts, me: Identity, asked: ListRequest) -> tuple[Cards, frozenset[str]]:
    """The page and its stars: what came along with the person, or asked for now."""
    look, partner_id = look_of(request), me.partner_id or ""
    if look is not None and look.page is not None:
        return look.page, look.starred
    ids = await ports.favourites.of_partner(partner_id) if asked.starred else None
    page = await ports.listing.cards(asked.query(partner_id, ids))
    return page, await ports.favourites.among(partner_id, [each.id for each in page.cards])


def _shown(overview: Overview) -> tuple[tuple[Section, int], ...]:
    """Each section and how much is in it; Evaluating only where it can be."""
    counts = overview.counts.items()
    return tuple(each for each in counts if each[0] is not Section.EVALUATING or overview.classic or each[1])


@lru_cache(maxsize=1024)
def _tabs(words: Words, shown: tuple[tuple[Section, int], ...], current: Section) -> Markup:
    """The sections as a menu; it follows from what is given, and is rendered once."""
    tabs = [(path_of(each), words.say(SECTIONS[each]), _count(words, number)) for each, number in shown]
    return part_of(words, "inbox_tabs.html.j2", {"tabs": tabs, "current": path_of(current)})


def _count(words: Words, number: int) -> str:
    return words.number(number) + ("+" if number >= COUNT_LIMIT else "")


def _form(words: Words, asked: ListRequest) -> Markup:
    """The form of filters: with its hundreds of countries most of a page, and mostly as nobody has filled it in."""
    return _empty_form(words, asked.section) if asked.plain else _render_form(words, asked)


@cache
def _empty_form(words: Words, section: Section) -> Markup:
    return _render_form(words, read_request(section, {}))


def _render_form(words: Words, asked: ListRequest) -> Markup:
    return part_of(words, "inbox_form.html.j2", {"asked": asked, "choices": _choices(words, asked.country)})


def _choices(words: Words, country: str) -> dict[str, list[tuple[str, str]]]:
    return {
        "sizes": size_options(words),
        "channels": options(words, {key.value: said for key, said in CHANNELS.items()}),
        "sorts": options(words, {key.value: said for key, said in SORTS.items()}),
        "countries": words.countries(),
        "subdivisions": words.subdivisions(country),
    }


async def _user(ports: PortalPorts, me: Identity) -> User | None:
    """The person behind a session; programs are none."""
    return (await ports.users.load([me.subject])).get(me.subject) if me.session_id else None


def _add_stars(routes: APIRouter, ports: PortalPorts) -> None:
    @routes.post("/referrals/{referral_id}/star")
    async def star(request: Request, referral_id: str, me: Writer) -> Response:
        fields = await fields_of(request)
        referral = (await ports.referrals.load([referral_id], partner_id=me.partner_id or "")).get(referral_id)
        if referral is None:
            raise NotHere("there is no such referral")
        wanted = fields.get("starred") == "yes"
        if wanted:
            await ports.favourites.star(referral.partner_id, referral.id, ports.clock.now())
        else:
            await ports.favourites.unstar(referral.partner_id, referral.id)
        if request.headers.get("hx-request"):
            values = {"id": referral.id, "title": referral.title, "starred": wanted}
            return frame_of(request).page(request, "star.html.j2", values)
        return go_on(own_path(fields.get("next"), "/inbox"), "starred" if wanted else "unstarred")


def _add_filters(routes: APIRouter, ports: PortalPorts) -> None:
    @routes.post("/filters")
    async def keep(request: Request, me: Me) -> Response:
        fields = await fields_of(request)
        name, path = fields.get("name", "").strip()[:FILTER_NAME_LENGTH], own_path(fields.get("path"), "")
        if not any(path == known or path.startswith(f"{known}?") for known in map(path_of, Section)):
            raise NotHere("there is no such list")
        user = await _own_user(ports, me)
        if name:
            others = [each for each in user.filters if each.name != name]
            if len(others) >= FILTER_LIMIT:
                words = f"keep at most {FILTER_LIMIT} filters: remove one first"
                raise Forbidden(words, why=Why.TOO_MANY_FILTERS)
            await _save(ports, replace(user, filters=(*others, SavedFilter(name=name, path=path))))
        return go_on(path, "filter-saved" if name else None)

    @routes.post("/filters/remove")
    async def remove(request: Request, me: Me) -> Response:
        fields = await fields_of(request)
        user = await _own_user(ports, me)
        left = tuple(each for each in user.filters if each.name != fields.get("name"))
        if left != user.filters:
            await _save(ports, replace(user, filters=left))
        return go_on(own_path(fields.get("next"), "/inbox"), "filter-removed")


async def _own_user(ports: PortalPorts, me: Identity) -> User:
    user = await _user(ports, me)
    if user is None:
        raise NotHere("only people have saved filters")
    return user


async def _save(ports: PortalPorts, user: User) -> None:
    changed = replace(user, version=user.version + 1)
    if (await ports.users.save([Change(changed, user.version)])).conflicts:
        raise VersionConflict("your settings were changed at the same moment: try again")
