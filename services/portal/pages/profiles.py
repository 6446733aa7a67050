"""A partner's business profiles, one a country: edited, activated, tried on recent requests, improved by a click.

Everybody of a partner sees them; admins change them. A change is one conditional write on the version that the form was
made from: who comes second keeps what was entered, and is told.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from services.core.errors import Outdated
from services.core.partner import Profile
from services.core.profile_rules import problems_of_profile
from services.matching.suggested import applied
from services.portal.access import NotHere, partner, partner_admin
from services.portal.identity import Identity, Role
from services.portal.notices import go_on
from services.portal.pages.answers import in_order
from services.portal.pages.fields import FormState, fields_of
from services.portal.pages.frame import frame_of, words_for
from services.portal.pages.profile_form import ProfileForm, values_of
from services.portal.pages.profile_market import Preview, RecentRequests
from services.portal.pages.profile_view import card, fitting_said, form_values
from services.portal.ports import PortalPorts
from services.portal.profile_work import Owner, ProfileWork, blank
from services.portal.trials import rules_in_force

Me = Annotated[Identity, Depends(partner)]
Admin = Annotated[Identity, Depends(partner_admin)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A form as it is shown."""

    form: FormState
    before: Profile
    preview: Preview | None = None
    status: int = 200
    outdated: bool = False


class Profiles:
    """What the pages share."""

    def __init__(self, ports: PortalPorts, work: ProfileWork) -> None:
        self.ports, self.work = ports, work
        parent_of, rules = ports.profiles.parent_of, partial(rules_in_force, ports)
        self.market = RecentRequests(ports.rfis, ports.referrals, parent_of, rules)

    async def page(self, request: Request, me: Identity, owner: Owner, shown: Shown) -> Response:
        """The form."""
        words, preview = words_for(request), shown.preview
        values = {
            "me": me,
            "profile": shown.before,
            "country_name": words.country(owner.country),
            "address": f"/profiles/{owner.country}",
            "zone_of_country": self.ports.profiles.zone_of(owner.country),
            "preview": preview,
            "fitting": [fitting_said(each, words) for each in preview.shown] if preview else [],
            "outdated": shown.outdated,
            **form_values(shown.form, shown.before, words),
        }
        return frame_of(request).page(request, "profile.html.j2", values, status=shown.status)


def router(ports: PortalPorts, work: ProfileWork) -> APIRouter:
    """Routes of the business profiles."""
    routes = APIRouter(include_in_schema=False)
    profiles = Profiles(ports, work)
    _add_list(routes, profiles)
    _add_form(routes, profiles)
    _add_preview(routes, profiles)
    _add_clicks(routes, profiles)
    return routes


def _add_list(routes: APIRouter, profiles: Profiles) -> None:
    @routes.get("/profiles")
    async def listed(request: Request, me: Me) -> Response:
        words, partner_id = words_for(request), me.partner_id or ""
        found = await profiles.ports.partners.profiles_of(partner_id)
        suggestions = await profiles.work.suggestions(partner_id) if found else []
        now = profiles.ports.clock.now()
        there = {each.country for each in found}
        values = {
            "me": me,
            "cards": [card(each, suggestions, words, now) for each in found],
            "countries": [each for each in words.countries() if each[0] not in there],
            "may_change": me.role is Role.ADMIN,
        }
        return frame_of(request).page(request, "profiles.html.j2", values)

    @routes.post("/profiles")
    async def begin(request: Request, me: Admin) -> Response:
        country = (await fields_of(request)).get("country", "")
        owner = await profiles.work.owner(me, country)
        return go_on(f"/profiles/{owner.country}")


