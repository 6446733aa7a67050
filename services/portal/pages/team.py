"""A partner's team: who may do what, who is invited, and each person's own language and time zone.

Everybody of the team sees it; admins change it, and nobody changes what they may do themselves, so that a team does not
lose its last admin by a slip. Somebody who is shut out is signed out everywhere at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, Request, Response

from services.core.accounts import Role, User, folded
from services.core.errors import Problem, VersionConflict
from services.core.ids import user_id
from services.core.mail import is_mailbox
from services.core.ports import Change
from services.core.requirements import NAME_LENGTH, text_problems
from services.portal.access import Forbidden, NotHere, partner, partner_admin
from services.portal.identity import Identity
from services.portal.notices import go_on
from services.portal.pace import Pace
from services.portal.pages.fields import FormState, fields_of
from services.portal.pages.frame import PAGES, frame_of, words_for
from services.portal.ports import PortalOptions, PortalPorts
from services.portal.sign_in import SignIn
from services.wording.words import Words, _, languages

log = structlog.get_logger("portal.team")


async def _person_in_charge(me: Annotated[Identity, Depends(partner_admin)]) -> Identity:
    """An admin in person: a program that may write profiles lets nobody in."""
    if me.session_id is None:
        raise Forbidden("people manage the team: sign in")
    return me


Me = Annotated[Identity, Depends(partner)]
Admin = Annotated[Identity, Depends(_person_in_charge)]

#: Longest mail address (RFC 5321).
_ADDRESS_LENGTH = 254
#: People of one team.
TEAM_LIMIT = 500

ROLES = {
    Role.ADMIN: _("Admin: everything, team and business profiles too"),
    Role.MEMBER: _("Member: answers referrals"),
    Role.VIEWER: _("Viewer: reads"),
}


def router(ports: PortalPorts, options: PortalOptions, pace: Pace) -> APIRouter:
    """Routes of the team."""
    routes = APIRouter(include_in_schema=False)
    _add_list(routes, ports)
    _add_invitation(routes, ports, SignIn(ports, options, pace))
    _add_changes(routes, ports)
    return routes


def _add_list(routes: APIRouter, ports: PortalPorts) -> None:
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
        if problems:
            form = FormState("settings", words, values, problems)
            return await _page(request, ports, me, {"settings": form}, status=422)
        await _save(ports, replace(user, language=language, time_zone=zone))
        return go_on("/team", "edited")


def _add_invitation(routes: APIRouter, ports: PortalPorts, sign_in: SignIn) -> None:
    @routes.post("/team/invite")
    async def invite(request: Request, me: Admin) -> Response:
        values, words = await fields_of(request), words_for(request)
        team = await ports.users.of_partner(me.partner_id or "")
        if problems := _invitation_problems(values, len(team)):
            form = FormState("invite", words, values, problems)
            return await _page(request, ports, me, {"invite": form}, status=422)
        email = folded(values["email"])
        user = User(
            id=user_id(email),
            email=email,
            name=values["name"].strip(),
            partner_id=me.partner_id,
            role=Role(values["role"]),
            language=me.language,
            time_zone=me.time_zone,
        )
        await ports.users.add([user])
        # An address that is somebody else's stays theirs, and the answer does not tell.
        stored = (await ports.users.load([user.id])).get(user.id)
        if stored is not None and stored.partner_id == me.partner_id:
            await sign_in.mail_link(email, "/inbox")
        log.info("invited", by=me.name, user=user.id)
        return go_on("/team", "invited")


def _invitation_problems(values: Mapping[str, str], there: int) -> list[Problem]:
    found = []
    name, email = values.get("name", "").strip(), values.get("email", "").strip()
    if not name:
        found.append(Problem("/name", "required", "give the name"))
    found += text_problems("/name", name, NAME_LENGTH)
    if len(email) > _ADDRESS_LENGTH or not is_mailbox(email):
        found.append(Problem("/email", "invalid", "give a mail address, for example name@company.example"))
    if values.get("role") not in set(Role):
        found.append(Problem("/role", "required", "choose a role"))
    if there >= TEAM_LIMIT:
        found.append(Problem("/email", "too_many", f"a team has at most {TEAM_LIMIT} people"))
    return found


def _add_changes(routes: APIRouter, ports: PortalPorts) -> None:
    @routes.post("/team/{member_id}")
    async def change(request: Request, member_id: str, me: Admin) -> Response:
        values = await fields_of(request)
        user = (await ports.users.load([member_id])).get(member_id)
        if user is None or user.partner_id != me.partner_id:
            raise NotHere("there is no such person in your team")
        if user.id == me.subject:
            return go_on("/team", "not-yourself")
        role = Role(values["role"]) if values.get("role") in set(Role) else user.role
        changed = replace(user, role=role, active=values.get("active", "yes") == "yes")
        await _save(ports, changed)
        if not changed.active:
            # After the write: a session that is opened in between finds a person who is shut out.
            await ports.sign_ins.end_sessions_of(user.id)
        log.info("member_changed", by=me.name, user=user.id, role=changed.role.value, active=changed.active)
        return go_on("/team", "edited")


async def _save(ports: PortalPorts, user: User) -> None:
    """One conditional write.

    Raises:
        VersionConflict: somebody else wrote it first.
    """
    changed = replace(user, version=user.version + 1)
    if (await ports.users.save([Change(changed, user.version)])).conflicts:
        raise VersionConflict("this person's account was changed at the same moment: try again")


async def _page(
    request: Request, ports: PortalPorts, me: Identity, forms: Mapping[str, FormState], status: int = 200
) -> Response:
    words = words_for(request)
    own = {"language": me.language, "timeZone": me.time_zone}
    values = {
        "me": me,
        "people": sorted(
            await ports.users.of_partner(me.partner_id or ""), key=lambda user: (not user.active, user.name.casefold())
        ),
        "roles": _roles(words),
        "may_change": me.role is Role.ADMIN,
        "settings": FormState("settings", words, own),
        "invite": FormState("invite", words, {"role": Role.MEMBER.value}),
        "tongues": [(tag, words.tongue(tag)) for tag in sorted(languages(PAGES))],
        **forms,
    }
    return frame_of(request).page(request, "team.html.j2", values, status=status)


def _roles(words: Words) -> list[tuple[str, str]]:
    return [(role.value, words.say(said)) for role, said in ROLES.items()]
