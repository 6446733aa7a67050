"""The command `indexes`: what an earlier version left in the database that nothing reads any more."""

from __future__ import annotations

from typing import Annotated

import typer

from services.adapters.mongo.old_indexes import drop_indexes, old_indexes
from services.bootstrap import World
from services.cli.console import console, plain_errors, table
from services.cli.session import with_world


def indexes_command(
    *, drop: Annotated[bool, typer.Option("--drop", help="Drop them: once no process of the old version runs.")] = False
) -> None:
    """Indexes that this version does not use: every write still pays for them. Without --drop nothing changes."""

    async def work(world: World) -> None:
        old = await old_indexes(world.mongo)
        if not old:
            console.print("Every index is in use.")
            return
        if drop:
            await drop_indexes(world.mongo, old)
        console.print(table("Dropped" if drop else "Not used by this version", ["collection", "index"], old))
        if not drop:
            console.print("Once no process of an older version runs: referrals indexes --drop")

    with plain_errors():
        with_world(work)
