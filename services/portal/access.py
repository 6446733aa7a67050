"""May this request go on? Dependencies for routes: each gives the identity or refuses.

    @router.get("/things")
    async def things(me: Annotated[Identity, Depends(partner)]) -> ...

Who asks is told by the doors (`app.state.doors`), once per request. Refusals are exceptions of this file; `problems`
says each as a page or as JSON. A thing of somebody else is `NotHere` (404), as if it did not exist.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Annotated, Protocol

from fastapi import Depends, Request

from services.core.looking import Look, Wanted
from services.portal.identity import Identity, IdentityKind, Role

#: Below these only programs ask, or people as programs would; everywhere else are pages, which are for people.
FOR_PROGRAMS = ("/v1/", "/v1.0/", "/oauth/")


class Denied(Exception):
    """Nobody is signed in: 401, and pages lead to the sign-in."""


class Why(StrEnum):
    """What people are told in their own language of being forbidden something; programs read the words."""

    STALE = "stale"
    SEARCH_AGAIN = "search_again"
    TOO_MANY_FILTERS = "too_many_filters"
    VIEWER = "viewer"
    NO_ADMIN = "no_admin"
    CONTACT_HIDDEN = "contact_hidden"


class Forbidden(Exception):
    """Signed in, but not for this: 403. The words say what would be needed; `why` is for the page that says it."""

    def __init__(self, words: str, *, why: Why | None = None) -> None:
        self.why = why
        super().__init__(words)


class NotHere(Exception):
    """There is no such thing, or it is somebody else's: 404."""


class TooFast(Exception):
    """Too many requests: 429; `retry_after_s` says when to come again."""

    def __init__(self, retry_after_s: int) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(f"too many requests; wait {retry_after_s} seconds")


class Doors(Protocol):
    """Tells who asks."""

    async def identify(self, request: Request) -> Identity:
        """The identity behind a request's cookie or token.

        Raises:
            Denied: there is none, or it is no longer good.
            Forbidden: an unsafe request of a session without this session's CSRF token; a program on a page.
            TooFast: too many requests.
            DependencyUnavailable: it can't be looked up now.
        """

    async def recognise(self, request: Request) -> Identity:
        """As `identify`, and nothing is counted or checked: good for the words of a page, and for nothing else.

        Raises:
            Denied, Forbidden, DependencyUnavailable: as there.
        """


def keep_reader(request: Request, me: Identity) -> None:
    """Note in whose words a refusal is told, though nothing else is granted to them yet."""
    request.state.reader = me


def reader_of(request: Request) -> Identity | None:
    """In whose words a page is told: who asks, or would have been let in."""
    reader: Identity | None = getattr(request.state, "identity", None) or getattr(request.state, "reader", None)
    return reader


async def signed_in(request: Request) -> Identity:
    """Anybody who is signed in (401 otherwise); counts against the caller's limit."""
    known: Identity | None = getattr(request.state, "identity", None)
    if known is None:
        doors: Doors = request.app.state.doors
        known = await doors.identify(request)
        request.state.identity = known
    return known


def want(request: Request, wanted: Wanted) -> None:
    """Say what list this page shows, so that whoever looks up the person brings it along (`look_of`)."""
    request.state.wanted = wanted


def wanted_by(request: Request) -> Wanted | None:
    """What list the page asked for."""
    wanted: Wanted | None = getattr(request.state, "wanted", None)
    return wanted


def keep_look(request: Request, look: Look) -> None:
    """Note what was seen when the person was looked up."""
    request.state.look = look


def look_of(request: Request) -> Look | None:
    """What was seen when the person was looked up; None for those who did not come with a session."""
    look: Look | None = getattr(request.state, "look", None)
    return look


SignedIn = Annotated[Identity, Depends(signed_in)]


async def partner(request: Request) -> Identity:
    """A person or program of a partner; `partner_id` is set. Others do not find the page: 404."""
    me = await signed_in(request)
    if me.kind is not IdentityKind.PARTNER or me.partner_id is None:
        raise NotHere("there is no such page")
    return me


async def partner_writer(me: Annotated[Identity, Depends(partner)]) -> Identity:
    """One who may answer referrals; a viewer gets 403."""
    if not me.may_write:
        raise Forbidden("your role is viewer: ask an admin of your team for the role member", why=Why.VIEWER)
    return me


async def partner_admin(me: Annotated[Identity, Depends(partner)]) -> Identity:
    """One who manages the team and the business profiles."""
    if me.role is not Role.ADMIN:
        raise Forbidden("this needs the role admin: ask an admin of your team", why=Why.NO_ADMIN)
    return me


async def partner_admin_in_person(me: Annotated[Identity, Depends(partner_admin)]) -> Identity:
    """An admin with a session: a program lets in nobody else, neither people nor programs."""
    if me.session_id is None:
        raise Forbidden("people decide who is let in: sign in")
    return me


async def operator(me: SignedIn) -> Identity:
    """One who runs the exchange; others do not find the page: 404."""
    if me.kind is not IdentityKind.OPERATOR:
        raise NotHere("there is no such page")
    return me


async def customer(me: SignedIn) -> Identity:
    """A customer with a signed link; `rfi_id` is set. Others do not find the page: 404."""
    if me.kind is not IdentityKind.CUSTOMER or me.rfi_id is None:
        raise NotHere("there is no such page")
    return me


def scoped(scope: str) -> Callable[[Request], Awaitable[Identity]]:
    """A dependency: whoever asks has this scope (people those of their role; programs what their token says)."""

    async def check(request: Request) -> Identity:
        me = await signed_in(request)
        if me.kind is not IdentityKind.CUSTOMER and scope not in me.scopes:
            raise Forbidden(f"this needs the scope {scope}")
        return me

    return check
