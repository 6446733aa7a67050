"""Commands on webhooks: which there are, and deliveries that were given up."""

from __future__ import annotations

from typing import Annotated

import typer

from services.bootstrap import World
from services.cli.console import console, plain_errors, table
from services.cli.session import with_world
from services.core.errors import CommandInvalid, NotFound, Problem

app = typer.Typer(help="Webhooks of partners: list them, see and replay what was given up.", no_args_is_help=True)

#: What `--all` replays at a time; what is left is for the next command.
MOST = 10_000

Partner = Annotated[str | None, typer.Option("--partner", help="Id of one partner; `referrals user list` shows it.")]


@app.command("list")
def list_command(partner: Annotated[str, typer.Argument(help="Id of the partner.")]) -> None:
    """The webhooks of a partner; its programs make them over the API."""

    async def work(world: World) -> None:
        found = await world.stores.webhooks.webhooks_of([partner])
        rows = [
            (each.id, each.url, ", ".join(each.events), "yes" if each.active else each.disabled_because or "no")
            for each in found
        ]
        console.print(table("Webhooks", ["id", "address", "events", "active"], rows))

    with plain_errors():
        with_world(work)


@app.command("parked")
def parked_command(
    partner: Partner = None, limit: Annotated[int, typer.Option("-n", min=1, max=1000, help="At most.")] = 20
) -> None:
    """Deliveries that were given up, newest event first."""

    async def work(world: World) -> None:
        found = await world.stores.webhooks.parked_deliveries(partner, limit)
        if not found:
            console.print("No delivery was given up.")
            return
        rows = [(f"{each.id}\nto {each.webhook_id}", each.type, each.attempts, each.last_error) for each in found]
        console.print(table("Deliveries given up", ["id", "event", "attempts#", "last error"], rows))

    with plain_errors():
        with_world(work)


@app.command("replay")
def replay_command(
    ids: Annotated[list[str] | None, typer.Argument(help="Ids of deliveries.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All that were given up.")] = False,
    partner: Partner = None,
) -> None:
    """Try them again, with all attempts anew and under their ids, so that receivers know what they have seen."""

    async def work(world: World) -> None:
        if bool(ids) == every:
            raise CommandInvalid([Problem("ids", "which", "name ids, or replay all by --all")])
        store = world.stores.webhooks
        meant = ids or [each.id for each in await store.parked_deliveries(partner, MOST)]
        replayed = await store.replay_deliveries(meant, partner, world.clock.real_now())
        if ids and not replayed:
            raise NotFound("none of these was given up; `referrals webhook parked` shows what was")
        console.print(f"Replayed: {replayed} deliveries.")

    with plain_errors():
        with_world(work)
