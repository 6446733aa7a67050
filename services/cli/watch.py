"""The command `watch`: a live table of what happens, straight from Kafka."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.live import Live

from schemas.topics import Topic
from services.adapters.wire import event_of
from services.bootstrap import World
from services.cli.console import console, plain_errors, table
from services.cli.session import with_world
from services.core.errors import Invalid
from services.core.events import Event
from services.core.ports import Record

TOPICS = (
    Topic.RFI_ACCEPTED,
    Topic.RFI_REFUSED,
    Topic.ENGAGEMENT_EVENTS,
    Topic.REFERRAL_EVENTS,
    Topic.PARTNER_PROFILES,
    Topic.DEAD_LETTERS,
)

#: Facts worth a column's place, in this order; events hold no personal data.
_TOLD = ("status", "substatus", "reason", "flame", "because", "partnerId", "version", "problems")


def row_of(record: Record) -> tuple[str, str, str, str]:
    """A record as (time, type, subject, facts); one that can't be read is shown as such."""
    try:
        event = event_of(record)
    except Invalid as error:
        return (record.timestamp.strftime("%H:%M:%S"), record.topic, record.where, type(error).__name__)
    return (event.at.strftime("%Y-%m-%d %H:%M:%S"), event.type, event.subject, facts_of(event))


def facts_of(event: Event) -> str:
    """The telling facts of an event in one line."""
    return ", ".join(f"{k} {event.facts[k]}" for k in _TOLD if event.facts.get(k) not in {None, ""})


class Board:
    """The newest events and how many of each type there were."""

    def __init__(self, lines: int) -> None:
        self.rows: deque[tuple[str, str, str, str]] = deque(maxlen=lines)
        self.counts: Counter[str] = Counter()

    def take(self, records: Sequence[Record]) -> None:
        """Add records."""
        for record in records:
            row = row_of(record)
            self.rows.append(row)
            self.counts[row[1]] += 1

    def render(self) -> RenderableType:
        """Both tables."""
        events = table("Events (newest last; Ctrl-C ends)", ["at (UTC)", "what", "subject", "facts"], self.rows)
        return Group(events, table("Seen so far", ["what", "number#"], sorted(self.counts.items())))


def watch_command(
    all_: Annotated[bool, typer.Option("--all", help="From the beginning, not only what comes.")] = False,
    until: Annotated[int | None, typer.Option(help="End after this many events.")] = None,
    lines: Annotated[int, typer.Option("-n", min=1, max=200)] = 25,
) -> None:
    """Follow RFIs, referrals and profile changes as they happen."""

    async def work(world: World) -> None:
        board = Board(lines)
        with Live(board.render(), console=console, refresh_per_second=8) as live:
            async for records in world.follow(TOPICS, "beginning" if all_ else "end"):
                board.take(records)
                live.update(board.render())
                if until is not None and board.counts.total() >= until:
                    return

    with plain_errors():
        try:
            with_world(work)
        except KeyboardInterrupt:
            console.print("Ended.")
