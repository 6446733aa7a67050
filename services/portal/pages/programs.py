"""A partner's programs: which CRM may read and answer its referrals, with a key that is shown once.

For admins in person: a program lets no other program in.
"""

from __future__ import annotations

import secrets
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from services.core.errors import CommandInvalid
from services.portal.access import partner_admin_in_person
from services.portal.identity import Identity
from services.portal.notices import go_on
from services.portal.pages.fields import FormState, fields_of
from services.portal.pages.frame import frame_of, words_for
from services.portal.ports import PortalOptions, PortalPorts
from services.portal.program_work import PARTNER_SCOPES, KeyKind, Made, ProgramWork
from services.wording.words import Words, _

Admin = Annotated[Identity, Depends(partner_admin_in_person)]

KINDS = {
    KeyKind.YEAR: _("A key that ends in a year"),
    KeyKind.QUARTER: _("A key that ends in 90 days"),
    KeyKind.ENDLESS: _("A key without an end"),
    KeyKind.CLIENT: _("OAuth client credentials: it fetches keys of an hour by itself"),
}
SCOPES = {
    "referrals.read": _("Read referrals"),
    "referrals.write": _("Read and answer referrals, send requests on"),
    "profiles.read": _("Read the business profiles"),
    "profiles.write": _("Read and change the business profiles"),
    "users.read": _("See the team"),
    "users.write": _("See and change the team"),
    "webhooks.write": _("Set up webhooks"),
}
#: Most programs that are told of on the page: all that can be let in, and as many that no longer are.
_SHOWN = 100


def router(ports: PortalPorts, options: PortalOptions) -> APIRouter:
    """Routes of the programs."""
    routes, work = APIRouter(include_in_schema=False), ProgramWork(ports)

    async def page(
        request: Request, me: Identity, form: FormState | None = None, made: Made | None = None, status: int = 200
    ) -> Response:
        words = words_for(request)
        proposed = {"kind": KeyKind.YEAR.value, "scope.referrals.write": "yes", "form": secrets.token_urlsafe(16)}
        values = {
            "me": me,
            "programs": (await work.programs(me))[:_SHOWN],
            "now": ports.clock.real_now(),
            "form": form or FormState("program", words, proposed),
            "made": made,
            "kinds": [(kind.value, words.say(said)) for kind, said in KINDS.items()],
            "scopes": _scopes(words),
            "base_url": options.base_url.rstrip("/"),
        }
        return frame_of(request).page(request, "programs.html.j2", values, status=status)

    @routes.get("/programs")
    async def programs(request: Request, me: Admin) -> Response:
        return await page(request, me)

    @routes.post("/programs")
    async def let_in(request: Request, me: Admin) -> Response:
        values = await fields_of(request)
        scopes = [scope for scope in PARTNER_SCOPES if values.get(f"scope.{scope}")]
        form_id = values.get("form") or secrets.token_urlsafe(16)
        try:
            made = await work.let_in(me, values.get("name", ""), values.get("kind", ""), scopes, form_id)
        except CommandInvalid as invalid:
            form = FormState("program", words_for(request), values, invalid.problems)
            return await page(request, me, form, status=422)
        # Shown in the answer itself: a key has no place in an address, a cookie or the database.
        return go_on("/programs", "key-made-before") if made is None else await page(request, me, made=made)

    @routes.post("/programs/{program_id}/shut-out")
    async def shut_out(program_id: str, me: Admin) -> Response:
        await work.shut_out(me, program_id)
        return go_on("/programs", "program-shut-out")

    return routes


def _scopes(words: Words) -> list[tuple[str, str]]:
    return [(scope, words.say(SCOPES[scope])) for scope in PARTNER_SCOPES]
