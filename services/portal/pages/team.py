"""A partner's team: who may do what, who is invited, and each person's own language and time zone.

Everybody of the team sees it; admins change it, and nobody changes what they may do themselves, so that a team does not
lose its last admin by a slip. Somebody who is shut out is signed out everywhere at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from services.core.accounts import Notify, Role
from services.core.digest import with_wish
from services.core.errors import CommandInvalid, Problem
from services.portal.access import NotHere, partner, partner_admin_in_person
from services.portal.identity import Identity
from services.portal.notices import go_on
from services.portal.pages.fields import FormState, fields_of
from services.portal.pages.frame import PAGES, frame_of, words_for
from services.portal.ports import PortalPorts
from services.portal.returned_mail import mail_again, returned_mail
from services.portal.team_work import TeamWork
from services.wording.words import Words, _, languages

Me = Annotated[Identity, Depends(partner)]
Admin = Annotated[Identity, Depends(partner_admin_in_person)]

MAILS = {
    Notify.NOTHING: _("Alerts for the locations whose contact I am"),
    Notify.WARNINGS: _("These alerts, and a warning before any referral of ours expires"),
    Notify.DIGEST: _("One mail each morning, and warnings for the locations whose contact I am"),
    Notify.EACH: _("Every alert about every referral of ours"),
}
ROLES = {
    Role.ADMIN: _("Admin: everything, team and business profiles too"),
    Role.MEMBER: _("Member: answers referrals"),
    Role.VIEWER: _("Viewer: reads"),
}
_NAMES = {Role.ADMIN: _("Admin"), Role.MEMBER: _("Member"), Role.VIEWER: _("Viewer")}


def router(ports: PortalPorts, work: TeamWork) -> APIRouter:
    """Routes of the team."""
    routes = APIRouter(include_in_schema=False)
    _add_list(routes, ports, work)
    _add_invitation(routes, ports, work)
    _add_returned(routes, ports)
    _add_changes(routes, work)
    return routes


def _add_list(routes: APIRouter, ports: PortalPorts, work: TeamWork) -> None:
    @routes.get("/team")
    async def team(request: Request, me: Me) -> Response:
        return await _page(request, ports, me, {})

    @routes.post("/team/settings")
    async def settings(request: Request, me: Me) -> Response:
        values, words = await fields_of(request), words_for(request)
        user = (await ports.users.load([me.subject])).get(me.subject) if me.session_id else None
        if user is None:
            raise NotHere("only people have settings")
        language, zone = values.get("language", ""), values.get("timeZone", "").strip()
        problems = []
        if language not in languages(PAGES):
            problems.append(Problem("/language", "required", "choose a language"))
        if not ports.profiles.knows_zone(zone):
            problems.append(Problem("/timeZone", "unknown_zone", "not known as a time zone"))
        if (notify := values.get("notify", user.notify.value)) not in set(Notify):
            problems.append(Problem("/notify", "required", "choose which mails you want"))
        if problems:
            form = FormState("settings", words, values, problems)
            return await _page(request, ports, me, {"settings": form}, status=422)
        there = replace(user, language=language, time_zone=zone)
        await work.save(with_wish(there, Notify(notify), ports.clock.now()))
        return go_on("/team", "edited")


def _add_invitation(routes: APIRouter, ports: PortalPorts, work: TeamWork) -> None:
    @routes.post("/team/invite")
    async def invite(request: Request, me: Admin) -> Response:
        values, words = await fields_of(request), words_for(request)
        try:
            await work.invite(me, values.get("name", ""), values.get("email", ""), values.get("role", ""))
        except CommandInvalid as invalid:
            form = FormState("invite", words, values, invalid.problems)
            return await _page(request, ports, me, {"invite": form}, status=422)
        return go_on("/team", "invited")


def _add_returned(routes: APIRouter, ports: PortalPorts) -> None:
    @routes.post("/team/mail-again")
    async def again(request: Request, me: Admin) -> Response:
        done = await mail_again(ports, me, (await fields_of(request)).get("address", ""))
        # What is not on the list any more is mailed already.
        return go_on("/team", "mailed-again" if done else None)


def _add_changes(routes: APIRouter, work: TeamWork) -> None:
    @routes.post("/team/{member_id}")
    async def change(request: Request, member_id: str, me: Admin) -> Response:
        values = await fields_of(request)
        user = await work.member(me, member_id)
        if user.id == me.subject:
            return go_on("/team", "not-yourself")
        role = Role(values["role"]) if values.get("role") in set(Role) else user.role
        await work.change(me, user, role, active=values.get("active", "yes") == "yes")
        return go_on("/team", "edited")


async def _page(
    request: Request, ports: PortalPorts, me: Identity, forms: Mapping[str, FormState], status: int = 200
) -> Response:
    words = words_for(request)
    people = await ports.users.of_partner(me.partner_id or "")
    wish = next((user.notify for user in people if user.id == me.subject), Notify.NOTHING)
    own = {"language": me.language, "timeZone": me.time_zone, "notify": wish.value}
    values = {
        "me": me,
        "people": sorted(people, key=lambda user: (not user.active, user.name.casefold())),
        "roles": _roles(words),
        "role_names": [(role.value, words.say(name)) for role, name in _NAMES.items()],
        "may_change": me.role is Role.ADMIN,
        "returned": await returned_mail(ports, me),
        "settings": FormState("settings", words, own),
        "invite": FormState("invite", words, {"role": Role.MEMBER.value}),
        "mails": [(wanted.value, words.say(said)) for wanted, said in MAILS.items()],
        "tongues": [(tag, words.tongue(tag)) for tag in sorted(languages(PAGES))],
        **forms,
    }
    return frame_of(request).page(request, "team.html.j2", values, status=status)


def _roles(words: Words) -> list[tuple[str, str]]:
    return [(role.value, words.say(said)) for role, said in ROLES.items()]
