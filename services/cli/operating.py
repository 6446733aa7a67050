"""Commands for whoever runs the exchange: what processes need before they start, their backlog, who may submit."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import Annotated

import typer

from schemas.topics import Group, Topic
from services.adapters.kafka.backlog import backlogs
from services.adapters.quiet import READS
from services.bootstrap import World, prepare
from services.cli.console import console, plain_errors, table
from services.cli.session import with_world
from services.core.ids import partner_id
from services.core.stores import Publisher


def init_command() -> None:
    """Create the topics and indexes that are missing; what exists is left as it is."""

    async def work(world: World) -> None:
        created = await prepare(world)
        console.print(f"Topics created: {', '.join(created) or 'none, all were there'}. Indexes are there.")

    with plain_errors():
        with_world(work)


def lag_command() -> None:
    """How many records each consumer group has still to do, how long the oldest has waited, and what else waits."""

    async def work(world: World) -> None:
        reads = {group.value: topics for group, topics in {**READS, Group.EXPIRER: (Topic.CLOCK_TICKS,)}.items()}
        found = await backlogs(world.admin, world.follower, reads)
        now = world.clock.real_now()
        rows = [(group, each.records, age(now - each.oldest) if each.oldest else "") for group, each in found.items()]
        pending = await world.quiet.pending(all_of_it=True)
        console.print(table("Backlog", ["group", "records#", "oldest has waited#"], rows))
        console.print(table("Waiting now", ["what", "number#"], pending.items() or [("nothing", 0)]))

    with plain_errors():
        with_world(work)


def age(waited: timedelta) -> str:
    """A span in its two largest units: 3 d 4 h, 12 min 5 s."""
    seconds = max(0, int(waited.total_seconds()))
    parts = [(seconds // 86400, "d"), (seconds // 3600 % 24, "h"), (seconds // 60 % 60, "min"), (seconds % 60, "s")]
    first = next((n for n, (number, _) in enumerate(parts) if number), len(parts) - 1)
    return " ".join(f"{number} {unit}" for number, unit in parts[first : first + 2])


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
