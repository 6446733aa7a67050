"""The command `foreign-ids`: which partners asked for things of others, and were told that there are none."""

from __future__ import annotations

from typing import Annotated

import typer

from services.bootstrap import World
from services.cli.console import console, plain_errors, table
from services.cli.session import with_world
from services.core.foreign_ids import KEPT


def foreign_ids_command(
    limit: Annotated[int, typer.Option("-n", min=1, max=1000, help="At most so many.")] = 20,
) -> None:
    """Who asked for others' things by their ids, the latest first; each was told that there is no such thing."""

    async def work(world: World) -> None:
        found = await world.stores.foreign_asks.newest(limit)
        if not found:
            console.print(f"Nobody, in the last {KEPT.days} days.")
            return
        rows = [
            (
                f"{each.last_at:%Y-%m-%d %H:%M}",
                each.partner_id,
                each.by,
                each.operation,
                f"{each.thing} {each.thing_id}",
                each.times,
            )
            for each in found
        ]
        console.print(
            table("Asked for others' things", ["last", "partner", "by", "operation", "thing", "times#"], rows)
        )

    with plain_errors():
        with_world(work)
