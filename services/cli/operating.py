"""Commands for whoever runs the exchange: one process, what it needs before, its backlog, who may submit."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import sys
from typing import Annotated

import typer

from services.adapters.settings import Settings
from services.adapters.telemetry import configure_logging
from services.bootstrap import World, prepare
from services.cli.console import console, errors, plain_errors, table
from services.cli.session import with_world
from services.core.ids import partner_id
from services.core.stores import Publisher


def run_command(process: Annotated[str, typer.Argument(help="intake, router, notifier or expirer")]) -> None:
    """Run one process in the foreground, until SIGTERM. Settings come from the environment (REFERRALS_…)."""
    # All rooms and their servers: nearly half of what every other command would take to start.
    from services.processes import PROCESSES, run_process

    if process not in PROCESSES:
        errors.print(f"There is no process {process!r}: {', '.join(PROCESSES)}")
        raise typer.Exit(2)
    settings = Settings()
    configure_logging(process, settings.instance, form=settings.log_format, level=settings.log_level)
    if sys.platform == "win32":
        raise typer.Exit(asyncio.run(run_process(process, settings)))
    import uvloop

    raise typer.Exit(uvloop.run(run_process(process, settings)))


def init_command() -> None:
    """Create the topics and indexes that are missing; what exists is left as it is."""

    async def work(world: World) -> None:
        created = await prepare(world)
        console.print(f"Topics created: {', '.join(created) or 'none, all were there'}. Indexes are there.")

    with plain_errors():
        with_world(work)


def lag_command() -> None:
    """How many records each consumer group has still to do, and what else waits."""

    async def work(world: World) -> None:
        lag = await world.quiet.lag()
        pending = await world.quiet.pending()
        console.print(table("Backlog", ["group", "records#"], lag.items()))
        console.print(table("Waiting now", ["what", "number#"], pending.items() or [("nothing", 0)]))

    with plain_errors():
        with_world(work)


def publisher_command(
    name: Annotated[str, typer.Argument(help="A name for people.")],
    source: Annotated[str, typer.Argument(help="The source its RFIs get, for example https://marketing.example.com")],
) -> None:
    """Let a system submit over HTTP; prints its token once. Only a hash of the token is stored."""

    async def work(world: World) -> None:
        token = secrets.token_urlsafe(32)
        hashed = hashlib.sha256(token.encode()).hexdigest()
        identifier = partner_id("publisher", name)
        await world.stores.publishers.put(Publisher(id=identifier, source=source, token_hash=hashed))
        console.print(f"Token of {name} (shown only now): {token}")
        console.print("Use it as: Authorization: Bearer TOKEN")

    with plain_errors():
        with_world(work)
