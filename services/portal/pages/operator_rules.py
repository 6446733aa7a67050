"""The rules of matching on an operator's pages: which hold, what others would change, and publishing those."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, Request, Response

from services.core.errors import CommandInvalid, Problem
from services.core.rules import PublishedRules, Rules
from services.matching.rules_file import read_rules, write_rules
from services.portal.access import operator
from services.portal.identity import Identity
from services.portal.notices import go_on
from services.portal.pages.fields import fields_of
from services.portal.pages.frame import frame_of
from services.portal.ports import PortalOptions, PortalPorts
from services.portal.trials import Tried, rules_in_force, tried
from services.wording.words import _

log = structlog.get_logger("portal.operator")

Me = Annotated[Identity, Depends(operator)]

_PATH = "/operator/rules"
#: Versions listed, and the longest draft, characters.
_ROWS, _LONGEST = 50, 20_000
_STANDINGS = {"won": _("who won"), "accepted": _("who accepted"), "dropped_out": _("who dropped out")}


def router(ports: PortalPorts, _options: PortalOptions) -> APIRouter:
    """Routes of the rules."""
    routes = APIRouter(include_in_schema=False)

    @routes.get(_PATH)
    async def show(request: Request, me: Me) -> Response:
        return await _page(request, ports, me, write_rules(await rules_in_force(ports)))

    @routes.post(f"{_PATH}/try")
    async def what_if(request: Request, me: Me) -> Response:
        draft = (await fields_of(request)).get("draft", "")[:_LONGEST]
        try:
            rules = read_rules(draft)
        except CommandInvalid as error:
            return await _page(request, ports, me, draft, problems=error.problems, status=422)
        return await _page(request, ports, me, draft, found=await tried(ports, rules), rules=rules)

    @routes.post(_PATH)
    async def publish(request: Request, me: Me) -> Response:
        fields = await fields_of(request)
        draft = fields.get("draft", "")[:_LONGEST]
        try:
            await _publish(ports, me, read_rules(draft), fields.get("holding", ""))
        except CommandInvalid as error:
            return await _page(request, ports, me, draft, problems=error.problems, status=409)
        return go_on(_PATH, "rules-published")

    return routes


async def _publish(ports: PortalPorts, me: Identity, rules: Rules, instead_of: str) -> None:
    """Let them hold, if what was looked at holds still.

    Raises:
        CommandInvalid: other rules hold by now, or the version was published with other numbers.
    """
    asked = PublishedRules(id=rules.version, rules=rules, by=me.name, at=ports.clock.now())
    stored = await ports.rules.publish(asked, instead_of)
    if stored.rules != rules:
        words = f"{rules.version} was published on {stored.at:%Y-%m-%d} with other numbers; name a new version"
        raise CommandInvalid([Problem("/version", "taken", words)])
    log.info("rules_published", by=me.name, version=rules.version)


async def _page(
    request: Request,
    ports: PortalPorts,
    me: Identity,
    draft: str,
    *,
    problems: Sequence[Problem] = (),
    found: Tried | None = None,
    rules: Rules | None = None,
    status: int = 200,
) -> Response:
    values = {
        "me": me,
        "holding": (await rules_in_force(ports)).version,
        "versions": await ports.rules.listed(_ROWS),
        "draft": draft,
        "problems": problems,
        "tried": found,
        "rules": rules,
        "standings": _STANDINGS,
    }
    return frame_of(request).page(request, "operator_rules.html.j2", values, status=status)
