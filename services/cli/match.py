"""Commands on matching: why an RFI goes to a partner, or not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import typer
from rich.markup import escape

from services import explaining
from services.bootstrap import World
from services.cli.console import console, plain_errors, table
from services.cli.reasons import said
from services.cli.session import with_world
from services.core.errors import NotFound
from services.core.rfi import Routing
from services.core.rules import Rules
from services.matching.explanation import Explanation, ProfileVerdict
from services.matching.growing import GrowingMatcher

app = typer.Typer(help="Matching: why this partner, and why not that one.", no_args_is_help=True)


async def rules_in_force(world: World) -> Rules:
    """The published rules, else the default ones."""
    return await explaining.rules_in_force(world.stores.rules)


async def matcher_of(world: World) -> GrowingMatcher:
    """A matcher with the rules, profiles, standings and open referrals of now."""
    return await explaining.matcher_of(world.stores, world.clock.now())


@app.command("explain")
def explain_command(
    rfi_id: str,
    partner: Annotated[str | None, typer.Option(help="A partner's id; without it, everybody chosen or near.")] = None,
) -> None:
    """Why an RFI would go to a partner now, term by term, and what would change that; beside what was stored."""

    async def work(world: World) -> None:
        rfi = (await world.stores.rfis.load([rfi_id])).get(rfi_id)
        if rfi is None:
            raise NotFound(f"there is no RFI {rfi_id}; `referrals rfi list` shows the newest")
        found = (await matcher_of(world)).explain(rfi, partner, world.clock.now())
        if not found.partner_known:
            raise NotFound(f"no partner {partner} has a business profile")
        names = {p.id: p.name for p in await world.stores.partners.all_partners()}
        _show(found, rfi.routing, names)

    with plain_errors():
        with_world(work)


def _show(found: Explanation, stored: Routing | None, names: Mapping[str, str]) -> None:
    if stored is not None:
        told = [(names.get(c.partner_id, c.partner_id), "chosen", f"{c.score:.3f}") for c in stored.chosen]
        told += [(names.get(s.partner_id, s.partner_id), s.because, f"{s.score:.3f}") for s in stored.near_misses]
        title = f"Stored when it was routed ({stored.at:%Y-%m-%d %H:%M} UTC, rules {stored.rules})"
        console.print(table(title, ["partner", "outcome", "score#"], told))
    rows = [
        (
            names.get(v.partner_id, v.partner_id),
            v.outcome,
            v.rank or "",
            f"{v.score:.3f}",
            said(v.region),
            v.distance,
            v.size,
        )
        for v in found.profiles
    ]
    columns = ["partner", "outcome", "rank#", "score#", "region", "distance", "size"]
    console.print(table(f"As things are now (rules {found.rules})", columns, rows))
    for verdict in found.profiles:
        _show_profile(verdict, names.get(verdict.partner_id, verdict.partner_id))


def _show_profile(verdict: ProfileVerdict, name: str) -> None:
    rows = [(t.words, t.source, f"{t.weight:.3f}", "yes" if t.matched else "") for t in verdict.terms]
    console.print(table(f"{name}: terms asked for", ["term", "from", "weight#", "offered"], rows))
    console.print(f"{escape(name)}: {escape(verdict.availability)}")
    for action in verdict.would_help:
        console.print(f"  would change it: {escape(action)}")
