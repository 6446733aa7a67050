"""Commands on dead letters: records that a consumer could not use, with why; replay them after a fix, or drop them."""

from __future__ import annotations

from typing import Annotated

import typer

from services.adapters.kafka.subscription import REPLAY_GROUP_HEADER
from services.bootstrap import World
from services.cli.console import console, plain_errors, table
from services.cli.session import with_world
from services.core.errors import CommandInvalid, NotFound, Problem
from services.core.ids import dead_letter_id
from services.core.ports import DeadLetter, Outgoing

app = typer.Typer(help="Dead letters: records that a consumer could not use.", no_args_is_help=True)


def addressed(letter: DeadLetter) -> Outgoing:
    """The original for the group that failed, on its old partition; every other group skips it.

    Raises:
        CommandInvalid: the original's retention is over.
    """
    record = letter.record
    if record.value is None:
        raise CommandInvalid([Problem("", "original_gone", "the original is no longer kept; only drop is left")])
    kept = tuple((name, value) for name, value in record.headers if name != REPLAY_GROUP_HEADER)
    return Outgoing(
        topic=record.topic,
        key=(record.key or b"").decode("utf-8", "replace"),
        value=record.value,
        headers=(*kept, (REPLAY_GROUP_HEADER, letter.group.encode())),
        partition=record.partition,
    )


async def replay(world: World, id_: str) -> None:
    """Publish the original again, then close the letter. A crash in between leaves it open: again does no harm.

    Raises:
        NotFound: there is no such letter.
        CommandInvalid: the original's retention is over.
        DependencyUnavailable: an engine does not answer.
    """
    await world.publisher.publish([addressed(await _letter(world, id_))])
    await world.stores.dead_letters.drop(id_, "replayed", world.clock.real_now())


async def _letter(world: World, id_: str) -> DeadLetter:
    found = (await world.stores.dead_letters.load([id_])).get(id_)
    if found is None:
        raise NotFound(f"there is no dead letter {id_}; `referrals dlq list` shows those that are open")
    return found


def _id(letter: DeadLetter) -> str:
    record = letter.record
    return dead_letter_id(letter.group, record.topic, record.partition, record.offset)


@app.command("list")
def list_command(
    group: Annotated[str | None, typer.Option(help="Only of this consumer group.")] = None,
    reason: Annotated[str | None, typer.Option(help="Only for this reason.")] = None,
    limit: Annotated[int, typer.Option("-n", min=1, max=1000)] = 20,
) -> None:
    """Dead letters that nobody has replayed or dropped, newest first."""

    async def work(world: World) -> None:
        found = await world.stores.dead_letters.listed(limit, group, reason)
        rows = [(_id(x), x.group, x.record.where, x.reason, x.detail, f"{x.at:%Y-%m-%d %H:%M}") for x in found]
        title = f"Dead letters ({await world.stores.dead_letters.count()} open)"
        console.print(table(title, ["id", "group", "record", "reason", "detail", "at (UTC)"], rows))

    with plain_errors():
        with_world(work)


@app.command("show")
def show_command(
    letter_id: str, original: Annotated[bool, typer.Option(help="Print the original bytes and nothing else.")] = False
) -> None:
    """One dead letter; --original prints the record (it may hold personal data)."""

    async def work(world: World) -> None:
        letter = await _letter(world, letter_id)
        if original:
            typer.echo((letter.record.value or b"").decode("utf-8", "replace"))
            return
        rows = [
            ("group", letter.group),
            ("record", letter.record.where),
            ("reason", letter.reason),
            ("detail", letter.detail),
            ("attempts", letter.attempts),
            ("at", letter.at.isoformat(timespec="seconds")),
        ]
        console.print(table(f"Dead letter {letter_id}", ["what", ""], rows))
        console.print(f"After a fix: referrals dlq replay {letter_id}")

    with plain_errors():
        with_world(work)


@app.command("replay")
def replay_command(letter_ids: list[str]) -> None:
    """Give records again to the group that failed, after a fix. Twice does no harm: effects happen once."""

    async def work(world: World) -> None:
        for letter_id in letter_ids:
            await replay(world, letter_id)
            console.print(f"{letter_id}: given again to its group.")

    with plain_errors():
        with_world(work)


@app.command("drop")
def drop_command(letter_id: str, why: Annotated[str, typer.Option(help="For whoever looks later.")]) -> None:
    """Close a dead letter for good; it stays readable until its retention ends."""

    async def work(world: World) -> None:
        await _letter(world, letter_id)
        await world.stores.dead_letters.drop(letter_id, why, world.clock.real_now())
        console.print(f"{letter_id}: dropped.")

    with plain_errors():
        with_world(work)
