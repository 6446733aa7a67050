"""How does the command line choose dead letters and show them?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Annotated

import typer

from services.adapters.replaying import AT_A_TIME
from services.bootstrap import World
from services.cli.clock import period
from services.cli.console import console, table
from services.core.aside import Letters
from services.core.errors import CommandInvalid, NotFound, Problem
from services.core.ids import dead_letter_id
from services.core.ports import DeadLetter

#: More than ever wait at a time: as many ids as a command for all of them reads.
MOST = 1_000_000

#: From this width on a letter is one line of the list.
WIDE = 150

Group = Annotated[str | None, typer.Option(help="Only of this consumer group.")]
Topic = Annotated[str | None, typer.Option(help="Only of this topic.")]
Reason = Annotated[str | None, typer.Option(help="Only for this reason.")]
Since = Annotated[str | None, typer.Option(help="Only younger ones: 90m, 24h, 3d, or a time like 2026-11-21T15:00Z.")]
Text = Annotated[str | None, typer.Option(help="Only with this in the detail, in capitals or not.")]
All = Annotated[bool, typer.Option("--all", help="All that are open.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]

#: Number of letters by (group, topic, reason).
Counts = Mapping[tuple[str, str, str], int]


def instant(text: str, now: datetime) -> datetime:
    """`24h` before now, or the instant that the text names (UTC where it names no zone).

    Raises:
        CommandInvalid: it is neither.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        try:
            return now - period(text)
        except CommandInvalid as error:
            words = f"{text!r} is no time: write for example 24h, 3d or 2026-11-21T15:00Z"
            raise CommandInvalid([Problem("--since", "instant", words)]) from error
    return found if found.tzinfo else found.replace(tzinfo=now.tzinfo)


def narrowed(
    world: World, group: str | None, topic: str | None, reason: str | None, since: str | None, text: str | None
) -> Letters:
    """The filter that the options make.

    Raises:
        CommandInvalid: `since` is no time.
    """
    after = instant(since, world.clock.real_now()) if since else None
    return Letters(group=group, topic=topic, reason=reason, since=after, text=text)


async def meant(world: World, ids: Sequence[str] | None, which: Letters, *, everything: bool) -> list[str]:
    """Ids of the letters that a command means: those named, or those that the filters choose, oldest first.

    Raises:
        CommandInvalid: it names none, or both; a slip must not touch all of them.
        NotFound: one that is named does not exist.
    """
    if bool(ids) == (which != Letters() or everything):
        words = "name letters by id, or choose them by --group, --topic, --reason, --since, --text or --all"
        raise CommandInvalid([Problem("letters", "which", words)])
    if not ids:
        return await world.stores.aside.letter_ids(which, MOST)
    known = await world.stores.dead_letters.load(ids)
    for id_ in ids:
        if id_ not in known:
            raise not_found(id_)
    return list(dict.fromkeys(ids))


def not_found(id_: str) -> NotFound:
    """What to say of an id that no letter has."""
    return NotFound(f"there is no dead letter {id_}; `referrals dlq list` shows those that are open")


def chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """The ids in portions."""
    return (ids[start : start + AT_A_TIME] for start in range(0, len(ids), AT_A_TIME))


async def show_rehearsal(world: World, ids: Sequence[str], verb: str) -> None:
    """Say what would be done."""
    counts: Counter[tuple[str, str, str]] = Counter()
    for some in chunks(ids):
        found = await world.stores.dead_letters.load(some)
        counts.update((letter.group, letter.record.topic, letter.reason) for letter in found.values())
    if counts:
        show_counts(counts, f"To be {verb}")
    console.print(f"Dry run, nothing was done: {len(ids)} would be {verb}.")


def show_counts(counts: Counts, title: str) -> None:
    """How many, by group, topic and reason, most first."""
    rows = [(*kind, number) for kind, number in sorted(counts.items(), key=lambda each: -each[1])]
    console.print(table(title, ["group", "topic", "reason", "number#"], rows))


def show_letters(found: Sequence[DeadLetter], title: str) -> None:
    """A line for each where there is room, else a few short ones."""
    if console.width >= WIDE:
        rows = [(id_of(x), x.group, x.record.where, x.reason, x.detail, f"{x.at:%Y-%m-%d %H:%M}") for x in found]
        console.print(table(title, ["id", "group", "record", "reason", "detail", "at (UTC)"], rows))
        return
    short = [
        (f"{id_of(x)}\n{x.record.where}\n{x.group}", f"{x.at:%Y-%m-%d %H:%M}\n{x.reason}\n{x.detail}") for x in found
    ]
    made = table(title, ["id", "at (UTC), reason, detail"], short)
    made.show_lines = True
    console.print(made)


def id_of(letter: DeadLetter) -> str:
    """The id of a letter."""
    record = letter.record
    return dead_letter_id(letter.group, record.topic, record.partition, record.offset)