def _add_form(routes: APIRouter, profiles: Profiles) -> None:
    @routes.get("/profiles/{country}")
    async def show(request: Request, country: str, me: Admin) -> Response:
        owner, words = await profiles.work.owner(me, country), words_for(request)
        before = await profiles.work.stored(owner) or blank(owner)
        values = values_of(before, owner, words, profiles.ports.profiles)
        form = FormState("profile", words, {**values, "version": str(before.version)})
        return await profiles.page(request, me, owner, Shown(form=form, before=before))

    @routes.post("/profiles/{country}")
    async def save(request: Request, country: str, me: Admin) -> Response:
        owner, words, values = await profiles.work.owner(me, country), words_for(request), await fields_of(request)
        before = await profiles.work.stored(owner) or blank(owner)
        reading = ProfileForm(values, before, owner, profiles.ports.profiles)
        profile = reading.read()
        if reading.problems:
            form = FormState("profile", words, values, in_order(reading.problems, values))
            return await profiles.page(request, me, owner, Shown(form=form, before=before, status=422))
        if values.get("do") == "activate":
            profile = replace(profile, active=True)
        try:
            await profiles.work.save(me, profile, values.get("version", ""))
        except Outdated:
            before = await profiles.work.stored(owner) or before
            # What was entered stays; sent again, it replaces what the other saved.
            form = FormState("profile", words, {**values, "version": str(before.version)})
            shown = Shown(form=form, before=before, status=409, outdated=True)
            return await profiles.page(request, me, owner, shown)
        return go_on("/profiles", "profile-active" if profile.active and not before.active else "profile-saved")


def _add_preview(routes: APIRouter, profiles: Profiles) -> None:
    @routes.post("/profiles/{country}/preview")
    async def preview(request: Request, country: str, me: Admin) -> Response:
        """Changes nothing: what was entered is tried on recent requests."""
        owner, words, values = await profiles.work.owner(me, country), words_for(request), await fields_of(request)
        before = await profiles.work.stored(owner) or blank(owner)
        reading = ProfileForm(values, before, owner, profiles.ports.profiles)
        profile = reading.read()
        # A profile that lacks an office can be tried; one that lists too much can't.
        too_much = any(problem.code in {"too_many", "too_long"} for problem in reading.problems)
        found = None if too_much else await profiles.market.preview(profile, owner.now)
        problems = in_order(reading.problems, values) if too_much else []
        form = FormState("profile", words, values, problems)
        return await profiles.page(request, me, owner, Shown(form=form, before=before, preview=found))


def _add_clicks(routes: APIRouter, profiles: Profiles) -> None:
    @routes.post("/profiles/{country}/state")
    async def state(request: Request, country: str, me: Admin) -> Response:
        owner, values = await profiles.work.owner(me, country), await fields_of(request)
        profile = await profiles.work.stored(owner)
        if profile is None:
            raise NotHere("there is no such profile")
        wanted = replace(profile, active=values.get("active") == "yes")
        if wanted.active and problems_of_profile(wanted, owner.now, profile):
            return go_on(f"/profiles/{owner.country}", "profile-incomplete")
        notice = "profile-active" if wanted.active else "profile-inactive"
        return await _saved(profiles, me, wanted, values.get("version", ""), notice)

    @routes.post("/profiles/{country}/suggestion")
    async def take(request: Request, country: str, me: Admin) -> Response:
        owner, values = await profiles.work.owner(me, country), await fields_of(request)
        profile = await profiles.work.stored(owner)
        if profile is None:
            raise NotHere("there is no such profile")
        for each in await profiles.work.suggestions(owner.partner_id):
            asked = (each.profile_id, each.code.value, each.value)
            if asked == (profile.id, values.get("code"), values.get("value")) and (changed := applied(profile, each)):
                return await _saved(profiles, me, changed, values.get("version", ""), "profile-changed")
        return go_on("/profiles", "suggestion-gone")


async def _saved(profiles: Profiles, me: Identity, profile: Profile, sent: str, notice: str) -> Response:
    """Save what a click made of the version that the page showed."""
    try:
        await profiles.work.save(me, profile, sent)
    except Outdated:
        return go_on("/profiles", "profile-outdated")
    return go_on("/profiles", notice)
