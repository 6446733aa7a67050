"""Who may ask what over /v1? People have the scopes of their role; programs those that their token was given."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request

from services.portal.access import NotHere, operator, partner, scoped, signed_in
from services.portal.identity import Identity, IdentityKind


def partner_with(scope: str) -> Callable[[Request], Awaitable[Identity]]:
    """A dependency: somebody of a partner with this scope. Others do not find the operation."""
    has = scoped(scope)

    async def check(request: Request) -> Identity:
        await partner(request)
        return await has(request)

    return check


def partner_or_operator(scope: str) -> Callable[[Request], Awaitable[Identity]]:
    """A dependency: somebody of a partner with this scope, or an operator."""
    has, runs = scoped(scope), scoped("operator")

    async def check(request: Request) -> Identity:
        me = await signed_in(request)
        if me.kind is IdentityKind.OPERATOR:
            return await runs(request)
        await partner(request)
        return await has(request)

    return check


async def running(request: Request) -> Identity:
    """A dependency: an operator."""
    await operator(await signed_in(request))
    return await scoped("operator")(request)


Reading = Annotated[Identity, Depends(partner_with("referrals.read"))]
Writing = Annotated[Identity, Depends(partner_with("referrals.write"))]
ProfileReading = Annotated[Identity, Depends(partner_with("profiles.read"))]
ProfileWriting = Annotated[Identity, Depends(partner_with("profiles.write"))]
UserReading = Annotated[Identity, Depends(partner_with("users.read"))]
UserWriting = Annotated[Identity, Depends(partner_with("users.write"))]
#: An operator sees what a partner sees, and of everybody.
ProfileReadingOrRunning = Annotated[Identity, Depends(partner_or_operator("profiles.read"))]
ReadingOrRunning = Annotated[Identity, Depends(partner_or_operator("referrals.read"))]


def partner_of(me: Identity) -> str:
    """The partner an identity acts for.

    Raises:
        NotHere: it acts for none.
    """
    if me.partner_id is None:
        raise NotHere("there is no such page")
    return me.partner_id


def runs_exchange(me: Identity) -> bool:
    """Whether an operator asks."""
    return me.kind is IdentityKind.OPERATOR
