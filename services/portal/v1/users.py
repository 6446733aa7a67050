"""How does a partner's program see who is in the team, let somebody in, and change what one may do?

The rules are those of the team's page (`team_work`): nobody changes what they may do themselves, a team keeps an admin,
and an address that is somebody else's stays theirs without a word. People manage the team as admins; a program needs
the scope `users.write`, which nothing else includes: it could let itself in as a person.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from fastapi import APIRouter, Path, Response
from pydantic import Field, StrictBool

from services.core.accounts import Role, User
from services.core.requirements import NAME_LENGTH
from services.portal.access import Forbidden
from services.portal.judging import judged_by
from services.portal.ports import PortalOptions, PortalPorts
from services.portal.team_work import ADDRESS_LENGTH, TeamWork
from services.portal.v1.callers import UserReading, UserWriting
from services.portal.v1.paging import USUAL_LIMIT, CursorText, Limit, Pager
from services.portal.v1.route import V1Route, errors, name_methods
from services.portal.v1.wire import IfMatch, Told, Wire, answer, check_match, versioned

PATH = "/v1/users"
UserId = Annotated[str, Path(max_length=64)]


class InvitationV1(Wire):
    """Somebody to let in; a link to sign in is mailed."""

    stand_ins: ClassVar[Mapping[str, Any]] = {"name": "", "email": ""}
    name: Annotated[str, Field(max_length=NAME_LENGTH)]
    email: Annotated[str, Field(max_length=ADDRESS_LENGTH)]
    role: Role = Role.MEMBER


class InvitedV1(Told):
    """The invitation is taken. The person is in the team unless the address was somebody else's before."""

    id: str


class RightsV1(Wire):
    """What somebody may do."""

    stand_ins: ClassVar[Mapping[str, Any]] = {"role": Role.VIEWER.value}
    role: Role
    active: Annotated[StrictBool, Field(description="false: signed out everywhere, and no link signs in")] = True


class UserV1(Told):
    """Somebody of the team."""

    id: str
    email: str
    name: str
    role: Role
    active: bool
    language: str
    time_zone: str


class UserListV1(Told):
    """A page of the team, by id; `next` is the address of the next one."""

    value: list[UserV1]
    next: str | None = None


def router(ports: PortalPorts, options: PortalOptions, work: TeamWork) -> APIRouter:
    """Routes of the team."""
    routes = APIRouter(route_class=V1Route, tags=["users"])
    address = f"{options.base_url}{PATH}"
    _add_reading(routes, work, Pager(ports.signer, "users", address))
    _add_writing(routes, work, address)
    return name_methods(routes)


def _add_reading(routes: APIRouter, work: TeamWork, pager: Pager) -> None:
    @routes.get(PATH, responses=errors(422), response_model=UserListV1, summary="Your team, inactive people too")
    @judged_by(pager.judge)
    async def listed(me: UserReading, limit: Limit = USUAL_LIMIT, cursor: CursorText = None) -> Response:
        after = pager.after(cursor)
        # A team is bounded, and read by one query.
        behind = sorted((each for each in await work.people(me) if each.id > after), key=lambda each: each.id)
        page, next_ = pager.cut(behind, limit, lambda each: each.id)
        return answer(UserListV1(value=[_told(each) for each in page], next=next_))

    @routes.get(
        f"{PATH}/{{user_id}}",
        responses=versioned(200) | errors(404, 422),
        response_model=UserV1,
        summary="Somebody of your team",
    )
    async def one(user_id: UserId, me: UserReading) -> Response:
        return _one(await work.member(me, user_id))


def _add_writing(routes: APIRouter, work: TeamWork, address: str) -> None:
    async def fit(given: InvitationV1, me: UserWriting) -> None:
        await work.check_invitation(me, given.name, given.email, given.role.value)

    @routes.post(
        PATH,
        status_code=202,
        responses=errors(413, 422),
        response_model=InvitedV1,
        summary="Let somebody in; who is in the team already stays as is, and gets a link",
    )
    @judged_by(fit)
    async def invite(given: InvitationV1, me: UserWriting) -> Response:
        id_ = await work.invite(me, given.name, given.email, given.role.value)
        return answer(InvitedV1(id=id_), 202, location=f"{address}/{id_}")

    @routes.put(
        f"{PATH}/{{user_id}}",
        responses=versioned(200) | errors(404, 409, 412, 413, 422),
        response_model=UserV1,
        summary="Change what somebody may do, shut somebody out, or let in again",
    )
    async def change(user_id: UserId, given: RightsV1, me: UserWriting, if_match: IfMatch = None) -> Response:
        user = await work.member(me, user_id)
        if user.id == me.subject:
            raise Forbidden("what you may do yourself, another admin changes")
        check_match(if_match, user.version)
        return _one(await work.change(me, user, given.role, active=given.active))


def _one(user: User) -> Response:
    return answer(_told(user), version=user.version)


def _told(user: User) -> UserV1:
    return UserV1(
        id=user.id,
        email=user.email,
        name=user.name,
        role=user.role,
        active=user.active,
        language=user.language,
        time_zone=user.time_zone,
    )
