"""How does a partner's program keep the business profiles? One a country, which is its address.

Locations and their contacts are parts of the profile's document, not resources of their own: routers take a profile
as a whole, its rules are about the whole (at least one location), and so one PUT with one ETag changes any of it at
once or not at all. Each location keeps its id from GET to PUT. A change is one conditional write, as on the pages.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Response

from services.core.errors import CommandInvalid
from services.core.partner import Profile
from services.core.profile_rules import problems_of_profile
from services.portal.access import NotHere
from services.portal.identity import Identity
from services.portal.judging import judged_by
from services.portal.ports import PortalOptions, PortalPorts
from services.portal.profile_work import ProfileWork, blank
from services.portal.v1.callers import ProfileReading, ProfileWriting, partner_of
from services.portal.v1.profile_given import PauseV1, ProfileGivenV1
from services.portal.v1.profile_told import ProfileListV1, ProfileV1, told
from services.portal.v1.profile_wanted import Wanted
from services.portal.v1.route import V1Route, errors, name_methods
from services.portal.v1.wire import IfMatch, answer, check_match, versioned

PATH = "/v1/profiles"
Country = Annotated[str, Path(pattern="^[A-Z]{2}$", description="ISO 3166-1 alpha-2")]


def router(ports: PortalPorts, options: PortalOptions, work: ProfileWork) -> APIRouter:
    """Routes of the business profiles."""
    routes = APIRouter(route_class=V1Route, tags=["profiles"])
    _add_reading(routes, ports, work)
    _add_whole(routes, work, f"{options.base_url}{PATH}")
    _add_steps(routes, work)
    return name_methods(routes)


def _add_reading(routes: APIRouter, ports: PortalPorts, work: ProfileWork) -> None:
    @routes.get(PATH, responses=errors(), response_model=ProfileListV1, summary="Your business profiles")
    async def listed(me: ProfileReading) -> Response:
        found = await ports.partners.profiles_of(partner_of(me))
        return answer(ProfileListV1(value=[told(each) for each in found]))

    @routes.get(
        f"{PATH}/{{country}}",
        responses=versioned(200) | errors(404, 422),
        response_model=ProfileV1,
        summary="Your business profile for a country, with its locations and contacts",
    )
    async def one(country: Country, me: ProfileReading) -> Response:
        return _one(await _there(work, me, country))


def _add_whole(routes: APIRouter, work: ProfileWork, address: str) -> None:
    async def wanted(
        country: Country, given: ProfileGivenV1, me: ProfileWriting, if_match: IfMatch = None
    ) -> tuple[Profile, Profile]:
        """The profile as it is, and as it should be."""
        owner = await work.owner(me, country)
        before = await work.stored(owner) or blank(owner)
        # Nobody's change can get lost where there is nothing.
        check_match(if_match, before.version, needed=before.version > 0)
        reading = Wanted(given, before, owner, work.ports.profiles)
        profile = reading.read()
        if reading.problems:
            raise CommandInvalid(reading.problems)
        return before, profile

    @routes.put(
        f"{PATH}/{{country}}",
        responses=versioned(200, 201) | errors(404, 412, 413, 422, 428),
        response_model=ProfileV1,
        summary="Make a business profile, or change it: the whole of it as it should be",
    )
    @judged_by(wanted)
    async def put(country: Country, given: ProfileGivenV1, me: ProfileWriting, if_match: IfMatch = None) -> Response:
        before, profile = await wanted(country, given, me, if_match)
        stored = await work.save(me, profile, str(before.version))
        if before.version:
            return _one(stored)
        return answer(told(stored), 201, version=stored.version, location=f"{address}/{country}")


#: What a step makes of a profile.
Step = Callable[[Profile], Profile]


def _add_steps(routes: APIRouter, work: ProfileWork) -> None:
    """Small changes, which can be repeated: one that holds already writes nothing."""

    async def judged(me: Identity, country: str, if_match: str | None, step: Step) -> tuple[Profile, Profile]:
        """The profile as it is, and after the step."""
        before = await _there(work, me, country)
        check_match(if_match, before.version)
        changed = step(before)
        if changed == before:
            return before, before
        found = problems_of_profile(changed, work.ports.clock.now(), before)
        # Who stops receiving need not mend what has long been so.
        begins = changed.active and not before.active
        if problems := [each for each in found if begins or each.field == "/pausedUntil"]:
            raise CommandInvalid(problems)
        return before, changed

    async def taken(me: Identity, country: str, if_match: str | None, step: Step) -> Response:
        before, changed = await judged(me, country, if_match, step)
        return _one(before if changed == before else await work.save(me, changed, str(before.version)))

    def add(name: str, summary: str, step: Step) -> None:
        @routes.post(
            f"{PATH}/{{country}}/{name}",
            name=name,
            responses=versioned(200) | errors(404, 412, 422),
            response_model=ProfileV1,
            summary=summary,
        )
        async def take(country: Country, me: ProfileWriting, if_match: IfMatch = None) -> Response:
            return await taken(me, country, if_match, step)

    add("activate", "Receive referrals through it", lambda profile: replace(profile, active=True))
    add("deactivate", "Receive none through it until it is activated", lambda profile: replace(profile, active=False))
    add("resume", "End its pause", lambda profile: replace(profile, paused_until=None))

    async def pausable(country: Country, given: PauseV1, me: ProfileWriting, if_match: IfMatch = None) -> None:
        await judged(me, country, if_match, lambda profile: replace(profile, paused_until=given.until))

    @routes.post(
        f"{PATH}/{{country}}/pause",
        responses=versioned(200) | errors(404, 412, 413, 422),
        response_model=ProfileV1,
        summary="Receive none through it until an instant",
    )
    @judged_by(pausable)
    async def pause(country: Country, given: PauseV1, me: ProfileWriting, if_match: IfMatch = None) -> Response:
        until: datetime = given.until
        return await taken(me, country, if_match, lambda profile: replace(profile, paused_until=until))


async def _there(work: ProfileWork, me: Identity, country: str) -> Profile:
    """The partner's profile for the country.

    Raises:
        NotHere: it has none.
    """
    found = await work.stored(await work.owner(me, country))
    if found is None:
        raise NotHere(f"you have no business profile for {country}: PUT makes one")
    return found


def _one(profile: Profile) -> Response:
    return answer(told(profile), version=profile.version)
