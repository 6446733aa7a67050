"""Commands on dead letters: records that a consumer could not use, with why; replay them after a fix, or drop them."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from services.adapters.replaying import OnError, Replay, Replayer
from services.bootstrap import World
from services.cli.console import console, errors, plain_errors, table
from services.cli.letters import (
    All,
    DryRun,
    Group,
    Reason,
    Since,
    Text,
    Topic,
    chunks,
    meant,
    narrowed,
    not_found,
    show_counts,
    show_letters,
    show_rehearsal,
)
from services.cli.session import with_world

app = typer.Typer(help="Dead letters: records that a consumer could not use.", no_args_is_help=True)


@app.command("list")
def list_command(
    group: Group = None,
    topic: Topic = None,
    reason: Reason = None,
    since: Since = None,
    text: Text = None,
    counts: Annotated[bool, typer.Option("--counts", help="Only how many, by group, topic and reason.")] = False,
    limit: Annotated[int, typer.Option("-n", min=1, max=1000)] = 20,
) -> None:
    """Dead letters that nobody has replayed or dropped, newest first."""

    async def work(world: World) -> None:
        which = narrowed(world, group, topic, reason, since, text)
        numbers = await world.stores.aside.letter_counts(which)
        found, everything = sum(numbers.values()), await world.stores.dead_letters.count()
        title = (
            f"Dead letters ({everything} open)" if found == everything else f"Dead letters ({found} of {everything})"
        )
        if counts:
            show_counts(numbers, title)
            return
        show_letters(await world.stores.aside.letters(which, limit), title)
        if found > limit:
            console.print(f"{found - limit} more: -n shows more of them, --counts sums them up.")

    with plain_errors():
        with_world(work)


@app.command("show")
def show_command(
    letter_id: str, original: Annotated[bool, typer.Option(help="Print the original bytes and nothing else.")] = False
) -> None:
    """One dead letter; --original prints the record (it may hold personal data)."""

    async def work(world: World) -> None:
        letter = (await world.stores.dead_letters.load([letter_id])).get(letter_id)
        if letter is None:
            raise not_found(letter_id)
        if original:
            typer.echo((letter.record.value or b"").decode("utf-8", "replace"))
            return
        closed = (await world.stores.aside.closings([letter_id])).get(letter_id)
        rows = [
            ("group", letter.group),
            ("record", letter.record.where),
            ("reason", letter.reason),
            ("detail", letter.detail),
            ("attempts", letter.attempts),
            ("at", letter.at.isoformat(timespec="seconds")),
            ("original", "not kept (any more)" if letter.record.value is None else f"{len(letter.record.value)} bytes"),
            ("closed", f"{closed.at.isoformat(timespec='seconds')}, {closed.why}" if closed else "no"),
        ]
        console.print(table(f"Dead letter {letter_id}", ["what", ""], rows))
        if not closed:
            console.print(f"After a fix: referrals dlq replay {letter_id}")

    with plain_errors():
        with_world(work)


@app.command("replay")
def replay_command(
    letter_ids: Annotated[list[str] | None, typer.Argument(help="Named ones, even if they were closed before.")] = None,
    group: Group = None,
    topic: Topic = None,
    reason: Reason = None,
    since: Since = None,
    text: Text = None,
    everything: All = False,
    dry_run: DryRun = False,
    on_error: Annotated[OnError, typer.Option(help="When one can't be replayed.")] = OnError.STOP,
) -> None:
    """Give records again to the group that failed, after a fix, oldest first. Twice does no harm: effects happen once.

    Exit code 1 when some could not be replayed.
    """

    async def work(world: World) -> bool:
        which = narrowed(world, group, topic, reason, since, text)
        ids = await meant(world, letter_ids, which, everything=everything)
        if dry_run:
            await show_rehearsal(world, ids, "replayed")
            return True
        replayer = Replayer(
            letters=world.stores.dead_letters,
            aside=world.stores.aside,
            publisher=world.publisher,
            now=world.clock.real_now,
            on_error=on_error,
            again=bool(letter_ids),
        )
        with _progress() as bar:
            task = bar.add_task("Replaying", total=len(ids))
            done = await replayer.run(ids, lambda number: bar.advance(task, number))
        _tell(done, len(ids))
        return not done.failed

    with plain_errors():
        if not with_world(work):
            raise typer.Exit(1)


def _tell(done: Replay, meant: int) -> None:
    for id_, why in done.failed:
        errors.print(f"{id_}: {why}")
    console.print(f"{done.replayed} given again to their groups.")
    if done.closed_before:
        console.print(f"{done.closed_before} were closed by somebody else meanwhile.")
    left = meant - done.replayed - done.closed_before - len(done.failed)
    if left:
        console.print(f"Stopped: {left} are left as they were. `--on-error continue` passes over such letters.")


def _progress() -> Progress:
    parts = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    return Progress(*parts, console=console, transient=True)


@app.command("drop")
def drop_command(
    why: Annotated[str, typer.Option(help="For whoever looks later.")],
    letter_ids: Annotated[list[str] | None, typer.Argument(help="Named ones.")] = None,
    group: Group = None,
    topic: Topic = None,
    reason: Reason = None,
    since: Since = None,
    text: Text = None,
    everything: All = False,
    dry_run: DryRun = False,
) -> None:
    """Close dead letters for good; they stay readable until their retention ends."""

    async def work(world: World) -> None:
        which = narrowed(world, group, topic, reason, since, text)
        ids = await meant(world, letter_ids, which, everything=everything)
        if dry_run:
            await show_rehearsal(world, ids, "dropped")
            return
        with _progress() as bar:
            task = bar.add_task("Dropping", total=len(ids))
            for some in chunks(ids):
                await world.stores.aside.close(some, why, world.clock.real_now())
                bar.advance(task, len(some))
        console.print(f"{len(ids)} dropped.")

    with plain_errors():
        with_world(work)
