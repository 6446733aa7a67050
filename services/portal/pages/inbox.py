"""The lists of referrals: New, Evaluating, Active, Archived, with filters, favourites and saved filters."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from services.core.accounts import FILTER_LIMIT, FILTER_NAME_LENGTH, SavedFilter, User
from services.core.codes import Flame, PolicyName
from services.core.errors import VersionConflict
from services.core.listing import COUNT_LIMIT, Section, worth
from services.core.ports import Change
from services.core.referral import Referral
from services.portal.access import Forbidden, NotHere, partner, partner_writer
from services.portal.forms import own_path
from services.portal.identity import Identity
from services.portal.notices import go_on
from services.portal.pages.code_words import CHANNELS, SECTIONS, SORTS, options, size_options, state_said
from services.portal.pages.fields import fields_of
from services.portal.pages.frame import frame_of, words_for
from services.portal.pages.list_query import path_of, read_request
from services.portal.ports import PortalOptions, PortalPorts
from services.wording.words import Words, _

Me = Annotated[Identity, Depends(partner)]
Writer = Annotated[Identity, Depends(partner_writer)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One referral of a list, in words."""

    id: str
    title: str
    company: str
    place: str
    state: str
    facts: tuple[str, ...]
    #: Size, channel, worth: what is known.
    due: str | None
    #: Time left, or None when nothing is waited for.
    due_at: datetime | None
    when: datetime
    flame: Flame
    starred: bool


def router(ports: PortalPorts, _options: PortalOptions) -> APIRouter:
    """Routes of all lists."""
    routes = APIRouter(include_in_schema=False)
    for section in Section:
        _add_list(routes, ports, section)
    _add_stars(routes, ports)
    _add_filters(routes, ports)
    return routes


def _add_list(routes: APIRouter, ports: PortalPorts, section: Section) -> None:
    @routes.get(path_of(section))
    async def listed(request: Request, me: Me) -> Response:
        partner_id, words = me.partner_id or "", words_for(request)
        asked = read_request(section, request.query_params)
        ids = await ports.favourites.of_partner(partner_id) if asked.starred else None
        page = await ports.listing.page(asked.query(partner_id, ids))
        stars = await ports.favourites.among(partner_id, [each.id for each in page.referrals])
        now = ports.clock.now()
        user = await _user(ports, me)
        values = {
            "section": section,
            "tabs": await _tabs(ports, partner_id, words),
            "title": words.say(SECTIONS[section]),
            "rows": [_row(each, words, now, starred=each.id in stars) for each in page.referrals],
            "asked": asked,
            "next_page": asked.address(page.next) if page.next else None,
            "choices": _choices(words, asked.country),
            "filters": user.filters if user else (),
            "may_write": me.may_write,
        }
        return frame_of(request).page(request, "inbox.html.j2", values)


async def _tabs(ports: PortalPorts, partner_id: str, words: Words) -> list[tuple[str, str, str]]:
    """(path, name, count) of each section; Evaluating only where it can be."""
    counts = await ports.listing.counts(partner_id)
    account = (await ports.partners.load_partners([partner_id])).get(partner_id)
    classic = account is not None and account.policy is PolicyName.CLASSIC
    shown = [s for s in Section if s is not Section.EVALUATING or classic or counts[s]]
    return [(path_of(each), words.say(SECTIONS[each]), _count(words, counts[each])) for each in shown]


def _count(words: Words, number: int) -> str:
    return words.number(number) + ("+" if number >= COUNT_LIMIT else "")


def _choices(words: Words, country: str) -> dict[str, list[tuple[str, str]]]:
    return {
        "sizes": size_options(words),
        "channels": options(words, {key.value: said for key, said in CHANNELS.items()}),
        "sorts": options(words, {key.value: said for key, said in SORTS.items()}),
        "countries": words.countries(),
        "subdivisions": words.subdivisions(country),
    }


def _row(referral: Referral, words: Words, now: datetime, *, starred: bool) -> Row:
    due = referral.expires_at if referral.timers.expire_at is not None else None
    price = worth(referral)
    facts = (
        words.size(referral.size) if referral.size else None,
        words.money(price) if price else None,
        words.say(CHANNELS[referral.channel]) if referral.channel else None,
    )
    return Row(
        id=referral.id,
        title=referral.details.engagement_name or referral.title,
        company=referral.company,
        place=words.place(referral.place),
        state=state_said(words, referral.status, referral.substatus),
        facts=tuple(fact for fact in facts if fact),
        due=left_said(words, due, now) if due else None,
        due_at=due,
        when=referral.updated_at,
        flame=referral.flame,
        starred=starred,
    )


def left_said(words: Words, due: datetime, now: datetime) -> str:
    """How long there is to answer."""
    if due <= now:
        return words.say(_("The time is over"))
    return words.say(_("{time} left")).format(time=words.span(due - now))


async def _user(ports: PortalPorts, me: Identity) -> User | None:
    """The person behind a session; programs are none."""
    return (await ports.users.load([me.subject])).get(me.subject) if me.session_id else None


def _add_stars(routes: APIRouter, ports: PortalPorts) -> None:
    @routes.post("/referrals/{referral_id}/star")
    async def star(request: Request, referral_id: str, me: Writer) -> Response:
        fields = await fields_of(request)
        referral = (await ports.referrals.load([referral_id])).get(referral_id)
        if referral is None or referral.partner_id != me.partner_id:
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
                raise Forbidden(f"keep at most {FILTER_LIMIT} filters: remove one first")
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
